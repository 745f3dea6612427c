"""A whole network's records, made by the rules and kept in lists: what the audit is asked to check, without a process or a socket.

Everything in it is genuine: commitments, the log's tree, its signed and cosigned head, receipts, directory entries by real certificates.
A lie is a change of the lists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.protobuf.timestamp_pb2 import Timestamp

from warifu import law
from warifu.authority import provision
from warifu.exchange import event as events
from warifu.exchange import receipt, rulings
from warifu.exchange import record as records
from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.logkeys import ORIGIN, WITNESS
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.trust import Trust
from warifu.linkage.v1 import linkage_pb2
from warifu.log.v1 import log_pb2
from warifu.portal.v1 import portal_pb2
from warifu.supervision.v1 import supervision_pb2
from warifu.tlog import checkpoint
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import LogSigner, WitnessSigner
from warifu.tlog.proofs import TileMissingError
from warifu.tlog.tiles import Bundle, encode_entries, parse_path
from warifu.watchdog.audit.engine import Audit, Report
from warifu.watchdog.audit.findings import Kind
from warifu.watchdog.audit.ground import Rules
from warifu.watchdog.audit.scratch import Scratch
from warifu.watchdog.audit.sources import Shown, UnreachableError

NHI, TAX, OTHER_TAX = "nhi-480029", "tax-480011", "tax-490016"
PARTIES = {"gateway": ["main"], "tax": [TAX, OTHER_TAX], "health_insurance": [NHI], "watchdog": ["main"]}
NOW = datetime.now(tz=UTC)
START = milliseconds(datetime(2026, 6, 10, tzinfo=UTC))
AFFAIR, PROCEDURE, ITEM, ROW = "JM90000000000101", "JT90000000000101", "TM90000000000001", "P07"
REASONS = {pb.OUTCOME_DENIED: "CLIENT_ITEM_NOT_PERMITTED", pb.OUTCOME_EXPIRED: "GATEWAY_EXPIRED"}
PAGE = 50
RIGHTS = b"a table of rights"
BOOK = law.packaged()


@dataclass(frozen=True)
class Identity:
    """Keys and real certificates, made once for all models."""

    trust: Trust
    entries: dict[str, pb.SignedDirectoryEntry]
    gateway: InstitutionKeys
    certificates: dict[str, tuple[x509.Certificate, EllipticCurvePrivateKey]]
    """With their keys, by owner."""

    @classmethod
    def make(cls, state: Path) -> Identity:
        """A provisioned network's."""
        provision(state, PARTIES, counters=[])
        keys = {owner: InstitutionKeys.generate(owner) for owner in ("gateway", NHI, TAX, OTHER_TAX)}
        folders = {NHI: f"health_insurance/identities/{NHI}", "gateway": "gateway/identities/main"}
        folders |= {"watchdog": "watchdog/identities/main"}
        certificates = {}
        for owner in (*keys, "watchdog"):
            folder = state / folders.get(owner, f"tax/identities/{owner}")
            certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
            key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
            assert isinstance(key, EllipticCurvePrivateKey)
            certificates[owner] = (certificate, key)
        dates = (NOW - timedelta(days=1), NOW + timedelta(days=1))
        entries = {owner: make_entry(own, 1, dates, *certificates[owner]) for owner, own in keys.items()}
        return cls(Trust(state / "watchdog"), entries, keys["gateway"], certificates)


@dataclass
class Exchange:
    """What each side holds of one exchange, before it is placed."""

    request_id: str
    gateway: list[linkage_pb2.PositionedRecord] = field(default_factory=list)
    requester: list[linkage_pb2.PositionedRecord] = field(default_factory=list)
    provider: list[linkage_pb2.PositionedRecord] = field(default_factory=list)
    shown: bool = False


class Model:
    """The network. Its calls are those of `warifu.watchdog.audit.sources.Sources`."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.signer, self.witness = LogSigner(ORIGIN, os.urandom(32)), WitnessSigner(WITNESS, os.urandom(32))
        self.log_key, self.witness_key = self.signer.key, self.witness.key
        self.gateway_list: list[linkage_pb2.PositionedRecord] = []
        self.leaves: list[bytes] = []
        self.held: dict[str, list[linkage_pb2.PositionedRecord]] = {NHI: [], TAX: [], OTHER_TAX: []}
        self.delivered: list[portal_pb2.DeliveredRecord] = []
        self.relayed = dict(identity.entries)
        self.books: list[law.LawBook] = [BOOK]
        self.rights = RIGHTS
        self.head: Checkpoint | None = None
        self.published: str | None = None
        self.before_call: Callable[[str], None] = lambda _name: None
        self.calls: list[str] = []
        self.cosigned_at = NOW
        self._position = 0
        self._numbers = 0
        self.enter_event(started=log_pb2.GatewayStarted(simulation=True, program="1"))
        self.enter_event(table=log_pb2.TableChanged(version=BOOK.version, digest=BOOK.digest))
        self.enter_event(rights=log_pb2.RightsChanged(digest=sha256(RIGHTS).digest()))
        for owner, signed in self.relayed.items():
            digest = sha256(signed.entry).digest()
            self.enter_event(directory=log_pb2.DirectoryChanged(owner=owner, version=1, digest=digest))

    # What is made.

    @property
    def time(self) -> int:
        """Network milliseconds of the newest exchange."""
        return START + self._numbers * 60_000

    def rule(self, signer: str = "watchdog", **ruled: object) -> None:
        """The supervisor has this in force from now on; or another says so."""
        content = supervision_pb2.Rulings(version=1, issued_at=timestamp(milliseconds(NOW)), **ruled)
        signed = rulings.sign(content, *self.identity.certificates[signer])
        self.enter_event(rulings=log_pb2.RulingsChanged(rulings=signed))

    def enter_event(
        self, *, logged: bool = True, at: int | None = None, **event: object
    ) -> linkage_pb2.PositionedRecord:
        """An event at the gateway, in the log; now, or at other network milliseconds."""
        when = timestamp(self.time if at is None else at)
        made = events.commit(log_pb2.NetworkEvent(version=events.VERSION, at=when, **event))
        entry = linkage_pb2.PositionedRecord(event=made)
        self.enter(entry, logged=logged)
        return entry

    def enter(self, entry: linkage_pb2.PositionedRecord, *, logged: bool = True) -> None:
        """An entry at the gateway: at the next position, in the log."""
        self._position += 1
        entry.position = self._position
        if logged:
            entry.leaf_index = len(self.leaves)
            self.leaves.append(commitment_of(entry))
        self.gateway_list.append(entry)

    def exchange(
        self,
        outcome: int = pb.OUTCOME_ANSWERED,
        fine: int = pb.FINE_OUTCOME_PROVIDED,
        *,
        hidden: bool = False,
        places: Sequence[str] = ("gateway", "requester", "provider", "portal"),
        **changes: object,
    ) -> Exchange:
        """An exchange done by the rules, at all who are to hold it."""
        made = self.made(outcome, fine, hidden=hidden, **changes)
        if "gateway" in places:
            for entry in made.gateway:
                self.enter(entry)
        for place, party in (("requester", NHI), ("provider", TAX)):
            if place in places:
                for one in getattr(made, place):
                    self.hold(party, one)
        if "portal" in places and made.shown:
            self.deliver(made)
        return made

    def made(
        self,
        outcome: int,
        fine: int,
        *,
        hidden: bool = False,
        reason: str | None = None,
        answered_at: Timestamp | None = None,
        **changes: object,
    ) -> Exchange:
        """The same, placed nowhere."""
        self._numbers += 1
        request_id = f"00000000-0000-4000-8000-{self._numbers:012d}"
        at = START + self._numbers * 60_000
        common = {
            "version": records.VERSION, "request_id": request_id, "requester": NHI, "provider": TAX, "affair": AFFAIR,
            "procedure": PROCEDURE, "item": ITEM, "table_version": BOOK.version, "row": ROW, "requested_at": timestamp(at),
            "non_disclosure": hidden, **changes,
        }  # fmt: skip
        permit_hash = None if outcome == pb.OUTCOME_DENIED else os.urandom(32)
        final: dict[str, object] = {"outcome": outcome} if outcome != pb.OUTCOME_PENDING else {}
        if outcome == pb.OUTCOME_ANSWERED:
            final["answered_at"] = answered_at or timestamp(at)
        if outcome in REASONS:
            final["reason"] = reason or REASONS[outcome]
        own = {"office": "国保年金課", "clerk": "c-17"}
        digest = os.urandom(32)
        answer = {"fine_outcome": fine, "answer_digest": digest} if outcome == pb.OUTCOME_ANSWERED else {}
        made = Exchange(request_id)
        made.gateway = [committed(permit_hash, kind=pb.RECORD_KIND_REQUEST, **common)]
        promised = made.gateway[0].record.commitment
        given = receipt.issue(
            promised, datetime.fromtimestamp(at / 1000, UTC), NOW, self._key_id(), self.identity.gateway.sign
        )
        mine = {**common, **own}
        if outcome != pb.OUTCOME_DENIED:
            mine_asked = {**mine, "row": None}
            made.provider = [committed(permit_hash, kind=pb.RECORD_KIND_REQUEST, **mine)]
            made.provider[0].evidence.promised = promised
        else:
            mine_asked = mine
        made.requester = [committed(permit_hash, kind=pb.RECORD_KIND_REQUEST, **mine_asked)]
        made.requester[0].evidence.promised = promised
        made.requester[0].evidence.receipt.CopyFrom(given)
        if final:
            kind = {"kind": pb.RECORD_KIND_OUTCOME}
            made.gateway.append(committed(permit_hash, **kind, **common, **final))
            made.requester.append(committed(permit_hash, **kind, **mine_asked, **final, **answer))
            if outcome == pb.OUTCOME_ANSWERED:
                sealed = os.urandom(32)
                made.provider.append(committed(permit_hash, **kind, **mine, **final, **answer))
                made.requester[1].evidence.answer_digest = digest
                made.requester[1].evidence.sealed_hash = made.provider[1].evidence.sealed_hash = sealed
        made.shown = bool(final) and not hidden
        return made

    def hold(self, party: str, one: linkage_pb2.PositionedRecord) -> None:
        """A record at an institution."""
        one.position = self.held[party][-1].position + 1 if self.held[party] else 1
        self.held[party].append(one)

    def deliver(self, made: Exchange) -> portal_pb2.DeliveredRecord:
        """An exchange at the portal."""
        request, outcome = made.gateway[:2]
        delivered = portal_pb2.DeliveredRecord(
            position=self.delivered[-1].position + 1 if self.delivered else 1,
            request=request.record, outcome=outcome.record,
            request_leaf=request.leaf_index, outcome_leaf=outcome.leaf_index,
        )  # fmt: skip
        self.delivered.append(delivered)
        return delivered

    def correct(
        self, made: Exchange, institution: str = NHI, *, shown: bool = True, request_id: str | None = None
    ) -> linkage_pb2.PositionedRecord:
        """A correction of an exchange, at the gateway and, where it is to be shown, at the portal."""
        said = log_pb2.CorrectionEntered(
            request_id=made.request_id if request_id is None else request_id, institution=institution, statement="誤り"
        )
        entry = self.enter_event(correction=said)
        if shown:
            self.deliver_correction(entry.event, entry.leaf_index)
        return entry

    def deliver_correction(self, event: log_pb2.CommittedEvent, leaf: int) -> portal_pb2.DeliveredRecord:
        """A correction at the portal."""
        delivered = portal_pb2.DeliveredRecord(
            position=self.delivered[-1].position + 1, correction=event, correction_leaf=leaf
        )
        self.delivered.append(delivered)
        return delivered

    def sign(self, leaves: Sequence[bytes] | None = None) -> Checkpoint:
        """The head over the leaves as they are, or over others."""
        leaves = self.leaves if leaves is None else leaves
        edge = Frontier().append([leaf_hash(one) for one in leaves])
        return Checkpoint(ORIGIN, edge.size, edge.root)

    def note(self, head: Checkpoint) -> str:
        """A head with both signatures."""
        note = head.signed(self.signer)
        return note.with_signature(self.witness.sign(note.text, self.cosigned_at)).raw

    def _key_id(self) -> str:
        return self.identity.gateway.signing_key_id

    # What is asked.

    @property
    def institutions(self) -> Sequence[str]:
        """See `Sources`."""
        return tuple(self.held)

    async def heads(self) -> Shown:
        """See `Sources`."""
        self._called("heads")
        return Shown(self.note(self.head or self.sign()), self.published)

    async def tile(self, path: str) -> bytes:
        """See `Sources`."""
        self._called(f"tile {path}")
        place = parse_path(path)
        assert isinstance(place, Bundle)
        entries = self.leaves[place.start : place.start + place.width]
        if len(entries) < place.width:
            raise TileMissingError(path)
        return encode_entries(entries)

    async def gateway(self, after: int) -> linkage_pb2.ListRecordsResponse:
        """See `Sources`."""
        self._called("gateway")
        return self._page(linkage_pb2.ListRecordsResponse, self.gateway_list, after)

    async def institution(self, code: str, after: int) -> interim_pb2.ListRecordsResponse:
        """See `Sources`."""
        self._called(code)
        return self._page(interim_pb2.ListRecordsResponse, self.held[code], after)

    async def portal(self, after: int) -> portal_pb2.ListRecordsResponse:
        """See `Sources`."""
        self._called("portal")
        return self._page(portal_pb2.ListRecordsResponse, self.delivered, after)

    async def directory(self, owner: str) -> pb.SignedDirectoryEntry | None:
        """See `Sources`."""
        self._called(f"directory {owner}")
        return self.relayed.get(owner)

    def _page(self, response, rows, after):
        later = sorted((one for one in rows if one.position > after), key=lambda one: one.position)
        page = response(records=deepcopy(later[:PAGE]))
        if len(later) > PAGE:
            page.next = page.records[-1].position
        return page

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.before_call(name)

    # How it is audited.

    async def audit(self, *without: Kind, resume: Path | None = None, patience: float = 0.0) -> Report:
        """An audit of it; checks named are left out."""
        trust = checkpoint.Trust(ORIGIN, self.log_key, (self.witness_key,), quorum=1)
        rules = Rules(trust, self.books, self.rights, NOW, self.identity.trust.root)
        scratch = Scratch(resume, self.log_key.vkey)

        async def pause(_seconds: float) -> None:
            self._called("pause")

        try:
            audit = Audit(
                self, scratch, rules, self.identity.trust, patience=patience, pause=pause, without=frozenset(without)
            )
            return await audit.run()
        finally:
            scratch.close()


def committed(permit_hash: bytes | None, **fields: object) -> linkage_pb2.PositionedRecord:
    """A committed record."""
    return linkage_pb2.PositionedRecord(record=records.commit(pb.AccessRecord(**fields)), permit_hash=permit_hash)


def commitment_of(entry: linkage_pb2.PositionedRecord) -> bytes:
    """Of a record or an event."""
    return entry.event.commitment if entry.HasField("event") else entry.record.commitment


def rewritten(one: linkage_pb2.PositionedRecord, **fields: object) -> None:
    """Change fields of a record, and commit to it anew, as a liar with the store would. None clears a field."""
    record = pb.AccessRecord.FromString(one.record.record)
    for name, value in fields.items():
        record.ClearField(name)
        if value is not None:
            record.MergeFrom(pb.AccessRecord(**{name: value}))
    one.record.CopyFrom(records.commit(record))


def later(one: linkage_pb2.PositionedRecord, field_name: str, shift: timedelta) -> dict[str, object]:
    """A record's time, shifted."""
    stamp = getattr(pb.AccessRecord.FromString(one.record.record), field_name)
    moved = type(stamp)()
    moved.FromDatetime(stamp.ToDatetime() + shift)
    return {field_name: moved}


def away(_name: str) -> None:
    """No party can be reached."""
    raise UnreachableError("away")


def mixed(identity: Identity, rounds: int = 3) -> Model:
    """A network in which exchanges of every outcome were done."""
    model = Model(identity)
    for _ in range(rounds):
        model.correct(model.exchange(), TAX)
        model.exchange(fine=pb.FINE_OUTCOME_NO_RECORD)
        model.exchange(fine=pb.FINE_OUTCOME_WITHHELD, hidden=True)
        model.exchange(pb.OUTCOME_PENDING)
        model.exchange(pb.OUTCOME_EXPIRED)
        model.exchange(pb.OUTCOME_DENIED, item="TM90000000000099")
    return model
