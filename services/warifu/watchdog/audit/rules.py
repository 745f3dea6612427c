"""Checks of the rules that the network goes by: what is in force against what the log announced, and records against the law book."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from warifu import law
from warifu.exchange.form import parse_whole
from warifu.exchange.rulings import SUPERVISOR, TAG, read
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import datetime_at, day_of, stamped
from warifu.supervision.v1 import supervision_pb2
from warifu.watchdog.audit.cases import Case, Entry
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground, in_force
from warifu.watchdog.audit.reading import events

_LAWS_REASONS = frozenset(law.Reason)
_UNBELIEVABLE = (
    ValueError,
    TypeError,
    OverflowError,
    InvalidSignature,
    UnsupportedAlgorithm,
    LinkageError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What a malformed certificate or message makes its reader raise."""


def table_unlogged(ground: Ground) -> Iterator[Finding]:
    """The law book in force is the one that the log announced last."""
    book = ground.rules.books[0]
    if not ground.tables:
        yield Finding(Kind.TABLE_UNLOGGED, GATEWAY, "", "the log announces no permission table")
    elif (last := ground.tables[-1]).what.digest != book.digest:
        detail = f"{book.version} is in force, the log announced {last.what.version} last"
        yield Finding(Kind.TABLE_UNLOGGED, GATEWAY, _leaf(ground, last.position), detail)


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


def rulings_forged(ground: Ground) -> Iterator[Finding]:
    """Stops and approvals that the log announces are signed by the supervisor, whose certificate was the root's when it signed."""
    for position, event in events(ground.scratch, "rulings"):
        try:
            _check_rulings(event.rulings.rulings, ground.rules.root)
        except _UNBELIEVABLE as error:
            yield Finding(Kind.RULINGS_FORGED, GATEWAY, _leaf(ground, position), str(error) or type(error).__name__)


def _check_rulings(signed: supervision_pb2.SignedRulings, root: x509.Certificate) -> None:
    """As `warifu.exchange.rulings.verify`, but for the day: an entry of last year was signed with last year's certificate.

    Raises:
        ValueError, InvalidSignature, LinkageError and others: it is not the supervisor's.
    """
    certificate = x509.load_der_x509_certificate(signed.certificate)
    certificate.verify_directly_issued_by(root)
    caller, key = identity.caller_of(certificate), certificate.public_key()
    if (caller.party, caller.code) != SUPERVISOR or not isinstance(key, EllipticCurvePublicKey):
        raise ValueError(f"signed by {caller.uri}")
    key.verify(signed.signature, TAG + signed.rulings, ECDSA(SHA256()))
    content = parse_whole(supervision_pb2.Rulings, signed.rulings, "rulings")
    read(content, datetime_at(stamped(content.issued_at)))


def basis_unlawful(ground: Ground, case: Case) -> Iterator[Finding]:
    """The version is the one that was in force at that place of the log; the law book says the same of the inquiry as the record."""
    for entry in (*case.requests, *case.outcomes):
        problem = _version_problem(ground, entry) or _row_problem(ground, case, entry)
        if problem is not None:
            yield Finding(Kind.BASIS_UNLAWFUL, GATEWAY, entry.name, problem)


def _version_problem(ground: Ground, entry: Entry) -> str | None:
    if entry.record.kind == pb.RECORD_KIND_OUTCOME:
        return None  # decided when it was requested, whatever is in force by now
    versions = [one.version for one in in_force(ground.tables, entry.position, stamped(entry.record.requested_at))]
    if entry.record.table_version in versions:
        return None
    return f"version {entry.record.table_version}, while {versions[0] if versions else 'none'} was in force"


def _row_problem(ground: Ground, case: Case, entry: Entry) -> str | None:
    record, asked = entry.record, case.asked or entry
    book = ground.book(record.table_version)
    if book is None:
        return None
    ruled = in_force(ground.rulings, asked.position, stamped(record.requested_at))
    permitted = entry.permit_hash is not None
    problems = [_problem(book, record, rulings, case.ended, permitted=permitted) for rulings in ruled]
    return None if None in problems else problems[0]


def _problem(
    book: law.LawBook, record: pb.AccessRecord, rulings: law.Rulings, ended: Entry | None, *, permitted: bool
) -> str | None:
    if not permitted:
        return _refusal_problem(book, record, rulings, ended)
    decision = law.decide(book, _ask(record, consent=True), rulings)
    if not isinstance(decision, law.Permit):
        return f"permitted by {record.row}, the law book says {decision.reason}"
    return f"row {record.row}, the law book says {decision.row.id}" if decision.row.id != record.row else None


def _refusal_problem(
    book: law.LawBook, record: pb.AccessRecord, rulings: law.Rulings, ended: Entry | None
) -> str | None:
    """Consent is not in the record, so what the law book says with or without it is accepted."""
    reason = ended.record.reason if ended is not None else ""
    row = record.row if record.HasField("row") else None
    decisions = [law.decide(book, _ask(record, consent=consent), rulings) for consent in (False, True)]
    if reason not in _LAWS_REASONS:  # refused for its code, where the law would have allowed it
        allowed = any(isinstance(one, law.Permit) for one in decisions)
        return None if allowed else "refused for another reason than the law book's"
    denials = [one for one in decisions if isinstance(one, law.Deny)]
    expected = {(one.reason.value, one.nearest_row.id if one.nearest_row else None) for one in denials}
    return None if (reason, row) in expected else f"refused with {reason} by {row}, the law book says otherwise"


def _ask(record: pb.AccessRecord, *, consent: bool) -> law.Ask:
    on = day_of(record.requested_at.ToDatetime(tzinfo=UTC))
    return law.Ask(record.requester, record.provider, record.affair, record.procedure, record.item, on, consent=consent)


def _leaf(ground: Ground, position: int) -> str:
    leaf = ground.scratch.one("SELECT leaf FROM gateway WHERE position = ?", position)
    return "" if leaf is None else str(leaf)
