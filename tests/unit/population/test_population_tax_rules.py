"""The tax rules, against amounts that are published or worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.simulator.population.tax_rules import (
    Claims,
    adjustment_credit,
    basic_deduction,
    dependant_deduction,
    dependant_limit,
    exempt_single_parent,
    income_levy_limit,
    levies,
    pension_income,
    per_capita,
    per_capita_limit,
    salary_income,
    single_parent_deduction,
    spouse_deduction,
    total_income,
)

YEARS = st.integers(2019, 2026)
YEN = st.integers(0, 30_000_000)


@pytest.mark.parametrize(
    ("revenue", "tax_year", "income"),
    [
        (1_030_000, 2019, 380_000),
        (5_000_000, 2020, 3_460_000),
        (10_000_000, 2020, 7_800_000),
        (12_000_000, 2020, 9_800_000),
        (500_000, 2021, 0),
        (1_030_000, 2021, 480_000),
        (3_000_000, 2025, 2_020_000),
        (4_000_000, 2025, 2_760_000),
        (5_000_000, 2025, 3_560_000),
        (5_003_999, 2025, 3_560_000),
        (6_600_000, 2025, 4_840_000),
        (8_500_000, 2025, 6_550_000),
        (10_000_000, 2025, 8_050_000),
        (1_230_000, 2026, 580_000),
        (1_600_000, 2026, 950_000),
        (1_900_000, 2026, 1_250_000),
        (5_000_000, 2026, 3_560_000),
    ],
)
def test_salary_income_is_the_published_one(revenue, tax_year, income):
    """Salaries give the incomes that the tables of the three eras give."""
    assert salary_income(revenue, tax_year) == income


@given(YEN, st.integers(0, 100_000), YEARS)
def test_more_pay_is_never_less_income(revenue, more, tax_year):
    """Salary income does not fall when pay rises, is never negative and never above the pay."""
    assert 0 <= salary_income(revenue, tax_year) <= salary_income(revenue + more, tax_year)
    assert salary_income(revenue, tax_year) <= revenue


@pytest.mark.parametrize(
    ("revenue", "age", "tax_year", "income"),
    [
        (1_100_000, 65, 2025, 0),
        (1_580_000, 70, 2025, 480_000),
        (3_500_000, 70, 2025, 2_350_000),
        (1_200_000, 65, 2020, 0),
        (1_300_000, 62, 2025, 700_000),
        (700_000, 62, 2020, 0),
    ],
)
def test_pension_income_is_the_published_one(revenue, age, tax_year, income):
    """Pensions give the incomes of the tables for those under and from 65."""
    assert pension_income(revenue, age, tax_year) == income


@pytest.mark.parametrize(
    ("claims", "tax_year", "limit"),
    [
        (Claims(), 2020, 350_000),
        (Claims(), 2021, 450_000),
        (Claims(spouse=True), 2021, 1_010_000),
        (Claims(spouse=True, under_16=2), 2025, 1_710_000),
        (Claims(spouse=True, under_16=2), 2020, 1_610_000),
    ],
)
def test_limits_of_non_taxation_are_the_published_ones(claims, tax_year, limit):
    """Nobody owes the per-capita levy up to the limit of a class-1 area, children under 16 counted."""
    assert per_capita_limit(claims, tax_year) == limit
    assert income_levy_limit(claims, tax_year) == limit + (110_000 if claims.heads else 0)


def test_a_single_worker_owes_what_the_hand_computes():
    """3,000,000 yen of pay and 450,000 of premiums: base 1,140,000, levies 66,900 and 44,600 after the credit."""
    owed = levies(2_020_000, 430_000 + 450_000, Claims(), 2025, designated=False, exempt=False)
    assert owed.taxable_base == 1_140_000
    assert owed.adjustment_credit == 2_500
    assert (owed.municipal_income, owed.prefectural_income) == (66_900, 44_600)
    assert (owed.municipal_per_capita, owed.prefectural_per_capita, owed.forest) == (3_000, 1_000, 1_000)


def test_a_designated_city_takes_eight_of_the_ten_percent():
    """In a designated city the same base gives 89,200 and 22,300: another split of about the same sum."""
    owed = levies(2_020_000, 880_000, Claims(), 2025, designated=True, exempt=False)
    assert (owed.municipal_income, owed.prefectural_income) == (89_200, 22_300)


def test_between_the_limits_only_the_per_capita_levy_is_owed():
    """With a spouse to deduct for, 1,050,000 yen lie between the two limits."""
    owed = levies(1_050_000, 760_000, Claims(spouse=True), 2025, designated=False, exempt=False)
    assert (owed.municipal_income, owed.municipal_per_capita) == (0, 3_000)


def test_exempt_people_owe_nothing():
    """Who is exempt owes neither levy whatever the income."""
    owed = levies(9_000_000, 430_000, Claims(), 2025, designated=False, exempt=True)
    assert (owed.municipal_income, owed.municipal_per_capita, owed.forest) == (0, 0, 0)


@given(st.integers(0, 12_000_000), st.integers(0, 3_000_000), YEARS, st.booleans())
def test_levies_stay_near_ten_percent(income, deductions, tax_year, designated):
    """The income levies are together at most 10 % of the base and within 10,000 yen of it, in steps of 100."""
    owed = levies(income, deductions, Claims(), tax_year, designated=designated, exempt=False)
    both = owed.municipal_income + owed.prefectural_income
    assert both <= owed.taxable_base // 10
    assert both == 0 or owed.taxable_base // 10 - both <= 10_000
    assert owed.municipal_income % 100 == owed.prefectural_income % 100 == 0


@pytest.mark.parametrize(("tax_year", "parts"), [(2023, (3_500, 1_500, 0)), (2024, (3_000, 1_000, 1_000))])
def test_the_forest_tax_follows_the_reconstruction_surcharge(tax_year, parts):
    """The per-capita levies come to 5,000 yen before and after the forest tax began in FY2024."""
    assert per_capita(tax_year) == parts
    assert sum(parts) == 5_000


@pytest.mark.parametrize(
    ("base", "claims", "credit"),
    [
        (1_140_000, Claims(), 2_500),
        (30_000, Claims(), 1_500),
        (1_500_000, Claims(spouse=True, specific=1), 14_000),
        (2_050_000, Claims(spouse=True), 2_500),
        (2_050_000, Claims(spouse_70=True, elderly_parent=1), 11_500),
    ],
)
def test_the_adjustment_credit_is_five_percent_of_the_gap(base, claims, credit):
    """The credit is 5 % of the gap in deductions, less above a base of two million yen, at least 2,500 there."""
    assert adjustment_credit(base, claims) == credit


def test_deductions_are_those_of_local_tax():
    """Deductions for spouse, dependants and single parents, and the basic one, have local tax's amounts."""
    assert spouse_deduction(Claims(spouse=True)) == 330_000
    assert spouse_deduction(Claims(spouse_70=True)) == 380_000
    assert dependant_deduction(Claims(general=1, specific=1, elderly=1, elderly_parent=1, under_16=4)) == 1_610_000
    assert single_parent_deduction(Claims(single_parent=True), 2025) == 300_000
    assert (basic_deduction(2020), basic_deduction(2021)) == (330_000, 430_000)
    assert [dependant_limit(year) for year in (2020, 2021, 2026)] == [380_000, 480_000, 580_000]
    assert exempt_single_parent(1_350_000, Claims(single_parent=True), 2025)
    assert not exempt_single_parent(1_350_001, Claims(single_parent=True), 2025)
    assert not exempt_single_parent(1_000_000, Claims(), 2025)


def test_salary_and_pension_together_are_adjusted_from_fy2021():
    """Who has both salary and pension gets up to 100,000 yen back, since FY2021."""
    assert total_income(500_000, 300_000, 0, 2020) == 800_000
    assert total_income(500_000, 300_000, 0, 2021) == 700_000
    assert total_income(500_000, 40_000, 0, 2021) == 500_000
    assert total_income(500_000, 0, 200_000, 2021) == 700_000
