"""The network's side of a run: permits that a gateway signs whose keys are ours, calls under any identity, and answers opened.

Whoever checks one thing opens answers however they are sealed and signed, so that one fault fails one requirement.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.common.v1 import common_pb2
from warifu.exchange import header as headers
from warifu.exchange import permit as permits
from warifu.exchange.directory import VerifiedEntry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.permit import stamp
from warifu.exchange.query import seal_queries
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import BATCH as MOST
from warifu.kernel.peers import open_channel
from warifu.linkage.v1.linkage_pb2 import PositionedRecord
from warifu.provision.v1 import provision_pb2
from warifu.simulator.conformance.asking import EXCHANGED, Asked, Wish
from warifu.simulator.conformance.folder import ITEM, PORTAL, code
from warifu.simulator.conformance.frame import WAIT
from warifu.simulator.conformance.opening import answer_at, shown
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.wire import has_reason, reason_of

BATCH: Final = int(MOST)
"""Permits in one call, at most."""
GATEWAY: Final = ("gateway", "main")
NOBODYS: Final = "0" * 16
"""A key id that no key has: of requesters in whose place nobody asks."""
PROVIDE: Final = "/warifu.provision.v1.ProvisionService/Provide"
Decide = Callable[[str, str], Awaitable[None]]
"""(permit id, "provide" or "withhold")."""
_TRIES: Final = 20
"""New permits until one is not in the provider's sample of 1 in 40: that all are, one run in 10^32 would see."""
_DRAWS, _DRAWN, _TOO_MANY = 20, 60, 20
"""Batches of so many permits, of which one has a permit that is drawn: that none has, one run in 10^13 would see; nor that so many of one are."""
_BEGINNING: Final = 96
"""Bytes of a call that a report shows."""
_PAGE: Final = 500
_SHOWN: Final = 3
"""Permits of a call that a report shows, the last ones."""


@dataclass(frozen=True, slots=True)
class Target:
    """The provider under test."""

    institution: str
    party: str
    address: str
    other: str = "tax-480029"
    """Another provider, which it is not."""


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
    decide: Decide | None = None
    """Has a clerk of the provider decide; None when nobody told us how."""
    line: grpc.aio.Channel | None = None
    """The gateway's connection to the provider; None when each call has one of its own."""
    relayed: dict[str, pb.SignedDirectoryEntry] = field(default_factory=dict)
    """What our gateway relays in the place of what was published, by owner."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """What was sent since it was emptied, for the report."""
    notes: list[Text] = field(default_factory=list)
    """What could not be tried."""

    @property
    def side(self) -> str:
        """Whose failures are told."""
        return self.target.party

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
        return self.ask_together([Wish(who, permit or {}, fields, header)], age=age, gateway=gateway)[0]

    def ask_together(
        self, wishes: Sequence[Wish], *, age: timedelta = timedelta(0), gateway: InstitutionKeys | None = None
    ) -> list[Asked]:
        """Permits of one batch, whose queries are in one block."""
        headers_ = [headers.build(self._header(one.header)) for one in wishes]
        queries = [
            pb.Query(header_hash=headers.header_hash(data), fields=one.fields)
            for data, one in zip(headers_, wishes, strict=True)
        ]
        block = seal_queries(queries, self.entry.sealing)
        issued = datetime.now(tz=UTC) - age
        made = [
            self._permit(data, block, place, issued, one)
            for place, (data, one) in enumerate(zip(headers_, wishes, strict=True))
        ]
        signer = gateway or self.gateway
        signed = permits.issue(made, signer.signing_key_id, signer.sign)
        by = "gateway" if gateway is None else "another's key"
        return [Asked(one, block, data, by) for one, data in zip(signed, headers_, strict=True)]

    def _permit(self, header: bytes, block: pb.SealedBlock, place: int, issued: datetime, wish: Wish) -> bytes:
        request = pb.RequestHeader.FromString(header)
        named: dict[str, Any] = {
            "permit_id": request.request_id,
            "header": header,
            "subject": pb.SubjectReference(code=code(wish.who)),
            "query_block_hash": block_hash(block),
            "query_index": place,
            "table_version": "2026.2+00000000",
            "row": "S01" if request.requester == PORTAL else "P07",
            "commitment": os.urandom(32),
            "exchange_time": stamp(EXCHANGED),
            "issued_at": stamp(issued),
            "accept_by": stamp(issued + timedelta(seconds=30)),
            "review_until": stamp(EXCHANGED + timedelta(days=30)),
            "requester_key_id": self.keys[request.requester].hpke_key_id if request.requester in self.keys else NOBODYS,
        }
        return pb.Permit(**(named | dict(wish.permit))).SerializeToString(deterministic=True)

    def signed(self, asked: Asked, permit: bytes) -> Asked:
        """The same question under other bytes, which the gateway signed too."""
        again = permits.issue([permit], self.gateway.signing_key_id, self.gateway.sign)[0]
        return replace(asked, signed=again)

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

    async def provide(self, *asked: Asked, channel: grpc.aio.Channel | None = None) -> provision_pb2.ProvideResponse:
        """Call the provider, as the gateway does, or on a connection of another.

        Raises:
            UnmetError: there are not as many results as permits.
        """
        self.sent += [one.document() for one in asked[-_SHOWN:]]
        response = await self._send(self.request(*asked).SerializeToString(), channel)
        if len(response.results) != len(asked):
            raise UnmetError(Text("許可証ごとに一つの結果", "one result a permit"), plain(len(response.results)))
        return response

    def request(self, *asked: Asked) -> provision_pb2.ProvideRequest:
        """The call that presents these permits, with each block of queries once."""
        blocks = {block_hash(one.block): one.block for one in asked}
        return provision_pb2.ProvideRequest(
            provider=self.target.institution, permits=[one.signed for one in asked], queries=blocks.values()
        )

    async def call(
        self, request: provision_pb2.ProvideRequest | bytes, channel: grpc.aio.Channel | None = None
    ) -> provision_pb2.ProvideResponse:
        """Send a call as it is, well-formed or not."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        self.sent.append({"call": PROVIDE, "bytes": len(data), "begins": data[:_BEGINNING].hex()})
        return await self._send(data, channel)

    async def _send(self, data: bytes, channel: grpc.aio.Channel | None) -> provision_pb2.ProvideResponse:
        channel = channel or self.line
        if channel is None:
            async with self.channel(*GATEWAY) as own:
                return await self._send(data, own)
        send: Any = channel.unary_unary(PROVIDE, None, provision_pb2.ProvideResponse.FromString)
        response: provision_pb2.ProvideResponse = await send(data, timeout=WAIT)
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
        if response.answers:
            raise UnmetError(_no_answer(reason), shown(response.results[0]))
        refused(response.results[0], reason)

    async def refused_call(
        self, request: provision_pb2.ProvideRequest | bytes, *reasons: str, channel: grpc.aio.Channel | None = None
    ) -> LinkageError:
        """Send a call that must be refused whole with one of these reasons; how it was told.

        Raises:
            UnmetError: it was answered, or refused for another reason, or for none.
        """
        wanted = " / ".join(reasons)
        try:
            response = await self.call(request, channel)
        except grpc.aio.AioRpcError as error:
            told_ = LinkageError.from_rpc(error, party=self.target.party)
            if told_.reason not in reasons or not has_reason(error):
                raise UnmetError(
                    Text(f"理由 {wanted}", f"the reason {wanted}"),
                    plain(f"{error.code().name} {reason_of(error) or error.details()}"),
                ) from error
            return told_
        raise UnmetError(
            Text(f"理由 {wanted} での拒否", f"a refusal with the reason {wanted}"),
            Text(f"結果 {len(response.results)} 件の応答", f"a response with {len(response.results)} results"),
        )

    async def told(
        self, asked: Asked, channel: grpc.aio.Channel | None = None
    ) -> tuple[provision_pb2.ProvideResult, pb.Answer]:
        """What comes of a permit, and what is in the answer, however it is sealed and signed."""
        return (await self.each(asked, channel=channel))[0]

    async def each(
        self, *asked: Asked, channel: grpc.aio.Channel | None = None
    ) -> list[tuple[provision_pb2.ProvideResult, pb.Answer]]:
        """What comes of permits of one call, all of which must be answered."""
        response = await self.provide(*asked, channel=channel)
        return [self.opened(response, place, one) for place, one in enumerate(asked)]

    def opened(
        self, response: provision_pb2.ProvideResponse, place: int, asked: Asked
    ) -> tuple[provision_pb2.ProvideResult, pb.Answer]:
        """Result and answer of one permit of a call.

        Raises:
            UnmetError: it was not answered, or nobody can open it.
        """
        result = response.results[place]
        if result.outcome not in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}:
            raise UnmetError(Text("回答", "an answer"), shown(result))
        return result, answer_at(response, result, self.keys[asked.requester])

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

    async def waiting(self, who: str = "ordinary", **permit: object) -> Asked:
        """A permit whose answer waits: ordered for the person, corrected of late, or drawn."""
        named = dict(permit)
        for one in ("reviewed", "corrected"):
            asked = self.ask(one, permit=named)
            if (await self.told(asked))[0].outcome == pb.OUTCOME_PENDING:
                return asked
        return await self.drawn(Wish(who, named))

    async def drawn(self, wish: Wish) -> Asked:
        """A permit in the provider's sample, whose answer waits because of that alone: one of `_DRAWS` batches has one.

        Raises:
            UnmetError: none waits, or far too many do.
        """
        for _ in range(_DRAWS):
            asked = self.ask_together([wish] * _DRAWN)
            response = await self.provide(*asked)
            waits = [
                one for one, result in zip(asked, response.results, strict=True) if result.outcome == pb.OUTCOME_PENDING
            ]
            if len(waits) > _TOO_MANY:
                break
            if waits:
                return waits[0]
        raise UnmetError(
            Text(f"回答の約40件に1件が確認待ち（{wish.who}）", f"about 1 answer in 40 waits ({wish.who})"),
            Text(f"{_DRAWN} 件中 {len(waits)} 件", f"{len(waits)} of {_DRAWN}"),
        )


def refused(result: provision_pb2.ProvideResult, reason: str) -> None:
    """One item of a call must be refused with a reason.

    Raises:
        UnmetError: it was answered, or refused for another reason.
    """
    if result.outcome != pb.OUTCOME_ERROR:
        raise UnmetError(_no_answer(reason), shown(result))
    if result.error.reason != reason:
        raise UnmetError(Text(f"理由 {reason}", f"the reason {reason}"), plain(result.error.reason or "–"))


def _no_answer(reason: str) -> Text:
    return Text(f"回答せず、理由 {reason}", f"no answer, and the reason {reason}")
