"""Figures over the time of a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from unit.traffic import lab

from warifu.simulator.traffic.charts import nice
from warifu.simulator.traffic.series import percentile, slices


@given(values=st.lists(st.floats(0, 100), min_size=1), share=st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    """At least the share of the values is at or below it, and less than the share is below it."""
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_a_percentile_of_nothing_is_none() -> None:
    """Nothing has no percentile."""
    assert percentile([], 0.5) is None


@given(due=st.lists(st.floats(0, 100), min_size=1, max_size=60), seconds=st.floats(0.1, 120))
def test_slices_hold_every_answer_once(due: list[float], seconds: float) -> None:
    """Every answer is in one slice; slices are of one length, and lie one after the other from 0 on."""
    made = [lab.made(number, due=one) for number, one in enumerate(due)]
    found = slices([*made, lab.made(99, latency=None)], seconds)
    assert sum(one.done for one in found) == len(due)
    assert all(abs(one.begin - place * found[0].seconds) < 1e-6 for place, one in enumerate(found))
    assert 1 <= len(found) <= 40


def test_a_run_without_answers_has_no_slices() -> None:
    """Where nothing was answered there is nothing to draw."""
    assert slices([lab.made(1, latency=None)], 5.0) == []


@given(value=st.floats(0, 1e9))
def test_a_scale_ends_at_a_round_number_above(value: float) -> None:
    """A scale ends at or above the largest value, and not far above."""
    top = nice(value)
    assert top >= value
    assert top <= max(10 * value, 1.0)
