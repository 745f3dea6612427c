"""Times as people read them: Japan time, in the language of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import datetime_at

_DAYS_JA: Final = "月火水木金土日"
_DAYS_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_AHEAD: Final = 9 * 3_600_000
"""Milliseconds by which Japan's clocks are ahead of UTC."""
_EPOCH: Final = date(1970, 1, 1)
_REIWA: Final = 2019
"""Reiwa 1; whole calendar years suffice here, since the network began in 2017 and its first years are shown without an era."""


@dataclass(frozen=True, slots=True)
class Written:
    """A moment in words."""

    iso: str
    """With offset, for machines."""
    month: str
    """Such as 2026年4月."""
    day: str
    """Such as 2026年4月6日（月）."""
    time: str
    """Such as 9時05分; English 09:05."""


def iso(when: datetime) -> str:
    """An aware moment for programs: Japan time with offset, to the millisecond."""
    return when.astimezone(JAPAN).isoformat(timespec="milliseconds")


def iso_at(instant: int) -> str:
    """The same of milliseconds since 1970."""
    if instant < 0:
        return iso(datetime_at(instant))
    days, rest = divmod(instant + _AHEAD, 86_400_000)  # since 1951 Japan's clocks were never changed
    minute, rest = divmod(rest, 60_000)
    return f"{_days.get(days) or _day(days)}{_MINUTES[minute]}{_TWO[rest // 1000]}{_REST[rest % 1000]}"


def iso_both(instant: int, after: int) -> tuple[str, str]:
    """The same of two instants, which mostly lie in one minute."""
    minute, rest = divmod(instant + _AHEAD, 60_000)
    then = rest + after - instant
    if instant < 0 or not 0 <= then < 60_000:  # noqa: PLR2004 - a minute
        return iso_at(instant), iso_at(after)
    days, minute = divmod(minute, 1440)
    begin = f"{_days.get(days) or _day(days)}{_MINUTES[minute]}"
    return f"{begin}{_TWO[rest // 1000]}{_REST[rest % 1000]}", f"{begin}{_TWO[then // 1000]}{_REST[then % 1000]}"


_TWO: Final = [f"{number:02}" for number in range(60)]
_MINUTES: Final = [f"T{hour}:{minute}:" for hour in _TWO[:24] for minute in _TWO]
_REST: Final = [f".{millisecond:03}+09:00" for millisecond in range(1000)]
"""A page has a hundred moments: to put them together costs a third of writing them."""
_DAYS: Final = 4096
_days: dict[int, str] = {}
"""Days since 1970 that were written: those of a whole term, and more."""


def _day(days: int) -> str:
    if len(_days) >= _DAYS:
        _days.clear()
    return _days.setdefault(days, (_EPOCH + timedelta(days=days)).isoformat())


def written(when: datetime, language: str) -> Written:
    """An aware moment in Japan time."""
    local = when.astimezone(JAPAN)
    words = _english if language == "en" else _japanese
    return Written(local.isoformat(timespec="seconds"), *words(local))


def day(when: date | str, language: str) -> str:
    """A day in words, such as 2026年4月6日（月） or Mon 6 April 2026; of a text in ISO 8601 too, and nothing for an empty one.

    Raises:
        ValueError: a text that is no day.
    """
    if when == "":
        return ""
    that = date.fromisoformat(when) if isinstance(when, str) else when
    words = _english if language == "en" else _japanese
    return words(datetime(that.year, that.month, that.day, tzinfo=JAPAN))[1]


def _japanese(local: datetime) -> tuple[str, str, str]:
    era = f"（令和{local.year - _REIWA + 1}年）" if local.year > _REIWA else ""
    month = f"{local.year}年{era}{local.month}月"
    day = f"{local.year}年{local.month}月{local.day}日（{_DAYS_JA[local.weekday()]}）"
    return month, day, f"{local.hour}時{local.minute:02}分"


def _english(local: datetime) -> tuple[str, str, str]:
    month = f"{_MONTHS_EN[local.month - 1]} {local.year}"
    return month, f"{_DAYS_EN[local.weekday()]} {local.day} {month}", f"{local.hour:02}:{local.minute:02}"
