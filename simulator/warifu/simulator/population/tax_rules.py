"""The rules of local income tax, as far as the population needs them: pure functions on whole yen.

Years are tax years (FY): FY 2026 taxes the income of 2025. Rules of three eras are kept, because seven years of history
cross them: up to FY2020, FY2021-2025 (deductions moved by 100,000 yen), from FY2026 (least salary deduction 650,000).
Figures: docs/POPULATION.md says where each comes from.
"""

from dataclasses import dataclass
from typing import Final

_REFORM_2021: Final = 2021
_REFORM_2026: Final = 2026
_FOREST_TAX_FROM: Final = 2024
_PENSION_AGE: Final = 65
_SALARY_TABLE_STEP: Final = 4_000


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a taxpayer deducts for. Counts of persons; ``spouse`` and ``spouse_70`` exclude each other."""

    spouse: bool = False
    spouse_70: bool = False
    general: int = 0
    """16-18 and 23-69."""
    specific: int = 0
    """19-22."""
    elderly: int = 0
    """70 and over."""
    elderly_parent: int = 0
    """70 and over, parent living together."""
    under_16: int = 0
    single_parent: bool = False

    @property
    def deducted(self) -> int:
        """Dependants with a deduction (扶養人数), without the spouse."""
        return self.general + self.specific + self.elderly + self.elderly_parent

    @property
    def heads(self) -> int:
        """All who count in the limits of non-taxation: spouse, dependants, children."""
        return int(self.spouse or self.spouse_70) + self.deducted + self.under_16


@dataclass(frozen=True, slots=True)
class Levies:
    """What is owed, and the base it stands on; yen."""

    taxable_base: int
    adjustment_credit: int
    municipal_income: int
    prefectural_income: int
    municipal_per_capita: int
    prefectural_per_capita: int
    forest: int


def salary_income(revenue: int, tax_year: int) -> int:
    """Salary after the employment income deduction (給与所得).

    Between the least deduction and 6.6 million yen the statutory table goes in steps of 4,000 yen. The few odd lines just
    above the least deduction are left out, so results there can differ from the table's by up to 2,000 yen.
    """
    if tax_year < _REFORM_2021:
        least, rows = 650_000, ((1_800_000, 60, 0), (3_600_000, 70, -180_000), (6_600_000, 80, -540_000))
        top: tuple[tuple[int, int, int], ...] = ((10_000_000, 90, -1_200_000),)
        fixed = 2_200_000
    else:
        least, rows = 550_000, ((1_800_000, 60, 100_000), (3_600_000, 70, -80_000), (6_600_000, 80, -440_000))
        top = ((8_500_000, 90, -1_100_000),)
        fixed = 1_950_000
    if tax_year >= _REFORM_2026:
        least = 650_000
    by_least = max(0, revenue - least)
    for limit, percent, constant in rows:
        if revenue < limit:
            stepped = revenue // _SALARY_TABLE_STEP * _SALARY_TABLE_STEP
            return min(by_least, stepped * percent // 100 + constant)
    for limit, percent, constant in top:
        if revenue <= limit:
            return revenue * percent // 100 + constant
    return revenue - fixed


def pension_income(revenue: int, age: int, tax_year: int) -> int:
    """Public pension after its deduction (公的年金等に係る雑所得); ``age`` on 31 December of the income year."""
    cut = 100_000 if tax_year >= _REFORM_2021 else 0
    least = (1_200_000 if age >= _PENSION_AGE else 700_000) - cut
    deduction = max(least, revenue // 4 + 375_000 - cut)
    return max(0, revenue - deduction)


def total_income(salary: int, pension: int, business: int, tax_year: int) -> int:
    """合計所得金額 of incomes after their deductions, with the adjustment for who has both salary and pension."""
    total = salary + pension + business
    if tax_year >= _REFORM_2021 and salary > 0 and pension > 0:
        total -= max(0, min(salary, 100_000) + min(pension, 100_000) - 100_000)
    return total


def dependant_limit(tax_year: int) -> int:
    """The highest total income of a dependant: 380,000, then 480,000, from FY2026 580,000 yen."""
    if tax_year >= _REFORM_2026:
        return 580_000
    return 480_000 if tax_year >= _REFORM_2021 else 380_000


def basic_deduction(tax_year: int) -> int:
    """基礎控除 of local tax; the reduction above 24 million yen does not occur in the population."""
    return 430_000 if tax_year >= _REFORM_2021 else 330_000


def spouse_deduction(claims: Claims) -> int:
    """配偶者控除."""
    return 380_000 * claims.spouse_70 + 330_000 * (claims.spouse and not claims.spouse_70)


def dependant_deduction(claims: Claims) -> int:
    """扶養控除; children under 16 give none."""
    return 330_000 * claims.general + 450_000 * (claims.specific + claims.elderly_parent) + 380_000 * claims.elderly


def single_parent_deduction(claims: Claims, tax_year: int) -> int:
    """ひとり親控除, from FY2021 for both sexes; before it the widow's deduction of the same amount is taken for it."""
    return (300_000 if tax_year >= _REFORM_2021 else 260_000) * claims.single_parent


def per_capita_limit(claims: Claims, tax_year: int) -> int:
    """Total income up to which neither levy is owed (class-1 area)."""
    return _limit(claims, tax_year, 210_000)


def income_levy_limit(claims: Claims, tax_year: int) -> int:
    """Total income up to which no income levy is owed."""
    return _limit(claims, tax_year, 320_000)


def _limit(claims: Claims, tax_year: int, with_dependants: int) -> int:
    base = 350_000 * (1 + claims.heads) + (100_000 if tax_year >= _REFORM_2021 else 0)
    return base + (with_dependants if claims.heads else 0)


def exempt_single_parent(income: int, claims: Claims, tax_year: int) -> bool:
    """Single parents up to 1.35 million yen (1.25 million before FY2021) owe nothing."""
    return claims.single_parent and income <= (1_350_000 if tax_year >= _REFORM_2021 else 1_250_000)


def levies(income: int, deductions: int, claims: Claims, tax_year: int, *, designated: bool, exempt: bool) -> Levies:
    """What is owed on a total ``income`` after ``deductions``; ``exempt`` persons owe nothing whatever they earn.

    A designated city takes 8 of the 10 percent, other municipalities 6. Levies are rounded down to 100 yen, the
    base to 1,000.
    """
    base = max(0, income - deductions) // 1000 * 1000
    if exempt or income <= per_capita_limit(claims, tax_year):
        return Levies(base, 0, 0, 0, 0, 0, 0)
    municipal_per_capita, prefectural_per_capita, forest = per_capita(tax_year)
    if income <= income_levy_limit(claims, tax_year):
        return Levies(base, 0, 0, 0, municipal_per_capita, prefectural_per_capita, forest)
    credit = adjustment_credit(base, claims)
    share = 8 if designated else 6
    municipal = max(0, base * share // 100 - credit * share // 10) // 100 * 100
    prefectural = max(0, base * (10 - share) // 100 - credit * (10 - share) // 10) // 100 * 100
    return Levies(base, credit, municipal, prefectural, municipal_per_capita, prefectural_per_capita, forest)


def per_capita(tax_year: int) -> tuple[int, int, int]:
    """Municipal and prefectural per-capita levy and forest environment tax (from FY2024, when 500 + 500 yen ended)."""
    if tax_year >= _FOREST_TAX_FROM:
        return 3_000, 1_000, 1_000
    return 3_500, 1_500, 0


def adjustment_credit(base: int, claims: Claims) -> int:
    """調整控除: 5 % of the differences between the two taxes' personal deductions."""
    gap = 50_000 + 50_000 * (claims.spouse and not claims.spouse_70) + 100_000 * claims.spouse_70
    gap += (
        50_000 * claims.general + 180_000 * claims.specific + 100_000 * claims.elderly + 130_000 * claims.elderly_parent
    )
    gap += 50_000 * claims.single_parent
    if base <= 2_000_000:  # noqa: PLR2004 - the limit that the article names
        return min(gap, base) * 5 // 100
    return max(2_500, (gap - (base - 2_000_000)) * 5 // 100)
