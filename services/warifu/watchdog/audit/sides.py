"""Checks of the three sides' records of one exchange against each other. A difference is laid at the side that the gateway does not bear out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import milliseconds, stamped
from warifu.watchdog.audit.cases import Case, Entry, Held, Side
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground

SKEW: Final = milliseconds(timedelta(minutes=1))
"""By how much two parties' network clocks may differ."""
WHAT: Final = ("requester", "provider", "affair", "procedure", "item")
"""What every record of an exchange says alike (PROTO-13.2)."""
WHO: Final = ("office", "clerk")
"""What the two institutions' records say alike; the gateway has neither."""
BASIS: Final = ("table_version", "row")
NO_ANSWER: Final = (pb.OUTCOME_UNSPECIFIED, pb.OUTCOME_PENDING)


def missing_at_gateway(ground: Ground, case: Case) -> Iterator[Finding]:
    """What an institution held before the gateway was read, the gateway has recorded."""
    del ground
    asking = case.asking
    if not case.known and asking.early:
        yield _finding(Kind.MISSING_AT_GATEWAY, GATEWAY, case, f"{_holders(case)} hold records of it")
    elif case.known and case.ended is None and _told(asking.outcome):
        yield _finding(Kind.MISSING_AT_GATEWAY, GATEWAY, case, f"{case.requester} holds its outcome")


def missing_at_requester(ground: Ground, case: Case) -> Iterator[Finding]:
    """Of what has an outcome at the gateway, the requester has both records."""
    if case.ended is not None and case.requester in ground.institutions:
        yield from _missing(Kind.MISSING_AT_REQUESTER, case.requester, case, case.asking)


def missing_at_provider(ground: Ground, case: Case) -> Iterator[Finding]:
    """Of what was answered, the provider has both records."""
    if case.ended is not None and case.answered and case.ended.record.provider in ground.institutions:
        yield from _missing(Kind.MISSING_AT_PROVIDER, case.ended.record.provider, case, case.answering)


def extra_at_provider(ground: Ground, case: Case) -> Iterator[Finding]:
    """A provider provides only what was asked and permitted."""
    del ground
    if not case.answering.early:
        return
    party = case.answering.records[0].party
    if not case.known and not case.asking.records:
        yield _finding(Kind.EXTRA_AT_PROVIDER, party, case, "neither gateway nor requester know of it")
    elif case.asked is not None and case.asked.permit_hash is None:
        yield _finding(Kind.EXTRA_AT_PROVIDER, party, case, "the gateway gave no permit")


def recorded_twice(ground: Ground, case: Case) -> Iterator[Finding]:
    """The gateway records a request once and its outcome once."""
    del ground
    for entry in (*case.requests[1:], *case.outcomes[1:]):
        yield Finding(Kind.RECORDED_TWICE, GATEWAY, entry.name, f"again of {case.request_id}")


def field_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """All records of an exchange name the same institutions, affair, procedure, item, permit and wish for non-disclosure."""
    del ground
    for entry, held in _facing(case):
        names = _differing(entry.record, held.record, _alike(entry.record))
        # The requester is told of a permit by its hash, when there is an answer or a notice of waiting.
        if held.permit_hash != entry.permit_hash and (held.permit_hash or _provides(case, held)):
            names.append("permit")
        yield from _differs(Kind.FIELD_DIFFERS, held.party, case, names, GATEWAY)
    if case.asked is not None and case.ended is not None:
        names = _differing(case.asked.record, case.ended.record, WHAT)
        yield from _differs(Kind.FIELD_DIFFERS, GATEWAY, case, names, "its own record of the request")
    for asked, provided in _pairs(case):
        names = _differing(asked.record, provided.record, WHO)
        yield from _differs(Kind.FIELD_DIFFERS, provided.party, case, names, asked.party)


def basis_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """Gateway and provider name the same row of the same table; the requester the row by which it was refused (PROTO-13.2)."""
    del ground
    for entry, held in _facing(case):
        if _provides(case, held):
            yield from _differs(
                Kind.BASIS_DIFFERS, held.party, case, _differing(entry.record, held.record, BASIS), GATEWAY
            )
        elif case.ended is not None and case.ended.record.outcome == pb.OUTCOME_DENIED:
            yield from _differs(
                Kind.BASIS_DIFFERS, held.party, case, _differing(entry.record, held.record, ["row"]), GATEWAY
            )
    if case.asked is not None and case.ended is not None:
        names = _differing(case.asked.record, case.ended.record, BASIS)
        yield from _differs(Kind.BASIS_DIFFERS, GATEWAY, case, names, "its own record of the request")


def time_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """All records name one time of the request; the provision was at the provider first, then at the gateway, then at the requester."""
    del ground
    for entry, held in _facing(case):
        names = _differing(entry.record, held.record, ["requested_at"])
        yield from _differs(Kind.TIME_DIFFERS, held.party, case, names, GATEWAY)
    if case.asked is not None and case.ended is not None:
        names = _differing(case.asked.record, case.ended.record, ["requested_at"])
        yield from _differs(Kind.TIME_DIFFERS, GATEWAY, case, names, "its own record of the request")
    yield from _out_of_order(case)


def outcome_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """All records name one outcome and reason; the two institutions one fine outcome."""
    del ground
    if case.ended is not None:
        asking, answering = case.asking.outcome, case.answering.outcome
        if asking is not None:
            names = _differing(case.ended.record, asking.record, ["outcome", "reason"])
            yield from _contradicts(case, case.ended.record, asking, names)
        if answering is not None:
            names = _differing(case.ended.record, answering.record, ["outcome"])
            yield from _contradicts(case, case.ended.record, answering, names)
    for asked, provided in _pairs(case):
        names = _differing(asked.record, provided.record, ["fine_outcome"])
        yield from _differs(Kind.OUTCOME_DIFFERS, provided.party, case, names, asked.party)


def answer_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """Both institutions hold the digest of one answer, and the same sealed bytes of it."""
    del ground
    for asked, provided in _pairs(case):
        if asked.record.kind != pb.RECORD_KIND_OUTCOME:
            continue
        names = _differing(asked.record, provided.record, ["answer_digest"])
        names += _differing(asked.evidence, provided.evidence, ["sealed_hash"])
        yield from _differs(Kind.ANSWER_DIFFERS, provided.party, case, names, asked.party)


def content_altered(ground: Ground, case: Case) -> Iterator[Finding]:
    """The answer that the requester stores now is the one whose digest is in its record."""
    del ground
    held = case.asking.outcome
    if held is None or not held.record.HasField("answer_digest"):
        return
    if not held.evidence.HasField("answer_digest"):
        yield _finding(Kind.CONTENT_ALTERED, held.party, case, "no answer is stored any more")
    elif held.evidence.answer_digest != held.record.answer_digest:
        yield _finding(Kind.CONTENT_ALTERED, held.party, case, "the stored answer has another digest than its record")


def _missing(kind: Kind, party: str, case: Case, side: Side) -> Iterator[Finding]:
    parts = [name for name, one in (("request", side.request), ("outcome", side.outcome)) if one is None]
    if parts:
        yield _finding(kind, party, case, f"no record of {' and '.join(parts)}")


def _told(held: Held | None) -> bool:
    """Whether the gateway must have told this outcome before it was read; what a requester finds wrong by itself is an ERROR."""
    return held is not None and not held.late and held.record.outcome not in (*NO_ANSWER, pb.OUTCOME_ERROR)


def _facing(case: Case) -> Iterator[tuple[Entry, Held]]:
    """Each institution's record with the gateway's of the same kind."""
    for side in (case.asking, case.answering):
        if case.asked is not None and side.request is not None:
            yield case.asked, side.request
        if case.ended is not None and side.outcome is not None:
            yield case.ended, side.outcome


def _pairs(case: Case) -> Iterator[tuple[Held, Held]]:
    """The requester's record with the provider's of the same kind; outcomes only when both say that it was answered."""
    asking, answering = case.asking, case.answering
    if asking.request is not None and answering.request is not None:
        yield asking.request, answering.request
    if asking.outcome is not None and answering.outcome is not None:
        outcomes = {asking.outcome.record.outcome, answering.outcome.record.outcome}
        if outcomes == {pb.OUTCOME_ANSWERED}:
            yield asking.outcome, answering.outcome


def _alike(record: pb.AccessRecord) -> Sequence[str]:
    """Without an answer the requester cannot know whether the provider wished for non-disclosure."""
    told = record.kind == pb.RECORD_KIND_REQUEST or record.outcome == pb.OUTCOME_ANSWERED
    return (*WHAT, "non_disclosure") if told else WHAT


def _provides(case: Case, held: Held) -> bool:
    return held in case.answering.records


def _differing(ours: Any, theirs: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if _value(ours, name) != _value(theirs, name)]


def _value(message: Any, name: str) -> object:
    """Absent is another value than the default one, where the contract tells them apart."""
    field = message.DESCRIPTOR.fields_by_name[name]
    return getattr(message, name) if not field.has_presence or message.HasField(name) else None


def _out_of_order(case: Case) -> Iterator[Finding]:
    if not case.answered or case.ended is None or case.asked is None:
        return
    last = stamped(case.asked.record.requested_at)
    steps = [(one.party, one.record) for one in (case.answering.outcome,) if one is not None]
    steps += [(GATEWAY, case.ended.record)]
    steps += [(one.party, one.record) for one in (case.asking.outcome,) if one is not None]
    for party, record in steps:
        if record.outcome != pb.OUTCOME_ANSWERED:
            continue
        at = stamped(record.answered_at)
        if at < last - SKEW:
            yield _finding(Kind.TIME_DIFFERS, party, case, f"answered {(last - at) // 1000} s before it can have been")
        last = max(last, at)


def _contradicts(case: Case, said: pb.AccessRecord, held: Held, names: Sequence[str]) -> Iterator[Finding]:
    if names:
        ours, theirs = (pb.Outcome.Name(one.outcome).removeprefix("OUTCOME_") for one in (said, held.record))
        detail = f"{ours} {said.reason}".strip() + f" at the gateway, {theirs} {held.record.reason}".rstrip() + " here"
        yield _finding(Kind.OUTCOME_DIFFERS, held.party, case, detail)


def _differs(kind: Kind, party: str, case: Case, names: Sequence[str], against: str) -> Iterator[Finding]:
    if names:
        yield _finding(kind, party, case, f"{', '.join(names)}: not as {against} has it")


def _finding(kind: Kind, party: str, case: Case, detail: str) -> Finding:
    return Finding(kind, party, case.request_id, detail)


def _holders(case: Case) -> str:
    return " and ".join(dict.fromkeys(one.party for side in case.sides() for one in side.records))
