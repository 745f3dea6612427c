"""Checks of what citizens are shown against what the gateway recorded."""

from __future__ import annotations

from collections.abc import Iterator

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.watchdog.audit.cases import Case, Entry, Shown
from warifu.watchdog.audit.findings import PORTAL, Finding, Kind
from warifu.watchdog.audit.ground import Ground


def portal_missing(ground: Ground, case: Case) -> Iterator[Finding]:
    """What came to an end after it was permitted, and is not withheld, is at the portal.

    Of what was refused nobody but the gateway can tell: it is delivered when the requester's code named somebody (PROTO-7.6).
    """
    permitted = case.asked is not None and case.asked.permit_hash is not None
    if PORTAL in ground.read.unreadable or case.shown:
        return
    if case.ended is not None and case.ended.leaf is not None and permitted and not _withheld(case):
        yield Finding(Kind.PORTAL_MISSING, PORTAL, case.request_id, "not among the records that it shows")


def portal_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """Record, salt, commitment and place are the gateway's, bit by bit."""
    del ground
    for shown in case.shown:
        for name, ours, theirs, leaf in _parts(case, shown):
            if ours is None:
                continue
            if theirs != ours.committed:
                yield Finding(Kind.PORTAL_DIFFERS, PORTAL, case.request_id, f"another record of the {name}")
            elif ours.leaf is not None and leaf != ours.leaf:
                yield Finding(
                    Kind.PORTAL_DIFFERS, PORTAL, case.request_id, f"{name} said to be leaf {leaf}, is {ours.leaf}"
                )


def portal_withheld(ground: Ground, case: Case) -> Iterator[Finding]:
    """What either side wished not to be shown is not there."""
    del ground
    if case.shown and _withheld(case):
        yield Finding(Kind.PORTAL_WITHHELD, PORTAL, case.request_id, "to be withheld, and shown")


def portal_extra(ground: Ground, case: Case) -> Iterator[Finding]:
    """What is shown, the gateway recorded."""
    del ground
    early = any(not one.late for one in case.shown)
    if early and (case.asked is None or case.ended is None):
        yield Finding(Kind.PORTAL_EXTRA, PORTAL, case.request_id, "the gateway has no such records")


def _withheld(case: Case) -> bool:
    return any(one.record.non_disclosure for one in (*case.requests, *case.outcomes))


def _parts(case: Case, shown: Shown) -> Iterator[tuple[str, Entry | None, pb.CommittedRecord, int]]:
    yield "request", case.asked, shown.request, shown.request_leaf
    yield "outcome", case.ended, shown.outcome, shown.outcome_leaf
