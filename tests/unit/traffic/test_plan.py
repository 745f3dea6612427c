"""Plans: drawn from seed and weights alone, and true to the law."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.traffic import lab

from warifu.kernel.clock import JAPAN
from warifu.law import Permit, decide
from warifu.law.decide import Ask, Deny
from warifu.simulator.told import ToldError
from warifu.simulator.traffic import mix, run
from warifu.simulator.traffic.crowd import Crowd, tax_year
from warifu.simulator.traffic.drive import Pace
from warifu.simulator.traffic.frame import a_day, the_peak
from warifu.simulator.traffic.plan import BULK_CLERK, NobodyError, make

CHI_999 = {5: 20.515, 11: 31.264, 12: 32.909, 14: 36.123, 13: 34.528, 10: 29.588, 15: 37.697}
"""Chi-square that one sample in a thousand exceeds, by degrees of freedom (any statistical table)."""


def _chi(counts: Counter, shares: dict, whole: int) -> float:
    return sum((counts[one] - whole * share) ** 2 / (whole * share) for one, share in shares.items())


def test_the_same_seed_gives_the_same_plan() -> None:
    """Two plans of one seed are equal inquiry by inquiry; another seed gives another plan."""
    assert lab.plan(300, 0.1, seed=7) == lab.plan(300, 0.1, seed=7)
    assert lab.plan(300, 0.1, seed=7).intended != lab.plan(300, 0.1, seed=8).intended


@given(count=st.integers(1, 120), misuse=st.floats(0, 1), name=st.sampled_from(["day", "peak", "year"]))
@settings(max_examples=25)
def test_a_plan_has_as_many_as_wanted_in_order(count: int, misuse: float, name: str) -> None:
    """A plan is as long as it is wanted, misuse included, in the order of time, and within its days."""
    plan = lab.plan(count, misuse, name=name)
    times = [one.at for one in plan.intended]
    assert len(times) == count
    assert times == sorted(times)
    assert {time.date() for time in times} <= set(plan.frame.days)


def test_rows_come_by_their_weights() -> None:
    """Over 20,000 inquiries of an April day each row occurs by its weight in April (chi-square, 0.1 %)."""
    rows = {row.row: row.in_month(4) for row in mix.packaged().rows if lab.crowd().of(row.row, 2025)}
    shares = {row: weight / sum(rows.values()) for row, weight in rows.items()}
    counts = Counter(one.row for one in lab.plan(20_000).intended)
    assert set(counts) == set(shares)
    assert _chi(counts, shares, 20_000) < CHI_999[len(shares) - 1]


def test_hours_come_by_their_profile() -> None:
    """Bulk inquiries of a day fall into the hours of their profile (chi-square, 0.1 %)."""
    bulk = [one for one in lab.plan(20_000).intended if one.clerk == BULK_CLERK]
    shares = {hour: share for hour, share in enumerate(mix.packaged().hours["bulk"]) if share}
    counts = Counter(one.at.hour for one in bulk)
    assert _chi(counts, shares, len(bulk)) < CHI_999[len(shares) - 1]


def test_months_of_a_year_come_by_their_weights() -> None:
    """June, July and August of a year are fuller than the months at the turn of the year; hardly anything falls on a weekend."""
    plan = lab.plan(20_000, name="year")
    months = Counter(one.at.month for one in plan.intended)
    assert min(months[6], months[7], months[8]) > max(months[12], months[1], months[2])
    assert sum(one.at.weekday() >= 5 for one in plan.intended) < 100


def test_where_the_clock_stays_the_tax_year_stays() -> None:
    """Planned for June and made in April, inquiries ask for the tax year that is there in April."""
    june, april = lab.draw(name="peak"), lab.draw(name="peak")
    april.as_of = lab.NOW.date()
    slips = {"wrong-year"}
    for draw, year in ((june, 2026), (april, 2025)):
        years = {one.year for one in make(draw, 1, 200).intended if one.truth.cause.partition("/")[2] not in slips}
        assert years - {None} == {year}


def test_the_peak_is_one_hour() -> None:
    """Every ordinary inquiry of the peak falls into its one hour."""
    plan = lab.plan(500, name="peak")
    assert {one.at.hour for one in plan.intended} == {plan.frame.hour}


def test_ordinary_inquiries_are_lawful_but_for_slips() -> None:
    """The permission table allows each ordinary inquiry, but ordinance uses and those with a slip that it refuses; their causes say so."""
    for one in lab.plan(3_000).intended:
        row = lab.book().rows[one.row]
        ask = Ask(one.requester, one.provider, row.affair.code, one.procedure, one.item, one.at.date(), one.consent)
        decision = decide(lab.book(), ask)
        slip = one.truth.cause.partition("/")[2]
        if row.origin == "ordinance" or slip in {"no-consent", "wrong-procedure"}:
            assert isinstance(decision, Deny), one
        else:
            assert isinstance(decision, Permit), one


def test_slips_are_as_frequent_as_the_data_say() -> None:
    """Slips that can always happen come by their shares, within four standard deviations."""
    slips = Counter(one.truth.cause.partition("/")[2] for one in lab.plan(20_000).intended)
    for name, share in (
        ("no-case", mix.packaged().slips.no_case),
        ("wrong-procedure", mix.packaged().slips.wrong_procedure),
    ):
        assert abs(slips[name] - 20_000 * share) < 4 * (20_000 * share) ** 0.5


def test_candidates_have_cause() -> None:
    """Nobody is asked about at their own municipality's tax office by the same municipality, and nobody without an assessment of that year."""
    institutions = lab.book().institutions
    for candidates in lab.crowd().by_row.values():
        for one in candidates:
            assert institutions[one.requester].operator != institutions[one.provider].operator


def test_nobody_to_ask_about_is_said() -> None:
    """A population without any cause for an inquiry makes no plan."""
    draw = lab.draw()
    draw.crowd = Crowd()
    with pytest.raises(NobodyError):
        make(draw, 1, 5)


def test_a_day_is_the_next_working_day() -> None:
    """After a Friday the day is Monday."""
    friday = datetime(2026, 4, 10, 12, tzinfo=JAPAN)
    assert a_day(friday, mix.packaged()).days[0].isoformat() == "2026-04-13"


def test_the_peak_lies_ahead() -> None:
    """When this year's fullest month is over the peak is next year's, on a working day."""
    late = datetime(2026, 12, 1, 9, tzinfo=JAPAN)
    (day,) = the_peak(late, mix.packaged()).days
    assert day.year == 2027
    assert day.weekday() < 5


def test_the_tax_year_changes_with_its_publication() -> None:
    """Until 9 June 2026 the newest tax year is 2025, from the next day on 2026."""
    assert [tax_year(date(2026, 6, day)) for day in (9, 10)] == [2025, 2026]


@pytest.mark.parametrize(("name", "scale"), [("year", 1.0), ("day", 50.0)])
def test_more_than_a_run_holds_is_refused_before_the_work(name: str, scale: float) -> None:
    """A scale by which a run would be asked for more inquiries than it holds is refused with both numbers and what to do; a smaller one is not."""
    network: Any = None
    runner = run.Runner(network, run.Wish(name, None, scale, 0.0, 1, Pace(None)))
    with pytest.raises(ToldError, match=r"5,000,000.*--count"):
        runner.wanted(lab.NOW)
    _, count = run.Runner(network, run.Wish(name, None, scale / 100, 0.0, 1, Pace(None))).wanted(lab.NOW)
    assert 0 < count <= run.MOST
