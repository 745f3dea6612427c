"""Assertions on a citizen's history."""

from __future__ import annotations

import pytest

from warifu.simulator.testing.history import History, UnknownValueError


def entry(request_id: str, provider: str, outcome: str) -> dict[str, object]:
    """As `/api/v1/history` gives it."""
    told = {"request_id": request_id, "requester": "nhi-1", "provider": provider, "outcome": outcome}
    times = {"requested_at": "2026-04-06T09:00:00.369+09:00", "answered_at": None}
    return told | times | {"procedure": "JT90000000000101", "items": ["TM90000000000001"], "legal_basis": None}


FIRST, SECOND = entry("a", "tax-1", "ANSWERED"), entry("b", "tax-2", "DENIED")
HISTORY = History("p-1", [FIRST, SECOND])


def test_the_newest_entry_that_fits_is_found() -> None:
    """Of two that fit the first is given."""
    assert HISTORY.has(requester="nhi-1") is FIRST
    assert HISTORY.has(provider="tax-1") is FIRST
    assert HISTORY.has(outcome="DENIED") is SECOND
    assert [entry["request_id"] for entry in HISTORY] == ["a", "b"]


def test_what_is_missing_is_told_by_the_nearest() -> None:
    """The entry with the fewest differences is shown, with what was expected and what is."""
    with pytest.raises(AssertionError) as failed:
        HISTORY.has(requester="nhi-1", provider="tax-2", outcome="ANSWERED", item="x")
    told = str(failed.value)
    assert "outcome: expected 'ANSWERED', is 'DENIED'" in told or "provider: expected 'tax-2', is 'tax-1'" in told
    assert "item: expected 'x', is 'TM90000000000001'" in told
    assert "all 2, newest first:" in told
    assert "  2026-04-06T09:00:00.369+09:00  nhi-1  tax-1  JT90000000000101  TM90000000000001  ANSWERED" in told


def test_what_should_not_be_there_is_shown() -> None:
    """An unwanted entry fails the test; without one it passes."""
    HISTORY.has_not(outcome="EXPIRED")
    with pytest.raises(AssertionError, match="the history of p-1 has an entry with outcome='DENIED'"):
        HISTORY.has_not(outcome="DENIED")


@pytest.mark.parametrize("name", ["requestr", "at", "items"])
def test_what_no_entry_can_have_is_refused(name: str) -> None:
    """A misspelt name would make has_not pass whatever happened: it is an error that names what there is."""
    for asked in (HISTORY.has, HISTORY.has_not, History("p-1", []).has_not):
        with pytest.raises(UnknownValueError, match=f"no entry of a history has '{name}'; there are: request_id, "):
            asked(**{name: "x"})


def test_the_item_is_a_value_like_any_other() -> None:
    """An entry is found by the item that it is about, and its absence is told."""
    assert HISTORY.has(item="TM90000000000001") is FIRST
    with pytest.raises(AssertionError, match="has an entry with item="):
        HISTORY.has_not(item="TM90000000000001")
    HISTORY.has_not(item="TM90000000000002")
