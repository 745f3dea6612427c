"""The span of the population's history, and the arithmetic of dates and ages."""

from datetime import date, timedelta
from typing import Final

HISTORY_FROM: Final = date(2019, 4, 1)
"""First day of the history that every person has."""

CLOCK_START: Final = date(2026, 4, 6)
"""Where the simulated clock starts, and the last day of the history: the first Monday of a Japanese fiscal year, seven
years after ``HISTORY_FROM``, so that a full retention period lies behind it and the tax year changes in June after it."""

FIRST_TAX_YEAR: Final = 2019
LAST_TAX_YEAR: Final = 2026
LONG_AGO: Final = date(1900, 1, 1)
"""For facts older than anybody asks: the beginning of a marriage whose date is not generated."""

ONE_DAY: Final = timedelta(days=1)
_LEAP_DAY: Final = (2, 29)
_SCHOOL_YEAR_STARTS: Final = (4, 2)


def years_after(day: date, years: int) -> date:
    """The same day ``years`` later (earlier when negative); 29 February becomes 1 March in common years."""
    if (day.month, day.day) == _LEAP_DAY:
        return (
            date(day.year + years, 2, 28) + ONE_DAY if not _is_leap(day.year + years) else date(day.year + years, 2, 29)
        )
    return date(day.year + years, day.month, day.day)


def age_on(birth: date, day: date) -> int:
    """Full years lived on ``day``, counted on the birthday."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def school_leaving(birth: date, age: int) -> date:
    """1 April after the school year in which a person turns ``age``: 18 for upper secondary school, 22 for university."""
    late = (birth.month, birth.day) >= _SCHOOL_YEAR_STARTS
    return date(birth.year + age + late, 4, 1)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
