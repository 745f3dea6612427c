"""Calendar months in Japan, as one number: 12 × year + month − 1. So months compare and subtract."""

from __future__ import annotations

from datetime import date

from warifu.kernel.instants import day_at

Month = int
"""12 × year + month − 1."""


def month_of(day: date) -> Month:
    """The month of a calendar day."""
    return day.year * 12 + day.month - 1


def month_at(instant: int) -> Month:
    """The month in Japan of an instant in milliseconds since 1970."""
    return month_of(day_at(instant))


def text(month: Month) -> str:
    """The month as ISO 8601 writes it, such as "2026-04"."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
