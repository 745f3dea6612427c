"""Checks of records against their commitments and of the gateway's records against the log's leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from itertools import chain

from warifu.exchange import event as events
from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.instants import day_of, milliseconds
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_at
from warifu.log.v1 import log_pb2
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground, month_from


def commitment_broken(ground: Ground) -> Iterator[Finding]:
    """Every record and event opens the commitment beside it, at the gateway and at the institutions."""
    rows = ground.scratch.rows(
        "SELECT position, leaf, event, record, salt, commitment FROM gateway WHERE record IS NOT NULL ORDER BY position"
    )
    for position, leaf, event, record, salt, commitment in rows:
        problem = _event_problem(record, salt, commitment) if event else _record_problem(record, salt, commitment)
        if problem is not None:
            yield Finding(Kind.COMMITMENT_BROKEN, GATEWAY, _place(leaf), f"position {position}: {problem}")
    held = ground.scratch.rows("SELECT party, position, request_id, record, salt, commitment FROM held")
    for party, position, request_id, record, salt, commitment in held:
        if (problem := _record_problem(record, salt, commitment)) is not None:
            yield Finding(Kind.COMMITMENT_BROKEN, party, request_id or "", f"position {position}: {problem}")


def leaf_differs(ground: Ground) -> Iterator[Finding]:
    """At the place that the gateway names for a record stands that record's commitment."""
    query = """
        SELECT gateway.position, gateway.leaf FROM gateway JOIN leaf ON leaf.idx = gateway.leaf
        WHERE gateway.commitment IS NOT NULL AND gateway.commitment != leaf.commitment ORDER BY gateway.leaf
    """
    for position, leaf in ground.scratch.rows(query):
        yield Finding(Kind.LEAF_DIFFERS, GATEWAY, str(leaf), f"position {position} commits to something else")


def leaf_without_record(ground: Ground) -> Iterator[Finding]:
    """Every leaf has a record or event of the gateway's, or an event that says that its contents were erased."""
    erased = _erased(ground)
    query = """
        SELECT leaf.idx, count(gateway.position) FROM leaf LEFT JOIN gateway ON gateway.leaf = leaf.idx
        GROUP BY leaf.idx HAVING count(gateway.record) = 0 ORDER BY leaf.idx
    """
    for leaf, listed in ground.scratch.rows(query):
        if not any(first <= leaf < end for first, end in erased):
            detail = "its entry is listed without content" if listed else "no entry of the gateway's names it"
            yield Finding(Kind.LEAF_WITHOUT_RECORD, GATEWAY, str(leaf), detail)


def record_without_leaf(ground: Ground) -> Iterator[Finding]:
    """Every record of the gateway's that had the time for it is in the log that the head signs."""
    query = """
        SELECT position, request_id, leaf FROM gateway JOIN overdue USING (position)
        WHERE leaf IS NULL OR leaf >= ? ORDER BY position
    """
    for position, request_id, leaf in ground.scratch.rows(query, ground.read.size):
        said = "has no place" if leaf is None else f"is said to be leaf {leaf} of {ground.read.size}"
        yield Finding(Kind.RECORD_WITHOUT_LEAF, GATEWAY, request_id or "", f"position {position} {said}")


def erased_early(ground: Ground) -> Iterator[Finding]:
    """Contents are erased after their term, not before."""
    for position, event in ground.erased:
        on = event.at.ToDatetime(tzinfo=UTC)
        if month_at(milliseconds(on)) - month_from(event.erased.month) < RETENTION:
            detail = f"{event.erased.month} was erased on {day_of(on).isoformat()}"
            yield Finding(Kind.ERASED_EARLY, GATEWAY, _leaf_of(ground, position), detail)


def _erased(ground: Ground) -> list[tuple[int, int]]:
    ranges = chain.from_iterable(event.erased.leaves for _, event in ground.erased)
    return [(one.first, one.first + one.count) for one in ranges]


def _leaf_of(ground: Ground, position: int) -> str:
    return _place(ground.scratch.one("SELECT leaf FROM gateway WHERE position = ?", position))


def _place(leaf: int | None) -> str:
    return "" if leaf is None else str(leaf)


def _record_problem(record: bytes, salt: bytes, commitment: bytes) -> str | None:
    try:
        records.check(exchange_pb2.CommittedRecord(record=record, salt=salt, commitment=commitment))
    except records.RecordError as error:
        return str(error)
    return None


def _event_problem(event: bytes, salt: bytes, commitment: bytes) -> str | None:
    try:
        events.check(log_pb2.CommittedEvent(event=event, salt=salt, commitment=commitment))
    except records.RecordError as error:
        return str(error)
    return None
