"""Duty hours: when an account may work at all, by the network's clock in Japan. Public holidays count as ordinary days here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from warifu.kernel.clock import JAPAN
from warifu.law import Text

_HOUR: Final = 60
DAY: Final = 24 * _HOUR
_NAMES: Final = tuple(zip("月火水木金土日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))


@dataclass(frozen=True, slots=True)
class Duty:
    """Days of the week and hours of the day."""

    days: int
    """Bit n is weekday n; Monday is 0."""
    start: int
    """Minutes of the day."""
    end: int
    """Minutes of the day; the first that is no duty any more."""

    @classmethod
    def of(cls, days: Iterable[int], start: str, end: str) -> Duty:
        """From weekdays and times such as "08:30"."""
        return cls(sum(1 << day for day in set(days)), _minutes(start), _minutes(end))

    def covers(self, now: datetime) -> bool:
        """Whether an aware moment is duty time."""
        local = now.astimezone(JAPAN)
        return bool(self.days >> local.weekday() & 1) and self.start <= local.hour * _HOUR + local.minute < self.end

    @property
    def words(self) -> Text:
        """Such as 月–金 8:30–17:15."""
        if self == ALWAYS:
            return Text("いつでも", "any time")
        hours = f"{_time(self.start)}–{_time(self.end)}"
        ja, en = (self._days(column) for column in (0, 1))
        return Text(f"{ja} {hours}", f"{en} {hours}")

    def _days(self, column: int) -> str:
        names = [name[column] for day, name in enumerate(_NAMES) if self.days >> day & 1]
        if self.days == _WEEKDAYS:
            return f"{names[0]}–{names[-1]}"
        return ("・" if column == 0 else ", ").join(names)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * _HOUR + int(minutes)


def _time(minutes: int) -> str:
    return f"{minutes // _HOUR}:{minutes % _HOUR:02}"


_WEEKDAYS: Final = 0b0011111
ALWAYS: Final = Duty(0b1111111, 0, DAY)
"""On call."""
