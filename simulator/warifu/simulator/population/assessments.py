"""Tax assessments of a family: for each tax year, by home on 1 January, with everybody's claims on one another."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from warifu.simulator.population import tax_rules
from warifu.simulator.population.dates import FIRST_TAX_YEAR, LAST_TAX_YEAR, age_on
from warifu.simulator.population.drafts import Draft, Family, Home
from warifu.simulator.population.model import (
    JobKind,
    JobSpell,
    ReturnKind,
    TaxAssessment,
    TaxClass,
)
from warifu.simulator.population.tax_rules import Claims, Levies

_PUBLISHED_MONTH_DAY = (6, 10)
_FIXED_REDUCTION_YEAR = 2024
_FIXED_REDUCTION = 10_000
_ADULT = 18
_MINOR_LIMIT = 1_350_000
_OF_AGE_AT_18_FROM = 2023
_SPECIFIC = range(19, 23)
_ELDERLY = 70
_CHILD = 16


@dataclass(slots=True)
class Income:
    """What one person had in one calendar year, yen."""

    draft: Draft
    age: int
    """On 31 December of the income year."""
    salary_revenue: int
    salary: int
    pension_revenue: int
    pension: int
    business: int
    total: int
    claimed: bool = False
    """Somebody deducts for this person."""

    @property
    def nothing(self) -> bool:
        """No revenue at all."""
        return self.salary_revenue + self.pension_revenue + self.business == 0


def assess_family(family: Family, jobs: dict[Draft, tuple[JobSpell, ...]]) -> dict[Draft, list[TaxAssessment]]:
    """The assessments of everyone in a family, oldest first."""
    assessments: dict[Draft, list[TaxAssessment]] = defaultdict(list)
    for year in range(FIRST_TAX_YEAR, LAST_TAX_YEAR + 1):
        homes: dict[Home, list[Draft]] = defaultdict(list)
        for draft in family.members:
            stay = draft.stay_on(date(year, 1, 1))
            if stay is not None:
                homes[stay.home].append(draft)
        for home, people in homes.items():
            _assess_home(family, home, [_income(draft, jobs[draft], year) for draft in people], year, assessments)
    return assessments


def _income(draft: Draft, jobs: tuple[JobSpell, ...], year: int) -> Income:
    salary = business = 0
    for job in jobs:
        for earned_in, amount in job.paid:
            if earned_in == year - 1:
                if job.kind is JobKind.SELF_EMPLOYED:
                    business += amount
                else:
                    salary += amount
    age = age_on(draft.birth, date(year - 1, 12, 31))
    pension = _pension(draft, year - 1)
    salary_income = tax_rules.salary_income(salary, year) if salary else 0
    pension_income = tax_rules.pension_income(pension, age, year) if pension else 0
    total = tax_rules.total_income(salary_income, pension_income, business, year)
    return Income(draft, age, salary, salary_income, pension, pension_income, business, total)


def _pension(draft: Draft, year: int) -> int:
    if draft.pension is None or draft.pension.since >= date(year + 1, 1, 1):
        return 0
    months = 12 if draft.pension.since.year < year else 12 - draft.pension.since.month
    return draft.pension.yearly * months // 12


def _assess_home(
    family: Family, home: Home, incomes: list[Income], year: int, into: dict[Draft, list[TaxAssessment]]
) -> None:
    claims = _claims(family, incomes, year)
    for income in incomes:
        if income.age >= _ADULT or income.salary_revenue or income.business:
            into[income.draft].append(_assessment(family, home, income, claims.get(income.draft, Claims()), year))


def _claims(family: Family, incomes: list[Income], year: int) -> dict[Draft, Claims]:
    """Who deducts for whom: the highest earner for kin of low income, but a spouse only for the spouse."""
    limit = tax_rules.dependant_limit(year)
    earners = sorted((i for i in incomes if i.total > limit), key=lambda i: (-i.total, i.draft.number))
    if not earners or not family.related:
        return {}
    claims: dict[Draft, Claims] = {}
    poor = {i.draft: i for i in incomes if i.total <= limit}
    day = date(year - 1, 12, 31)
    for earner in earners:
        partnership = earner.draft.partnership_on(day)
        spouse = poor.pop(partnership.partner, None) if partnership and partnership.registered else None
        if spouse is not None:
            spouse.claimed = True
            claims[earner.draft] = Claims(spouse=spouse.age < _ELDERLY, spouse_70=spouse.age >= _ELDERLY)
    first = earners[0]
    for income in poor.values():
        income.claimed = True
    claims[first.draft] = _with_dependants(first, claims.get(first.draft, Claims()), list(poor.values()), day)
    return claims


def _with_dependants(earner: Income, claims: Claims, dependants: list[Income], day: date) -> Claims:
    parents = {earner.draft.father, earner.draft.mother}
    elderly = [i for i in dependants if i.age >= _ELDERLY]
    children = sum(i.draft in earner.draft.children for i in dependants)
    return Claims(
        spouse=claims.spouse,
        spouse_70=claims.spouse_70,
        general=sum(_CHILD <= i.age < _ELDERLY and i.age not in _SPECIFIC for i in dependants),
        specific=sum(i.age in _SPECIFIC for i in dependants),
        elderly=sum(i.draft not in parents for i in elderly),
        elderly_parent=sum(i.draft in parents for i in elderly),
        under_16=sum(i.age < _CHILD for i in dependants),
        single_parent=children > 0 and earner.draft.partnership_on(day) is None,
    )


def _assessment(family: Family, home: Home, income: Income, claims: Claims, year: int) -> TaxAssessment:
    municipality = home.municipality
    published = date(year, *_PUBLISHED_MONTH_DAY)
    if income.nothing and not income.claimed and income.draft.undeclaring and not _assisted(family, year):
        return TaxAssessment(year, municipality.lg_code, ReturnKind.NONE, TaxClass.UNDECLARED, published)
    social = _social_insurance(income)
    life = income.draft.life_insurance if income.total else 0
    spouse, dependants = tax_rules.spouse_deduction(claims), tax_rules.dependant_deduction(claims)
    single, basic = tax_rules.single_parent_deduction(claims, year), tax_rules.basic_deduction(year)
    levies = tax_rules.levies(
        income.total,
        social + life + spouse + dependants + single + basic,
        claims,
        year,
        designated=municipality.designated,
        exempt=_exempt(family, income, claims, year),
    )
    tax_class = _tax_class(levies)
    return TaxAssessment(
        year,
        municipality.lg_code,
        ReturnKind.RETURN if income.business or (income.nothing and not income.claimed) else ReturnKind.PAYER_REPORT,
        tax_class,
        published,
        income.salary_revenue,
        income.salary,
        income.pension_revenue,
        income.pension,
        income.business,
        income.total,
        income.total,
        social,
        life,
        spouse,
        dependants,
        single,
        basic,
        claims.deducted,
        claims.under_16,
        levies.taxable_base,
        levies.adjustment_credit,
        _fixed_reduction(levies, claims, year),
        levies.municipal_income,
        levies.prefectural_income,
        levies.municipal_per_capita,
        levies.prefectural_per_capita,
        levies.forest,
    )


def _social_insurance(income: Income) -> int:
    """About what premiums come to: 15 % of pay, 10 % of income from business, 6 % of a pension."""
    pay = income.salary_revenue * 15 // 100 if income.salary_revenue >= 1_300_000 else 0  # noqa: PLR2004 - 社会保険の壁
    return pay + income.business // 10 + income.pension_revenue * 6 // 100


def _exempt(family: Family, income: Income, claims: Claims, year: int) -> bool:
    of_age = _ADULT if year >= _OF_AGE_AT_18_FROM else 20
    minor = income.age < of_age and income.total <= _MINOR_LIMIT
    return minor or _assisted(family, year) or tax_rules.exempt_single_parent(income.total, claims, year)


def _assisted(family: Family, year: int) -> bool:
    day = date(year, 1, 1)
    if family.assistance is None:
        return False
    since, until = family.assistance
    return since <= day and (until is None or day < until)


def _tax_class(levies: Levies) -> TaxClass:
    """From the two levies, as the office that receives a tax answer reads it."""
    if levies.municipal_income + levies.prefectural_income > 0:
        return TaxClass.TAXED
    return TaxClass.PER_CAPITA_ONLY if levies.municipal_per_capita else TaxClass.EXEMPT


def _fixed_reduction(levies: Levies, claims: Claims, year: int) -> int:
    """定額減税 of FY2024: 10,000 yen a head, at most the income levy."""
    if year != _FIXED_REDUCTION_YEAR:
        return 0
    return min(_FIXED_REDUCTION * (1 + claims.heads), levies.municipal_income + levies.prefectural_income)
