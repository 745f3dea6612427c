"""Impact assessment (特定個人情報保護評価, article 28): which level a file needs, and whether the published one counts on a day.

Thresholds by number of persons, staff and accidents: Shimamoto town's page on assessments (town.shimamoto.lg.jp/soshiki/5/1220.html)
for 1,000, 100,000 and 300,000; the answer list of published assessment forms for 10,000. What staff and accidents do between
10,000 and 100,000, and the five-year term, are general knowledge (docs/GLOSSARY.md §4). Article 21 has the network refuse while
either side's file breaches article 28.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from warifu.law.model import Institution, PiaLevel, Text

NONE_BELOW = 1_000
RAISED_FROM = 10_000
FOCUSED_FROM = 100_000
FULL_FROM = 300_000
MANY_HANDLERS = 500

LEVEL_NAMES = {
    PiaLevel.NOT_REQUIRED: Text("義務なし", "not required"),
    PiaLevel.BASIC: Text("基礎項目評価", "basic assessment"),
    PiaLevel.FOCUSED: Text("重点項目評価", "focused assessment"),
    PiaLevel.FULL: Text("全項目評価", "full assessment"),
}


class PiaState(StrEnum):
    """Whether an institution's assessment stands in the way of linkage."""

    IN_ORDER = "in_order"
    MISSING = "missing"
    """None was published by that day, or one of too low a level."""
    EXPIRED = "expired"


def required_level(persons: int, handlers: int = 0, *, serious_accident: bool = False) -> PiaLevel:
    """The level that a file of so many persons needs; many staff or an accident in the past year raise it."""
    raised = handlers >= MANY_HANDLERS or serious_accident
    if persons < NONE_BELOW:
        return PiaLevel.NOT_REQUIRED
    if persons < RAISED_FROM:
        return PiaLevel.BASIC
    if persons < FOCUSED_FROM:
        return PiaLevel.FOCUSED if raised else PiaLevel.BASIC
    if persons < FULL_FROM:
        return PiaLevel.FULL if raised else PiaLevel.FOCUSED
    return PiaLevel.FULL


def years_after(day: date, years: int) -> date:
    """The same day of the year `years` later; 1 March for a 29 February that does not exist."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def pia_state(institution: Institution, day: date) -> PiaState:
    """How the institution's assessment stands on `day`."""
    if institution.pia_required is PiaLevel.NOT_REQUIRED:
        return PiaState.IN_ORDER
    filing = institution.pia
    if filing is None or filing.level < institution.pia_required or day < filing.published_on:
        return PiaState.MISSING
    return PiaState.EXPIRED if day >= filing.expires_on else PiaState.IN_ORDER
