"""The network's side of a run: permits that a gateway signs whose keys are ours, calls under any identity, and answers opened.

Whoever checks one thing opens answers however they are sealed and signed, so that one fault fails one requirement.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToDict

from warifu.common.v1 import common_pb2
from warifu.exchange import header as headers
from warifu.exchange import permit as permits
from warifu.exchange.directory import VerifiedEntry
from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.padding import unpad
from warifu.exchange.permit import stamp
from warifu.exchange.query import seal_queries
from warifu.exchange.sealing import Purpose, block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.peers import open_channel
from warifu.linkage.v1.linkage_pb2 import PositionedRecord
from warifu.provision.v1 import provision_pb2, provision_pb2_grpc
from warifu.simulator.conformance.folder import ITEM, PORTAL, code
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.tlog import merkle

OWN_REQUEST: Final = {"requester": PORTAL, "affair": "JM90000000000901", "procedure": "JT90000000000901"}
"""A person's own request through the portal."""
EXCHANGED: Final = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
"""Simulated time of every permit."""
WAIT: Final = 20.0
"""Seconds for which a call is waited for."""
_TRIES: Final = 20
"""New permits until one is not in the provider's sample of 1 in 40: that all are, one run in 10^32 would see."""
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Target:
    """The provider under test."""

    institution: str
    party: str
    address: str
    other: str = "tax-480029"
    """Another provider, which it is not."""


@dataclass(slots=True)
class Asked:
    """A permit and the block of its query."""

    signed: pb.SignedPermit
    block: pb.SealedBlock
    header: bytes
    signer: str
    """Owner of the key by which the permit is signed."""

    @property
    def permit_hash(self) -> bytes:
        """By which its answer names it."""
        return permits.permit_hash(self.signed.permit)

    def document(self) -> dict[str, Any]:
        """What a report shows of it."""
        permit = MessageToDict(pb.Permit.FromString(self.signed.permit), preserving_proto_field_name=True)
        permit["header"] = MessageToDict(pb.RequestHeader.FromString(self.header), preserving_proto_field_name=True)
        for name in ("subject", "query_block_hash", "commitment"):
            permit.pop(name, None)
        made = pb.Permit.FromString(self.signed.permit)
        permit["subject"] = made.subject.code.hex()
        permit["query_block_hash"] = made.query_block_hash.hex()
        permit["query_block_sent"] = block_hash(self.block).hex()
        return {"permit": permit, "signed_by": self.signer}


@dataclass(slots=True)
class Bench:
    """A provider under test, and the network's side of it."""

    state: Path
    """The network: a folder for each party."""
    target: Target
    requester: str
    entry: VerifiedEntry
    """The provider's directory entry."""
    keys: Mapping[str, InstitutionKeys]
    """Those of requester and portal."""
    gateway: InstitutionKeys
    restart: Callable[[], Awaitable[None]] | None = None
    """Kills the provider and starts it again; None when nobody told us how."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What was sent since it was emptied, for the report."""
    notes: list[Text] = field(default_factory=list)
    """What could not be tried."""

    def ask(
        self,
        who: str = "ordinary",
        *,
        age: timedelta = timedelta(0),
        gateway: InstitutionKeys | None = None,
        permit: Mapping[str, object] | None = None,
        fields: tuple[str, ...] = (),
        **header: Any,
    ) -> Asked:
        """A permit that the gateway signs now, or another time or key, about someone."""
        data = headers.build(self._header(header))
        request = pb.RequestHeader.FromString(data)
        block = seal_queries([pb.Query(header_hash=headers.header_hash(data), fields=fields)], self.entry.sealing)
        issued = datetime.now(tz=UTC) - age
        named: dict[str, Any] = {
            "permit_id": request.request_id,
            "header": data,
            "subject": pb.SubjectReference(code=code(who)),
            "query_block_hash": block_hash(block),
            "table_version": "2026.2+00000000",
            "row": "S01" if request.requester == PORTAL else "P07",
            "commitment": os.urandom(32),
            "exchange_time": stamp(EXCHANGED),
            "issued_at": stamp(issued),
            "accept_by": stamp(issued + timedelta(seconds=30)),
            "review_until": stamp(EXCHANGED + timedelta(days=30)),
            "requester_key_id": self.keys[request.requester].hpke_key_id,
        }
        signer = gateway or self.gateway
        made = pb.Permit(**(named | dict(permit or {}))).SerializeToString(deterministic=True)
        signed = permits.issue([made], signer.signing_key_id, signer.sign)[0]
        return Asked(signed, block, data, "gateway" if gateway is None else "another's key")

    def _header(self, changes: Mapping[str, Any]) -> pb.RequestHeader:
        named: dict[str, Any] = {
            "request_id": str(uuid.uuid4()),
            "requester": self.requester,
            "provider": self.target.institution,
            "affair": "JM90000000000101",
            "procedure": "JT90000000000101",
            "item": ITEM,
            "office": "国保年金課",
            "clerk": "c-0017",
            "span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2026)),
        }
        return pb.RequestHeader(**(named | dict(changes)))

    async def provide(self, *asked: Asked) -> provision_pb2.ProvideResponse:
        """Call the provider, as the gateway does.

        Raises:
            UnmetError: there are not as many results as permits.
        """
        request = provision_pb2.ProvideRequest(
            provider=self.target.institution,
            permits=[one.signed for one in asked],
            queries=[one.block for one in asked],
        )
        self.sent += [one.document() for one in asked]
        async with self.channel("gateway", "main") as channel:
            response = await provision_pb2_grpc.ProvisionServiceStub(channel).Provide(request, timeout=WAIT)
        if len(response.results) != len(asked):
            raise UnmetError(Text("許可証ごとに一つの結果", "one result a permit"), plain(len(response.results)))
        return response

    def channel(self, party: str, identity: str) -> grpc.aio.Channel:
        """A connection to the provider under an identity."""
        folder = self.state / party
        own = folder / "identities" / identity
        root = (folder / "trust" / "ca.pem").read_bytes()
        pair = (own / "cert.pem").read_bytes(), (own / "key.pem").read_bytes()
        return open_channel(self.target.address, self.target.party, root, *pair)

    async def records(self) -> list[PositionedRecord]:
        """Everything that the provider has on record, as the supervisor reads it."""
        async with self.channel("watchdog", "main") as channel:
            stub = interim_pb2_grpc.InterimAuditServiceStub(channel)
            found: list[PositionedRecord] = []
            after = 0
            while True:
                request = interim_pb2.ListRecordsRequest(institution=self.target.institution, after=after, limit=_PAGE)
                page = await stub.ListRecords(request, timeout=WAIT)
                found += page.records
                if not page.HasField("next"):
                    return found
                if page.next <= after:
                    raise UnmetError(Text(f"{after} より後の位置", f"a next position after {after}"), plain(page.next))
                after = page.next

    async def refused(self, asked: Asked, reason: str) -> None:
        """Present a permit that must be refused with a reason.

        Raises:
            UnmetError: it was answered, or refused for another reason.
        """
        response = await self.provide(asked)
        result = response.results[0]
        if result.outcome != pb.OUTCOME_ERROR or response.answers:
            raise UnmetError(Text(f"回答せず、理由 {reason}", f"no answer, and the reason {reason}"), _shown(result))
        if result.error.reason != reason:
            raise UnmetError(Text(f"理由 {reason}", f"the reason {reason}"), plain(result.error.reason or "–"))

    async def told(self, asked: Asked) -> tuple[provision_pb2.ProvideResult, pb.Answer]:
        """What comes of a permit, and what is in the answer, however it is sealed and signed."""
        response = await self.provide(asked)
        result = response.results[0]
        if result.outcome not in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}:
            raise UnmetError(Text("回答", "an answer"), _shown(result))
        block = first_block(response, result.answer_block)
        requester = pb.RequestHeader.FromString(asked.header).requester
        inside = self._inside(block.block, requester).answers
        if result.answer_index >= len(inside):
            place = result.answer_index
            raise UnmetError(
                Text(f"ブロックの {place} 番の回答", f"an answer at place {place} of the block"),
                Text(f"回答が {len(inside)} 件のブロック", f"a block of {len(inside)} answers"),
            )
        return result, inside[result.answer_index]

    async def final(self, who: str = "ordinary", **asked: Any) -> tuple[Asked, provision_pb2.ProvideResult, pb.Answer]:
        """What comes of a permit that is not in the provider's sample of answers that wait (PROTO-6.8)."""
        for _ in range(_TRIES):
            made = self.ask(who, **asked)
            result, answer = await self.told(made)
            if result.outcome != pb.OUTCOME_PENDING:
                return made, result, answer
        raise UnmetError(
            Text("確定した回答（40回に39回）", "a final answer, 39 times in 40"),
            Text(f"確認待ちの回答が {_TRIES} 件", f"{_TRIES} answers that wait"),
        )

    def _inside(self, block: pb.SealedBlock, requester: str) -> pb.AnswerBlock:
        """The content of a block under the info of either purpose."""
        own = self.keys[requester]
        for purpose in Purpose:
            try:
                return pb.AnswerBlock.FromString(
                    unpad(own.open(block.key_id, block.ciphertext, purpose.tag + bound(block)))
                )
            except OpenError:
                continue
        raise UnmetError(
            Text(f"{requester} あてに封緘された回答", f"an answer sealed to {requester}"),
            Text("どうしても開かないブロック", "a block that opens in no way"),
        )


def bound(block: pb.SealedBlock) -> bytes:
    """What the info of a block has after its tag (PROTO-3.6)."""
    named = b"".join(len(part).to_bytes(2, "big") + part for part in (block.recipient.encode(), block.key_id.encode()))
    return named + len(block.leaves).to_bytes(4, "big") + merkle.root(block.leaves)


def first_block(response: provision_pb2.ProvideResponse, place: int = 0) -> pb.SealedAnswer:
    """The answer block at a place.

    Raises:
        UnmetError: there is none.
    """
    if place >= len(response.answers):
        raise UnmetError(
            Text(f"{place} 番の回答ブロック", f"an answer block at place {place}"), _shown(response.results[0])
        )
    return response.answers[place]


def _shown(result: provision_pb2.ProvideResult) -> Text:
    outcome = pb.Outcome.Name(result.outcome) if result.outcome in pb.Outcome.values() else str(result.outcome)
    return plain(f"{outcome} {result.error.reason}".strip())
