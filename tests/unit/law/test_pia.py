"""Which assessment is required, and until when one counts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.law import PiaLevel, required_level
from warifu.law.pia import LEVEL_NAMES, years_after


@pytest.mark.parametrize(
    ("persons", "plain", "raised"),
    [
        (0, "NOT_REQUIRED", "NOT_REQUIRED"),
        (999, "NOT_REQUIRED", "NOT_REQUIRED"),
        (1_000, "BASIC", "BASIC"),
        (9_999, "BASIC", "BASIC"),
        (10_000, "BASIC", "FOCUSED"),
        (99_999, "BASIC", "FOCUSED"),
        (100_000, "FOCUSED", "FULL"),
        (299_999, "FOCUSED", "FULL"),
        (300_000, "FULL", "FULL"),
    ],
)
def test_the_required_level_follows_persons_staff_and_accidents(persons: int, plain: str, raised: str) -> None:
    """Each threshold holds to the person; 500 staff or an accident raise the level where the rule says so."""
    assert required_level(persons).name == plain
    assert required_level(persons, 499).name == plain
    assert required_level(persons, 500).name == raised
    assert required_level(persons, 0, serious_accident=True).name == raised


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 1000), st.booleans())
def test_more_persons_never_need_less(one: int, other: int, handlers: int, accident: bool) -> None:
    """The level never falls when the number of persons rises."""
    low, high = sorted((one, other))

    assert required_level(low, handlers, serious_accident=accident) <= required_level(
        high, handlers, serious_accident=accident
    )


@given(st.dates(date(1950, 1, 1), date(2050, 1, 1)), st.integers(1, 20))
def test_a_term_ends_on_the_same_day_of_a_later_year(day: date, years: int) -> None:
    """A term of n years is n years long to the day; a 29 February that does not exist becomes 1 March."""
    end = years_after(day, years)

    assert end.year == day.year + years
    assert (end.month, end.day) == (day.month, day.day) or (
        (day.month, day.day, end.month, end.day) == (2, 29, 3, 1) and (end - timedelta(days=1)).day == 28
    )


def test_every_level_has_names_in_both_languages() -> None:
    """The four levels are named for people."""
    assert set(LEVEL_NAMES) == set(PiaLevel)
    assert all(name.ja and name.en for name in LEVEL_NAMES.values())
