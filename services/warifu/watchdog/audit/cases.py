"""All that is held of one exchange, by whom. Streamed in the order of request ids, so that memory stays flat."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.linkage.v1 import linkage_pb2
from warifu.log.v1 import log_pb2
from warifu.watchdog.audit.findings import GATEWAY
from warifu.watchdog.audit.scratch import Scratch

REQUEST, OUTCOME = pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME
_GATEWAY: Final = """
SELECT request_id, 0, position, leaf, record, salt, commitment, permit_hash FROM gateway
WHERE request_id IS NOT NULL ORDER BY request_id, position
"""
_HELD: Final = """
SELECT request_id, 1, party, position, late, record, permit_hash, evidence FROM held
WHERE request_id IS NOT NULL ORDER BY request_id, party, position
"""
_SHOWN: Final = """
SELECT request_id, 2, position, late, request, outcome, request_leaf, outcome_leaf FROM shown
WHERE request_id IS NOT NULL ORDER BY request_id, position
"""

_CORRECTED: Final = """
SELECT request_id, 3, source, position, late, event, commitment, leaf FROM corrected ORDER BY request_id, source, position
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record at the gateway."""

    position: int
    leaf: int | None
    record: pb.AccessRecord
    committed: pb.CommittedRecord
    permit_hash: bytes | None

    @property
    def name(self) -> str:
        """How a finding names it."""
        return str(self.leaf) if self.leaf is not None else self.record.request_id


@dataclass(frozen=True, slots=True)
class Held:
    """A record at an institution."""

    party: str
    late: bool
    """Shown only after the gateway was read."""
    record: pb.AccessRecord
    permit_hash: bytes | None
    evidence: linkage_pb2.Evidence


@dataclass(frozen=True, slots=True)
class Shown:
    """The two records of an exchange at the portal."""

    late: bool
    """Shown only after the gateway was read."""
    request: pb.CommittedRecord
    outcome: pb.CommittedRecord
    request_leaf: int
    outcome_leaf: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction at the gateway or at the portal."""

    source: str
    position: int
    late: bool
    """Shown only after the gateway was read."""
    event: bytes
    commitment: bytes
    leaf: int | None
    said: log_pb2.CorrectionEntered

    @property
    def name(self) -> str:
        """How a finding names it."""
        return str(self.leaf) if self.leaf is not None else self.said.request_id


@dataclass(slots=True)
class Side:
    """One institution's records of an exchange; at most one of each kind, since its store allows no second."""

    request: Held | None = None
    outcome: Held | None = None

    @property
    def records(self) -> tuple[Held, ...]:
        """Those there are."""
        return tuple(one for one in (self.request, self.outcome) if one is not None)

    @property
    def early(self) -> bool:
        """Something was shown before the gateway was read."""
        return any(not one.late for one in self.records)


@dataclass(slots=True)
class Case:
    """One exchange: a request id of one requester."""

    request_id: str
    requester: str
    requests: list[Entry] = field(default_factory=list)
    """At the gateway; more than one is a finding."""
    outcomes: list[Entry] = field(default_factory=list)
    asking: Side = field(default_factory=Side)
    """The requester's."""
    answering: Side = field(default_factory=Side)
    """The provider's."""
    shown: list[Shown] = field(default_factory=list)
    entered: list[Corrected] = field(default_factory=list)
    """Corrections at the gateway."""
    told: list[Corrected] = field(default_factory=list)
    """Corrections at the portal."""

    @property
    def asked(self) -> Entry | None:
        """The gateway's record of the request."""
        return self.requests[0] if self.requests else None

    @property
    def ended(self) -> Entry | None:
        """The gateway's record of the outcome."""
        return self.outcomes[0] if self.outcomes else None

    @property
    def known(self) -> bool:
        """The gateway has a record of it."""
        return bool(self.requests or self.outcomes)

    @property
    def answered(self) -> bool:
        """The gateway says that the provider answered."""
        return self.ended is not None and self.ended.record.outcome == pb.OUTCOME_ANSWERED

    def sides(self) -> Iterator[Side]:
        """Both institutions' records."""
        yield self.asking
        yield self.answering


def cases(scratch: Scratch) -> Iterator[Case]:
    """Every exchange that anyone holds a readable record of."""
    sources = (scratch.rows(query) for query in (_GATEWAY, _HELD, _SHOWN, _CORRECTED))
    merged = heapq.merge(*sources, key=_key)
    for request_id, rows in groupby(merged, key=lambda row: str(row[0])):
        yield from _exchanges(request_id, list(rows))


def _key(row: tuple[Any, ...]) -> tuple[str, int]:
    return row[0], row[1]


def _exchanges(request_id: str, rows: list[tuple[Any, ...]]) -> Iterator[Case]:
    found: dict[str, Case] = {}
    pretences: list[Entry] = []
    corrected: list[Corrected] = []
    for row in rows:
        if row[1] == 0:
            entry = _entry(row)
            case = _of(found, request_id, entry.record.requester)
            if entry.record.kind == REQUEST:
                case.requests.append(entry)
            elif entry.record.reason == Reason.CLIENT_NOT_YOURS:
                pretences.append(entry)
            else:
                case.outcomes.append(entry)
        elif row[1] == 1:
            _place(found, request_id, _held(row))
        elif row[1] == 3:  # noqa: PLR2004 - see _CORRECTED
            corrected.append(_corrected(row))
        else:
            shown = _shown(row)
            _of(found, request_id, pb.AccessRecord.FromString(shown.request.record).requester).shown.append(shown)
    for entry in pretences:
        _forget_pretence(found[entry.record.requester], entry)
    for one in corrected:
        case = _corrected_case(found, request_id, one)
        (case.entered if one.source == GATEWAY else case.told).append(one)
    yield from (case for case in found.values() if _anything(case))


def _of(found: dict[str, Case], request_id: str, requester: str) -> Case:
    return found.setdefault(requester, Case(request_id, requester))


def _place(found: dict[str, Case], request_id: str, held: Held) -> None:
    """A record that names neither side as its holder counts as a requester's: the others will miss theirs."""
    provides = held.record.provider == held.party != held.record.requester
    case = _of(found, request_id, held.record.requester if provides else held.party)
    side = case.answering if provides else case.asking
    if held.record.kind == REQUEST:
        side.request = held
    else:
        side.outcome = held


def _forget_pretence(case: Case, outcome: Entry) -> None:
    """Leave out an inquiry in another's name: nobody's exchange, two records in one transaction under the caller's own (PROTO-4.8)."""
    case.requests = [one for one in case.requests if one.position != outcome.position - 1]


def _anything(case: Case) -> bool:
    corrected = bool(case.entered or case.told)
    return case.known or bool(case.shown) or corrected or any(side.records for side in case.sides())


def _corrected_case(found: dict[str, Case], request_id: str, one: Corrected) -> Case:
    """Of several exchanges of one id, one of them in its own name, the one that the institution took part in."""
    known = [case for case in found.values() if case.asked is not None]
    for case in known:
        if case.asked is not None and one.said.institution in {case.requester, case.asked.record.provider}:
            return case
    return known[0] if known else _of(found, request_id, one.said.institution)


def _corrected(row: tuple[Any, ...]) -> Corrected:
    _, _, source, position, late, event, commitment, leaf = row
    said = log_pb2.NetworkEvent.FromString(event).correction
    return Corrected(source, position, bool(late), event, commitment, leaf, said)


def _entry(row: tuple[Any, ...]) -> Entry:
    _, _, position, leaf, record, salt, commitment, permit_hash = row
    committed = pb.CommittedRecord(record=record, salt=salt, commitment=commitment)
    return Entry(position, leaf, pb.AccessRecord.FromString(record), committed, permit_hash)


def _held(row: tuple[Any, ...]) -> Held:
    _, _, party, _, late, record, permit_hash, evidence = row
    return Held(
        party, bool(late), pb.AccessRecord.FromString(record), permit_hash, linkage_pb2.Evidence.FromString(evidence)
    )


def _shown(row: tuple[Any, ...]) -> Shown:
    _, _, _, late, request, outcome, request_leaf, outcome_leaf = row
    parse = pb.CommittedRecord.FromString
    return Shown(bool(late), parse(request), parse(outcome), request_leaf, outcome_leaf)
