"""Checks of the three sides' records of one exchange against each other. A difference is laid at who says something else than the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import milliseconds, stamped
from warifu.watchdog.audit.cases import Case, Entry, Held, Side
from warifu.watchdog.audit.findings import GATEWAY, PORTAL, Finding, Kind
from warifu.watchdog.audit.ground import Ground

SKEW: Final = milliseconds(timedelta(minutes=1))
"""By how much two parties' network clocks may differ."""
WHAT: Final = ("requester", "provider", "affair", "procedure", "item")
"""What every record of an exchange says alike (PROTO-13.2)."""
WHO: Final = ("office", "clerk")
"""What the two institutions' records say alike; the gateway has neither."""
NO_ANSWER: Final = (pb.OUTCOME_UNSPECIFIED, pb.OUTCOME_PENDING)
Said = tuple[str, pb.AccessRecord]
"""A record and who holds it."""


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
    asking, answering = case.asking.records, case.answering.records
    everyone = _said(_gateway(case), asking, answering)
    told = [one for one in everyone if one[1].kind == pb.RECORD_KIND_REQUEST]
    ended = [one for one in everyone if one[1].outcome == pb.OUTCOME_ANSWERED]
    blamed = _Blamed()
    for name in WHAT:
        blamed.vote(name, everyone)
    for side in (
        told,
        ended,
    ):  # without an answer the requester cannot know whether the provider wished for non-disclosure
        blamed.vote("non_disclosure", side)
    for name in WHO:
        blamed.vote(name, _said((), answering, asking))
    blamed.count("permit", _permits(case))
    yield from blamed.findings(Kind.FIELD_DIFFERS, case)


def basis_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """Gateway and provider name the same row of the same table; the requester the row by which it was refused (PROTO-13.2)."""
    del ground
    denied = case.ended is not None and case.ended.record.outcome == pb.OUTCOME_DENIED
    both = _said(_gateway(case), case.answering.records)
    blamed = _Blamed()
    blamed.vote("table_version", both)
    blamed.vote("row", [*both, *_said((), case.asking.records)] if denied else both)
    yield from blamed.findings(Kind.BASIS_DIFFERS, case)


def time_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """All records name one time of the request; the provision was at the provider first, then at the gateway, then at the requester."""
    del ground
    everyone = _said(_gateway(case), case.asking.records, case.answering.records)
    times = [(party, stamped(record.requested_at)) for party, record in everyone]
    blamed = _Blamed()
    blamed.count("requested_at", times)
    yield from blamed.findings(Kind.TIME_DIFFERS, case)
    if case.answered and times:
        yield from _out_of_order(case, _believed(times))


def outcome_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """All records name one outcome and reason; the two institutions one fine outcome."""
    del ground
    asking, answering = case.asking.outcome, case.answering.outcome
    if case.ended is not None:
        told = [(GATEWAY, case.ended.record)]
        told += [(one.party, one.record) for one in (asking, answering) if one is not None]
        blamed = _Blamed()
        blamed.vote("outcome", told)
        blamed.vote("reason", told[:2] if asking is not None else [])
        said = ", ".join(f"{party} {_outcome(record)}" for party, record in told)
        for party in blamed.names:
            yield _finding(Kind.OUTCOME_DIFFERS, party, case, said)
    for asked, provided in _answers(case):
        names = _differing(asked.record, provided.record, ["fine_outcome"])
        yield from _differs(Kind.OUTCOME_DIFFERS, provided.party, case, names, asked.party)


def answer_differs(ground: Ground, case: Case) -> Iterator[Finding]:
    """Both institutions hold the digest of one answer, and the same sealed bytes of it."""
    for asked, provided in _answers(case):
        names = _differing(asked.record, provided.record, ["answer_digest"])
        if not _is_let_go(ground, asked):
            names += _differing(asked.evidence, provided.evidence, ["sealed_hash"])
        yield from _differs(Kind.ANSWER_DIFFERS, provided.party, case, names, asked.party)


def content_altered(ground: Ground, case: Case) -> Iterator[Finding]:
    """The answer that the requester stores now is the one whose digest is in its record."""
    held = case.asking.outcome
    if held is None or not held.record.HasField("answer_digest") or _is_let_go(ground, held):
        return
    if not held.evidence.HasField("answer_digest"):
        yield _finding(Kind.CONTENT_ALTERED, held.party, case, "no answer is stored any more")
    elif held.evidence.answer_digest != held.record.answer_digest:
        yield _finding(Kind.CONTENT_ALTERED, held.party, case, "the stored answer has another digest than its record")


def _is_let_go(ground: Ground, asked: Held) -> bool:
    """A citizen's own information is kept for days (PROTO-13.5): the portal's record stands, and nothing that it could be compared with."""
    asking = ground.rules.books[0].institutions.get(asked.party)
    own = asking is not None and asking.kind == PORTAL
    return own and not asked.evidence.HasField("answer_digest") and not asked.evidence.HasField("sealed_hash")


def _missing(kind: Kind, party: str, case: Case, side: Side) -> Iterator[Finding]:
    parts = [name for name, one in (("request", side.request), ("outcome", side.outcome)) if one is None]
    if parts:
        yield _finding(kind, party, case, f"no record of {' and '.join(parts)}")


def _told(held: Held | None) -> bool:
    """Whether the gateway must have told this outcome before it was read; what a requester finds wrong by itself is an ERROR."""
    return held is not None and not held.late and held.record.outcome not in (*NO_ANSWER, pb.OUTCOME_ERROR)


class _Blamed:
    """Who says something else than the others, and of what. With as many on either side, who comes first is believed: the gateway."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def vote(self, name: str, said: Sequence[Said]) -> None:
        """Compare one field of records."""
        self.count(name, [(party, _value(record, name)) for party, record in said])

    def count(self, name: str, values: Sequence[tuple[str, Hashable]]) -> None:
        """Compare values, each with who says it."""
        if len({value for _, value in values}) < 2:  # noqa: PLR2004 - nobody says anything else
            return
        believed = _believed(values)
        for party in dict.fromkeys(party for party, value in values if value != believed):
            known = self.names.setdefault(party, [])
            known.extend([name] if name not in known else [])

    def findings(self, kind: Kind, case: Case) -> Iterator[Finding]:
        """One for each party."""
        for party, names in self.names.items():
            yield from _differs(kind, party, case, names, "the others")


V = TypeVar("V", bound=Hashable)


def _believed(values: Sequence[tuple[str, V]]) -> V:
    counts = Counter(value for _, value in values)
    most = max(counts.values())
    return next(value for _, value in values if counts[value] == most)


def _gateway(case: Case) -> list[Entry]:
    return [one for one in (case.asked, case.ended) if one is not None]


def _said(entries: Iterable[Entry], *sides: Iterable[Held]) -> list[Said]:
    return [(GATEWAY, one.record) for one in entries] + [(one.party, one.record) for side in sides for one in side]


def _permits(case: Case) -> list[tuple[str, bytes | None]]:
    """The requester is told of a permit by its hash, when there is an answer or a notice of waiting."""
    said = [(GATEWAY, one.permit_hash) for one in _gateway(case)]
    said += [(one.party, one.permit_hash) for one in case.answering.records]
    return said + [(one.party, one.permit_hash) for one in case.asking.records if one.permit_hash]


def _answers(case: Case) -> Iterator[tuple[Held, Held]]:
    """Both institutions' records of an outcome of which both say that it was answered."""
    asked, provided = case.asking.outcome, case.answering.outcome
    if asked is None or provided is None:
        return
    if asked.record.outcome == provided.record.outcome == pb.OUTCOME_ANSWERED:
        yield asked, provided


def _differing(ours: Any, theirs: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if _value(ours, name) != _value(theirs, name)]


def _value(message: Any, name: str) -> Any:
    """Absent is another value than the default one, where the contract tells them apart."""
    field = message.DESCRIPTOR.fields_by_name[name]
    return getattr(message, name) if not field.has_presence or message.HasField(name) else None


def _out_of_order(case: Case, requested: int) -> Iterator[Finding]:
    answering, asking = case.answering.outcome, case.asking.outcome
    steps = _said((), [answering] if answering else [])
    steps += _said([case.ended] if case.ended else [], [asking] if asking else [])
    last = requested
    for party, record in steps:
        if record.outcome != pb.OUTCOME_ANSWERED:
            continue
        at = stamped(record.answered_at)
        if at < last - SKEW:
            yield _finding(Kind.TIME_DIFFERS, party, case, f"answered {(last - at) // 1000} s before it can have been")
        last = max(last, at)


def _outcome(record: pb.AccessRecord) -> str:
    return f"{pb.Outcome.Name(record.outcome).removeprefix('OUTCOME_')} {record.reason}".strip()


def _differs(kind: Kind, party: str, case: Case, names: Sequence[str], against: str) -> Iterator[Finding]:
    if names:
        yield _finding(kind, party, case, f"{', '.join(names)}: other than {against}")


def _finding(kind: Kind, party: str, case: Case, detail: str) -> Finding:
    return Finding(kind, party, case.request_id, detail)


def _holders(case: Case) -> str:
    return " and ".join(dict.fromkeys(one.party for side in case.sides() for one in side.records))
