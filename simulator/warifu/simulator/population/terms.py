"""The patient's share and the class of the co-payment cap, by age and assessed income (rules of 2022-10 and later).

The classes are those of eligibility records: A01-A05 under 70 (ア to オ), B01-B06 from 70, B09 and B10 in the union's
general class. Standard monthly pay and the insurers' own income figures are approximated from the tax assessment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warifu.simulator.population.dates import age_on, school_leaving
from warifu.simulator.population.model import Scheme, TaxAssessment

_SENIOR = 70
_PRESCHOOL_ENDS = 6
_LIKE_WORKING = 1_450_000
_MIDDLE_BASE = 280_000
_MIDDLE_INCOME_ALONE = 2_000_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a patient pays: percent, and the class of the monthly cap."""

    copay_percent: int
    cap_class: str


def terms_of(scheme: Scheme, birth: date, day: date, assessments: Sequence[TaxAssessment]) -> Terms:
    """The terms on a day; without an assessment the ordinary class applies."""
    age = age_on(birth, day)
    if scheme is Scheme.UNION:
        return _union(assessments)
    if age >= _SENIOR:
        return _senior(assessments)
    preschool = day < school_leaving(birth, _PRESCHOOL_ENDS)
    return Terms(20 if preschool else 30, _class_under_70(scheme, assessments))


def _class_under_70(scheme: Scheme, assessments: Sequence[TaxAssessment]) -> str:
    if not assessments:
        return "A04"
    if not any(a.municipal_per_capita_levy for a in assessments):
        return "A05"
    if scheme is Scheme.EMPLOYEES:
        monthly = max(a.salary_revenue or 0 for a in assessments) // 12
        return _grade(monthly, (830_000, 530_000, 280_000))
    home = sum(max(0, (a.total_income or 0) - (a.basic_deduction or 0)) for a in assessments)
    return _grade(home, (9_010_001, 6_000_001, 2_100_001))


def _grade(amount: int, limits: tuple[int, int, int]) -> str:
    for position, limit in enumerate(limits, start=1):
        if amount >= limit:
            return f"A0{position}"
    return "A04"


def _senior(assessments: Sequence[TaxAssessment]) -> Terms:
    base = max((a.taxable_base or 0 for a in assessments), default=0)
    for limit, cap in ((6_900_000, "B01"), (3_800_000, "B02"), (_LIKE_WORKING, "B03")):
        if base >= limit:
            return Terms(30, cap)
    return Terms(20, _low_or(assessments, "B04"))


def _union(assessments: Sequence[TaxAssessment]) -> Terms:
    senior = _senior(assessments)
    if senior.copay_percent > 20:  # noqa: PLR2004 - the share of the middle class
        return senior
    base = max((a.taxable_base or 0 for a in assessments), default=0)
    revenue = sum((a.pension_revenue or 0) + (a.total_income or 0) - (a.pension_income or 0) for a in assessments)
    if base >= _MIDDLE_BASE and revenue >= _MIDDLE_INCOME_ALONE:
        return Terms(20, "B09")
    return Terms(10, _low_or(assessments, "B10"))


def _low_or(assessments: Sequence[TaxAssessment], ordinary: str) -> str:
    """The low-income classes of who owes no levy: B06 without any income, else B05."""
    if not assessments or any(a.municipal_per_capita_levy for a in assessments):
        return ordinary
    return "B06" if all(not a.total_income for a in assessments) else "B05"
