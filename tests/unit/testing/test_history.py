"""Assertions on a citizen's history."""

from __future__ import annotations

import pytest

from warifu.simulator.testing.history import History

FIRST = {"request_id": "a", "requester": "nhi-1", "provider": {"code": "tax-1", "name": "Tax"}, "outcome": "ANSWERED"}
SECOND = {"request_id": "b", "requester": "nhi-1", "provider": "tax-2", "outcome": "DENIED"}
HISTORY = History("p-1", [FIRST, SECOND])


def test_the_newest_entry_that_fits_is_found() -> None:
    """Of two that fit the first is given, and an institution may be a code or a name with its code."""
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
    assert "item: expected 'x', is None" in told
    assert "all 2, newest first:" in told


def test_what_should_not_be_there_is_shown() -> None:
    """An unwanted entry fails the test; without one it passes."""
    HISTORY.has_not(outcome="EXPIRED")
    with pytest.raises(AssertionError, match="the history of p-1 has an entry with outcome='DENIED'"):
        HISTORY.has_not(outcome="DENIED")
