"""Checks of the rules that the network goes by: what is in force against what the log announced, and records against the law book."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256

from warifu import law
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import day_of
from warifu.watchdog.audit.cases import Case, Entry
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground
from warifu.watchdog.audit.reading import events

_LAWS_REASONS = frozenset(law.Reason)


def table_unlogged(ground: Ground) -> Iterator[Finding]:
    """The law book in force is the one that the log announced last."""
    book = ground.rules.books[0]
    if not ground.tables:
        yield Finding(Kind.TABLE_UNLOGGED, GATEWAY, "", "the log announces no permission table")
    elif (last := ground.tables[-1][1]).digest != book.digest:
        detail = f"{book.version} is in force, the log announced {last.version} last"
        yield Finding(Kind.TABLE_UNLOGGED, GATEWAY, _leaf(ground, ground.tables[-1][0]), detail)


def rights_unlogged(ground: Ground) -> Iterator[Finding]:
    """The table of rights is the one that the log announced last."""
    announced = list(events(ground.scratch, "rights"))
    if not announced:
        yield Finding(Kind.RIGHTS_UNLOGGED, GATEWAY, "", "the log announces no table of rights")
    elif announced[-1][1].rights.digest != sha256(ground.rules.rights).digest():
        detail = "the log announced another table last than the auditor's program has"
        yield Finding(Kind.RIGHTS_UNLOGGED, GATEWAY, _leaf(ground, announced[-1][0]), detail)


def directory_unlogged(ground: Ground) -> Iterator[Finding]:
    """Each entry that is relayed is the one that the log announced last, or one that was announced while we read."""
    announced: dict[str, list[tuple[int, bytes]]] = {}
    for position, event in events(ground.scratch, "directory"):
        announced.setdefault(event.directory.owner, []).append((position, event.directory.digest))
    for owner, signed in ground.read.directory.items():
        digest = sha256(signed.entry).digest() if signed is not None else None
        ours = announced.get(owner, [])
        newest = [one for position, one in ours if position > ground.read.directory_mark]
        newest += [one for position, one in ours if position <= ground.read.directory_mark][-1:]
        if digest is None and not ours:
            continue
        if digest not in newest:
            what = "no entry" if digest is None else "an entry"
            yield Finding(
                Kind.DIRECTORY_UNLOGGED, GATEWAY, "", f"{what} of {owner} is relayed that the log did not announce"
            )


def basis_unlawful(ground: Ground, case: Case) -> Iterator[Finding]:
    """The version is the one that was in force at that place of the log; the law book says the same of the inquiry as the record."""
    for entry in (*case.requests, *case.outcomes):
        problem = _version_problem(ground, entry) or _row_problem(ground, case, entry)
        if problem is not None:
            yield Finding(Kind.BASIS_UNLAWFUL, GATEWAY, entry.name, problem)


def _version_problem(ground: Ground, entry: Entry) -> str | None:
    if entry.record.kind == pb.RECORD_KIND_OUTCOME:
        return None  # decided when it was requested, whatever is in force by now
    at = bisect_left(ground.tables, entry.position, key=lambda one: one[0])
    in_force = ground.tables[at - 1][1].version if at else None
    if entry.record.table_version == in_force:
        return None
    return f"version {entry.record.table_version}, while {in_force or 'none'} was in force"


def _row_problem(ground: Ground, case: Case, entry: Entry) -> str | None:
    record = entry.record
    book = ground.book(record.table_version)
    if book is None:
        return None
    if entry.permit_hash is not None:
        decision = law.decide(book, _ask(record, consent=True))
        if not isinstance(decision, law.Permit):
            return f"permitted by {record.row}, the law book says {decision.reason}"
        return f"row {record.row}, the law book says {decision.row.id}" if decision.row.id != record.row else None
    return _refusal_problem(book, record, case.ended)


def _refusal_problem(book: law.LawBook, record: pb.AccessRecord, ended: Entry | None) -> str | None:
    """Consent is not in the record, so what the law book says with or without it is accepted."""
    reason = ended.record.reason if ended is not None else ""
    row = record.row if record.HasField("row") else None
    decisions = [law.decide(book, _ask(record, consent=consent)) for consent in (False, True)]
    if reason not in _LAWS_REASONS:  # refused for its code, where the law would have allowed it
        allowed = any(isinstance(one, law.Permit) for one in decisions)
        return None if allowed else "refused for another reason than the law book's"
    expected = {
        (one.reason.value, one.nearest_row.id if one.nearest_row else None)
        for one in decisions
        if isinstance(one, law.Deny)
    }
    return None if (reason, row) in expected else f"refused with {reason} by {row}, the law book says otherwise"


def _ask(record: pb.AccessRecord, *, consent: bool) -> law.Ask:
    on = day_of(record.requested_at.ToDatetime(tzinfo=UTC))
    return law.Ask(record.requester, record.provider, record.affair, record.procedure, record.item, on, consent=consent)


def _leaf(ground: Ground, position: int) -> str:
    leaf = ground.scratch.one("SELECT leaf FROM gateway WHERE position = ?", position)
    return "" if leaf is None else str(leaf)
