"""What the supervisor rules, in the decision: stops, and rows that an ordinance made."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from warifu.law import (
    NOTHING_RULED,
    Ask,
    Condition,
    Deny,
    LawBook,
    Permit,
    Reason,
    Rulings,
    Stopped,
    decide,
    packaged_files,
    read_book,
)

DAY = date(2026, 5, 7)
ASK = Ask("nhi-491004", "tax-480011", "JM90000000000101", "JT90000000000101", "TM90000000000001", DAY)
RULED = {
    (ASK.requester, Stopped.ART_28): (Reason.CLIENT_PIA_BREACH, Condition.PIA),
    (ASK.provider, Stopped.ART_28): (Reason.PROVIDER_PIA_BREACH, Condition.PIA),
    (ASK.requester, Stopped.BY_HAND): (Reason.CLIENT_STOPPED, Condition.STOP),
    (ASK.provider, Stopped.BY_HAND): (Reason.PROVIDER_STOPPED, Condition.STOP),
}


@pytest.fixture(scope="module")
def by_ordinance() -> LawBook:
    """The law book as shipped, but that row P07 stands on an ordinance."""
    files = dict(packaged_files())
    name = "permissions.toml"
    files[name] = files[name].replace(b'origin = "statute"', b'origin = "ordinance"', 1)
    made = read_book(files)
    assert made.rows["P07"].origin == "ordinance"
    return made


def _refusal(book: LawBook, ask: Ask, rulings: Rulings) -> tuple[Reason, Condition]:
    deny = decide(book, ask, rulings)
    assert isinstance(deny, Deny)
    assert deny.nearest_row is not None
    assert deny.nearest_row.id == "P07"
    return deny.reason, deny.failed_condition


@pytest.mark.parametrize("stop", RULED, ids=str)
def test_a_stopped_institution_neither_asks_nor_is_asked(book: LawBook, stop: tuple[str, Stopped]) -> None:
    """From the stop's first day on the refusal names side and ground; the day before, nothing changes."""
    institution, ground = stop
    rulings = Rulings({institution: (ground, DAY)})
    assert _refusal(book, ASK, rulings) == RULED[stop]
    assert isinstance(decide(book, replace(ASK, on=DAY - timedelta(days=1)), rulings), Permit)


def test_a_stop_of_somebody_else_changes_nothing(book: LawBook) -> None:
    """Only the two sides of an inquiry count."""
    rulings = Rulings({"residency-480011": (Stopped.BY_HAND, DAY)})
    assert isinstance(decide(book, ASK, rulings), Permit)


def test_a_row_by_ordinance_is_live_from_its_approval_on(by_ordinance: LawBook) -> None:
    """Without an approval, with one of another institution or row, and before its day it is refused; from that day on it is allowed."""
    refused = (Reason.CLIENT_ORDINANCE_NOT_APPROVED, Condition.ORDINANCE)
    for approvals in ({}, {("nhi-480011", "P07"): DAY}, {(ASK.requester, "P08"): DAY}):
        assert _refusal(by_ordinance, ASK, Rulings(approvals=approvals)) == refused
    approved = Rulings(approvals={(ASK.requester, "P07"): DAY})
    assert _refusal(by_ordinance, replace(ASK, on=DAY - timedelta(days=1)), approved) == refused
    assert isinstance(decide(by_ordinance, ASK, approved), Permit)


def test_a_statutory_row_needs_no_approval(book: LawBook) -> None:
    """What a statute allows is allowed while the supervisor has ruled nothing."""
    assert isinstance(decide(book, ASK, NOTHING_RULED), Permit)


def test_an_approval_does_not_lift_a_stop(by_ordinance: LawBook) -> None:
    """An approved use of a stopped institution is refused for the stop."""
    rulings = Rulings({ASK.requester: (Stopped.ART_28, DAY)}, {(ASK.requester, "P07"): DAY})
    assert _refusal(by_ordinance, ASK, rulings) == RULED[ASK.requester, Stopped.ART_28]
