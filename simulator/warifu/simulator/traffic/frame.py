"""When traffic falls: a working day, the fullest hour of the year, or a year, by the network's own calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from warifu.kernel.clock import JAPAN
from warifu.simulator.traffic.mix import HOURS, Mix

_FRIDAY: Final = 4
_MID_MONTH: Final = 15
_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Frame:
    """Days, perhaps one hour of them, and how finely the clock is moved through it."""

    name: str
    """"day", "peak" or "year"."""
    days: tuple[date, ...]
    hour: int | None
    step: timedelta
    """Inquiries within so much simulated time are made at one setting of the clock. Divides a day, and never spans 8:00 or 20:00."""
    whole: int
    """How many inquiries the country makes in it."""

    def hours(self, weights: Sequence[float]) -> list[tuple[int, float]]:
        """The hours of it that a profile has, with their weights."""
        chosen = range(HOURS) if self.hour is None else (self.hour,)
        return [(hour, weights[hour]) for hour in chosen if weights[hour] > 0]


def a_day(now: datetime, mix: Mix) -> Frame:
    """The next working day after `now`."""
    return Frame(
        "day", (_working(now.date() + timedelta(days=1)),), None, timedelta(minutes=10), mix.volume.working_day
    )


def the_peak(now: datetime, mix: Mix) -> Frame:
    """The fullest hour of a working day in the middle of the fullest month that comes next."""
    month, hour = mix.busiest()
    day = _working(date(now.year, month, _MID_MONTH))
    if day <= now.date():
        day = _working(date(now.year + 1, month, _MID_MONTH))
    share = mix.month(month) / 21 * mix.hour(month, hour)  # of some 21 working days
    return Frame("peak", (day,), hour, timedelta(minutes=1), round(mix.volume.year * share))


def a_year(now: datetime, mix: Mix) -> Frame:
    """The 365 days after `now`."""
    days = tuple(now.date() + timedelta(days=number + 1) for number in range(_YEAR))
    return Frame("year", days, None, timedelta(hours=4), mix.volume.year)


def at(day: date, hour: int, seconds: float = 0.0) -> datetime:
    """An instant of a day in Japan."""
    return datetime.combine(day, time(hour), JAPAN) + timedelta(seconds=seconds)


def _working(day: date) -> date:
    while day.weekday() > _FRIDAY:
        day += timedelta(days=1)
    return day
