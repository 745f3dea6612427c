"""Calendar months in Japan, as one number: 12 × year + month − 1. So months compare and subtract."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final

from warifu.kernel.instants import day_at

Month = int
"""12 × year + month − 1."""
_HOUR: Final = 3_600_000


def month_of(day: date) -> Month:
    """The month of a calendar day."""
    return day.year * 12 + day.month - 1


def month_at(instant: int) -> Month:
    """The month in Japan of an instant in milliseconds since 1970."""
    return _of_hour(instant // _HOUR)


@lru_cache(maxsize=1024)
def _of_hour(hour: int) -> Month:
    """In Japan a month begins with an hour of UTC."""
    return month_of(day_at(hour * _HOUR))


def text(month: Month) -> str:
    """The month as ISO 8601 writes it, such as "2026-04"."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
