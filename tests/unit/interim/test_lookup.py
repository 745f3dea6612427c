"""Which copies a question finds."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.interim.test_copies import TAX_ITEM, request

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.copies import Copies
from warifu.interim.lookup import find, span_days

DAY = date(2026, 6, 10)
ALL = frozenset({"tax_year", "total_income_yen"})


def fiscal(year):
    """One fiscal year."""
    return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year))


def period(first=None, last=None):
    """A span of days."""
    return common_pb2.Span(period=common_pb2.Period(first_day=first, last_day=last))


def about(first=None, last=None):
    """What a copy is about."""
    return common_pb2.Period(first_day=first, last_day=last)


async def found(ground, copies, span, on=DAY):
    """Outcome and keys of a question about addressee 1."""
    await Copies(ground).register(copies)
    result = ground.store.read(lambda connection: find(connection, "1", TAX_ITEM, span, on, ALL))
    return result.outcome, [record.record_key for record in result.records]


YEARS = [
    request(f"r-{year}", key=str(year), about=about(f"{year}-04-01", f"{year + 1}-03-31"))
    for year in (2024, 2025, 2026)
]


@pytest.mark.parametrize(
    ("span", "keys"),
    [
        (fiscal(2025), ["2025"]),
        (common_pb2.Span(), ["2026"]),
        (period("2025-03-31", "2025-04-01"), ["2024", "2025"]),
        (period(None, "2025-04-01"), ["2024", "2025"]),
        (period("2026-01-01"), ["2025", "2026"]),
        (period(), ["2024", "2025", "2026"]),
    ],
    ids=str,
)
async def test_a_span_finds_the_records_that_are_about_it(ground, span, keys):
    """A fiscal year finds its own record, no span that of the day, and a period all that overlap it, ends included."""
    assert await found(ground, YEARS, span) == (ex.FINE_OUTCOME_PROVIDED, keys)


async def test_no_record_differs_from_not_registered(ground):
    """Copies that are about another year give NO_RECORD, no copy of the item at all gives NOT_REGISTERED (PROTO-6.3)."""
    assert await found(ground, YEARS, fiscal(2020)) == (ex.FINE_OUTCOME_NO_RECORD, [])
    await Copies(ground).register([request(f"d-{year}", 4, key=str(year)) for year in (2024, 2025, 2026)])
    assert await found(ground, [], fiscal(2025)) == (ex.FINE_OUTCOME_NOT_REGISTERED, [])


@pytest.mark.parametrize(
    ("dates", "outcome"),
    [
        ({"published_from": "2026-06-10"}, ex.FINE_OUTCOME_PROVIDED),
        ({"published_from": "2026-06-11"}, ex.FINE_OUTCOME_NO_RECORD),
        ({"published_to": "2026-06-10"}, ex.FINE_OUTCOME_PROVIDED),
        ({"published_to": "2026-06-09"}, ex.FINE_OUTCOME_NO_RECORD),
    ],
    ids=str,
)
async def test_a_copy_is_provided_within_its_publication(ground, dates, outcome):
    """A copy may be provided from its first to its last day of publication, both included."""
    assert (await found(ground, [request(**dates)], fiscal(2025)))[0] == outcome


async def test_a_copy_without_dates_is_about_everything(ground):
    """A copy that says nothing of its time is found by every span."""
    for span in (fiscal(1999), common_pb2.Span(), period("2000-01-01", "2000-01-02")):
        assert (await found(ground, [request()], span))[0] == ex.FINE_OUTCOME_PROVIDED


async def test_an_answer_has_at_most_100_records(ground):
    """However many copies overlap a period, an answer holds 100."""
    many = [request(f"m-{n}", key=f"{n:03}") for n in range(120)]
    assert len((await found(ground, many, period()))[1]) == 100


@given(st.integers(1900, 2200))
def test_fiscal_years_follow_each_other_without_gap(year):
    """A fiscal year is 1 April to 31 March, and the next begins the day after."""
    first, last = (date.fromisoformat(day) for day in span_days(fiscal(year), DAY))
    assert (first, last) == (date(year, 4, 1), date(year + 1, 3, 31))
