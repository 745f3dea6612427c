"""The mix: what is asked when, read from mix.toml. Weights only; whom it can be asked about is the crowd's to say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("mix.toml")
HOURS: Final = 24
DAYS: Final = 7
MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Volume:
    """How much is asked in the whole country."""

    year: int
    working_day: int
    source: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One row of the permission table as it is used."""

    row: str
    weight: float
    """Share of a year, among all rows' weights."""
    hours: str
    months: tuple[float, ...]
    """January to December, adding up to 1."""
    cause: str
    """Why it is asked, in a word of the ground truth."""

    def in_month(self, month: int) -> float:
        """Its weight in a month, 1 to 12: what of a year's weight falls there."""
        return self.weight * self.months[month - 1]


@dataclass(frozen=True, slots=True)
class Slips:
    """Shares of ordinary inquiries with a mistake that nobody meant."""

    stray: float
    wrong_year: float
    no_consent: float
    no_case: float
    wrong_procedure: float


@dataclass(frozen=True, slots=True)
class Incident:
    """The size of one incident of a kind of misuse."""

    least: int
    most: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Mix:
    """All of mix.toml."""

    volume: Volume
    hours: Mapping[str, tuple[float, ...]]
    """Weights by hour of each profile, adding up to 1."""
    weekdays: tuple[float, ...]
    """Monday to Sunday, adding up to 1."""
    rows: tuple[Asked, ...]
    slips: Slips
    misuse: Mapping[str, Incident]

    def month(self, month: int) -> float:
        """The share of a year that falls into a month, 1 to 12."""
        return sum(one.in_month(month) for one in self.rows) / sum(one.weight for one in self.rows)

    def day(self, day: date) -> float:
        """How full a day is beside others: its month's share by its weekday's."""
        return self.month(day.month) * self.weekdays[day.weekday()]

    def hour(self, month: int, hour: int) -> float:
        """The share of a day of a month that falls into an hour, 0 to 23."""
        rows = [(one.in_month(month), self.hours[one.hours][hour]) for one in self.rows]
        return sum(weight * share for weight, share in rows) / sum(weight for weight, _ in rows)

    def busiest(self) -> tuple[int, int]:
        """The fullest month, and the fullest hour in it."""
        month = max(range(1, MONTHS + 1), key=self.month)
        return month, max(range(HOURS), key=lambda hour: self.hour(month, hour))


class MixError(ValueError):
    """The data file is wrong; the message names the entry."""


@lru_cache(maxsize=1)
def packaged() -> Mix:
    """The mix as shipped."""
    return parse(_FILE.read_text(encoding="utf-8"))


def parse(text: str) -> Mix:
    """A mix from its TOML.

    Raises:
        MixError: an entry is missing, has too few weights, or one below 0.
    """
    try:
        found = tomllib.loads(text)
        hours = {name: _shares(one["weights"], HOURS, f"hours.{name}") for name, one in found["hours"].items()}
        rows = tuple(_asked(one, hours) for one in found["row"])
        return Mix(
            Volume(**found["volume"]),
            hours,
            _shares(found["weekdays"]["weights"], DAYS, "weekdays"),
            rows,
            Slips(**found["slips"]),
            {name: _incident(name, one) for name, one in found["misuse"].items()},
        )
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise MixError(f"the traffic mix cannot be read: {error}") from error


def _asked(entry: Mapping[str, Any], hours: Mapping[str, object]) -> Asked:
    where = f"row {entry['id']}"
    if entry["hours"] not in hours or not entry["weight"] >= 0:
        raise MixError(f"{where}: no such hours, or a weight below 0")
    months = _shares(entry["months"], MONTHS, where)
    return Asked(entry["id"], float(entry["weight"]), entry["hours"], months, entry["cause"])


def _incident(name: str, entry: Mapping[str, Any]) -> Incident:
    least, most = entry["inquiries"]
    if not 1 <= least <= most or entry["minutes"] < 1:
        raise MixError(f"misuse.{name}: not a size")
    return Incident(least, most, entry["minutes"])


def _shares(weights: list[float], length: int, where: str) -> tuple[float, ...]:
    total = float(sum(weights))
    if len(weights) != length or min(weights) < 0 or total <= 0:
        raise MixError(f"{where}: {length} weights of 0 or more are needed")
    return tuple(weight / total for weight in weights)
