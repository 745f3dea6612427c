"""What follows for a report from what the log said of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.limits import MERGE_DELAY, WITNESS_REFRESH, WITNESS_SILENCE
from warifu.watchdog.findings import Kind
from warifu.watchdog.reports import State, Step, step

OPEN = st.sampled_from([State.OPEN, State.MISSED, State.UNLOGGED])
TIMES = st.integers(0, 10**9)


@given(OPEN, TIMES, TIMES, st.integers(0, 10**6))
def test_what_is_proved_is_closed(state: State, waited: int, now: int, index: int) -> None:
    """A proved place closes a report at any stage; it is a finding only when the record had been found missing."""
    taken = step(state, waited=waited, now=now, index=index, proved=True)

    assert (taken.due_at, taken.leaf_index) == (None, index)
    assert (taken.state, taken.finding) == (
        (State.LATE, Kind.LATE_RECORD) if state == State.UNLOGGED else (State.LOGGED, None)
    )


@given(TIMES, TIMES)
def test_nothing_is_found_missing_at_the_first_look(waited: int, now: int) -> None:
    """A log that says once that it does not hold a record is asked again a merge delay later, however long the report waited."""
    assert step(State.OPEN, waited=waited, now=now, index=None, proved=False) == Step(State.MISSED, now + MERGE_DELAY)


@given(TIMES, TIMES)
def test_what_is_missing_twice_is_found_and_looked_for_on(waited: int, now: int) -> None:
    """The second time is a finding, once; after that the log is asked from time to time without another."""
    found = step(State.MISSED, waited=waited, now=now, index=None, proved=False)
    later = step(found.state, waited=waited, now=now, index=None, proved=False)

    assert found == Step(State.UNLOGGED, now + WITNESS_REFRESH * 1000, finding=Kind.UNLOGGED_RECORD)
    assert later == Step(State.UNLOGGED, now + WITNESS_REFRESH * 1000)


@given(st.sampled_from([State.OPEN, State.MISSED]), st.integers(0, 10**7), TIMES)
def test_a_place_without_proof_counts_for_a_while(state: State, waited: int, now: int) -> None:
    """A place that is not proved yet keeps a report open as long as a witness may be silent, then it is no place."""
    taken = step(state, waited=waited, now=now, index=5, proved=False)

    if waited > WITNESS_SILENCE * 1000:
        assert taken.finding == Kind.UNLOGGED_RECORD
    else:
        assert taken == Step(state, now + MERGE_DELAY)
