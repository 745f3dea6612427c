"""What a provider must do, asked of one that runs, by a gateway that we hold the keys of: one check a requirement, none needs another.

A check that is about one thing opens answers however they are sealed and signed, so that one fault fails one check.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from contract.gateway_world import WAIT, World
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.common.v1 import common_pb2
from warifu.exchange import answer as answers
from warifu.exchange import header as headers
from warifu.exchange import permit as permits
from warifu.exchange.directory import VerifiedEntry
from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.padding import unpad
from warifu.exchange.permit import stamp
from warifu.exchange.query import seal_queries
from warifu.exchange.record import check as check_record
from warifu.exchange.sealing import Purpose, block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.peers import open_channel
from warifu.linkage.v1.linkage_pb2 import PositionedRecord
from warifu.provision.v1 import provision_pb2, provision_pb2_grpc
from warifu.tlog import merkle

ITEM = "TM90000000000001"
LAYOUT = "2026-06"
SALARY = 4_120_000
RELEASED = {"tax_year", "salary_revenue_yen", "tax_class"}
"""What row P07 releases of the copy below, which holds a field more."""
PORTAL = "portal-main"
OWN_REQUEST = {"requester": PORTAL, "affair": "JM90000000000901", "procedure": "JT90000000000901"}
EXCHANGED = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
"""Simulated time of every permit."""


def code(name: str) -> bytes:
    """The provider's code of someone whom the checks invent."""
    return b"\x01" + name.encode().ljust(32, b".")


def copies() -> list[dict[str, object]]:
    """The people of the checks as a business system registers them: an ordinary one and one for each flag; "stranger" is not among them."""
    fields = {"tax_year": 2026, "salary_revenue_yen": SALARY, "dependants": 2, "tax_class": 1}
    copy = {
        "item": ITEM,
        "recordKey": "2026",
        "layoutVersion": LAYOUT,
        "firstDay": "2026-04-01",
        "lastDay": "2027-03-31",
    }
    copy |= {"content": {"local_tax": fields}}
    flags: dict[str, dict[str, object]] = {
        "ordinary": {},
        "hidden": {"nonDisclosure": True},
        "blocked": {"selfDisclosureBlocked": True},
        "reviewed": {"manualReview": True},
    }
    return [{"code": code(name).hex(), "copies": [copy], **own} for name, own in flags.items()]


@dataclass
class Asked:
    """A permit and the block of its query."""

    signed: pb.SignedPermit
    block: pb.SealedBlock
    header: bytes

    @property
    def permit_hash(self) -> bytes:
        """By which its answer names it."""
        return permits.permit_hash(self.signed.permit)


@dataclass
class Bench:
    """A provider under test, and the network's side of it."""

    world: World
    entry: VerifiedEntry
    """The provider's directory entry."""
    drawn: Callable[[str], bool]
    """Whether a permit id is in the provider's sample of answers that wait."""
    restart: Callable[[], Awaitable[None]]
    """Kill the provider and start it again."""
    address: str

    def ids(self, *, drawn: bool = False) -> Iterator[str]:
        """New request ids that are, or are not, in the sample."""
        return (one for one in (str(uuid.uuid4()) for _ in count()) if self.drawn(one) is drawn)

    def ask(
        self,
        who: str = "ordinary",
        *,
        age: timedelta = timedelta(0),
        gateway: InstitutionKeys | None = None,
        permit: dict[str, object] | None = None,
        fields: tuple[str, ...] = (),
        **header: object,
    ) -> Asked:
        """A permit that the gateway signs now, or another time or key, about someone."""
        asked = {
            "request_id": next(self.ids()),
            "requester": REQUESTER,
            "provider": PROVIDER,
            "affair": "JM90000000000101",
        }
        asked |= {"procedure": "JT90000000000101", "item": ITEM, "office": "国保年金課", "clerk": "c-0017"}
        asked |= {"span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2026))}
        data = headers.build(pb.RequestHeader(**(asked | header)))
        request = pb.RequestHeader.FromString(data)
        block = seal_queries([pb.Query(header_hash=headers.header_hash(data), fields=fields)], self.entry.sealing)
        issued = datetime.now(tz=UTC) - age
        named: dict[str, object] = {
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
            "requester_key_id": self.world.keys[request.requester].hpke_key_id,
        }
        signer = gateway or self.gateway
        made = pb.Permit(**(named | (permit or {}))).SerializeToString(deterministic=True)
        return Asked(permits.issue([made], signer.signing_key_id, signer.sign)[0], block, data)

    @property
    def gateway(self) -> InstitutionKeys:
        """The gateway's keys."""
        keys = self.world.provider.gateway
        assert keys is not None
        return keys

    async def provide(self, *asked: Asked) -> provision_pb2.ProvideResponse:
        """Call the provider, as the gateway does."""
        request = provision_pb2.ProvideRequest(
            provider=PROVIDER, permits=[one.signed for one in asked], queries=[one.block for one in asked]
        )
        async with self.channel("gateway", "main") as channel:
            return await provision_pb2_grpc.ProvisionServiceStub(channel).Provide(request, timeout=WAIT)

    def channel(self, party: str, identity: str):
        """A connection to the provider under an identity."""
        folder = self.world.state / party
        own = folder / "identities" / identity
        root, certificate, key = (
            (folder / "trust" / "ca.pem").read_bytes(),
            *((own / name).read_bytes() for name in ("cert.pem", "key.pem")),
        )
        return open_channel(self.address, "tax", root, certificate, key)

    async def records(self) -> list[PositionedRecord]:
        """Everything that the provider has on record."""
        async with self.channel("watchdog", "main") as channel:
            stub = interim_pb2_grpc.InterimAuditServiceStub(channel)
            found: list[PositionedRecord] = []
            while True:
                request = interim_pb2.ListRecordsRequest(institution=PROVIDER, after=len(found), limit=500)
                page = await stub.ListRecords(request, timeout=WAIT)
                found += page.records
                if not page.HasField("next"):
                    return found

    async def refusal(self, asked: Asked) -> str:
        """The reason why a permit is not answered; fails when it is."""
        response = await self.provide(asked)
        result = response.results[0]
        assert (result.outcome, len(response.answers)) == (pb.OUTCOME_ERROR, 0), (
            "a permit that must be refused was answered"
        )
        return result.error.reason

    async def told(self, asked: Asked) -> tuple[provision_pb2.ProvideResult, pb.Answer]:
        """What comes of a permit, and what is in the answer, however it is sealed and signed."""
        response = await self.provide(asked)
        result = response.results[0]
        assert result.outcome in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}, result.error.reason
        block = response.answers[result.answer_block].block
        return result, self._inside(block, pb.RequestHeader.FromString(asked.header).requester).answers[
            result.answer_index
        ]

    def _inside(self, block: pb.SealedBlock, requester: str) -> pb.AnswerBlock:
        """The content of a block under the info of either purpose."""
        own = self.world.keys[requester]
        named = b"".join(
            len(part).to_bytes(2, "big") + part for part in (block.recipient.encode(), block.key_id.encode())
        )
        bound = named + len(block.leaves).to_bytes(4, "big") + merkle.root(block.leaves)
        for purpose in Purpose:
            try:
                return pb.AnswerBlock.FromString(unpad(own.open(block.key_id, block.ciphertext, purpose.tag + bound)))
            except OpenError:
                continue
        raise AssertionError("an answer that opens in no way")


async def signature(bench: Bench) -> None:
    """PROTO-5.5: a permit that was altered, or that another signed, is refused."""
    altered = bench.ask()
    altered.signed.permit = altered.signed.permit.replace(code("ordinary"), code("hidden"))
    assert await bench.refusal(altered) == "CLIENT_PERMIT_INVALID"
    assert await bench.refusal(bench.ask(gateway=bench.world.keys[REQUESTER])) == "CLIENT_PERMIT_INVALID"


async def audience(bench: Bench) -> None:
    """PROTO-5.5: a permit for another provider is refused."""
    assert await bench.refusal(bench.ask(provider="tax-480029")) == "CLIENT_PERMIT_MISMATCH"


async def window(bench: Bench) -> None:
    """PROTO-5.3: a permit is accepted for the first time within its window and the clocks' difference alone."""
    for minutes in (-2, 2):
        assert await bench.refusal(bench.ask(age=timedelta(minutes=minutes))) == "CLIENT_PERMIT_EXPIRED"


async def single_use(bench: Bench) -> None:
    """PROTO-5.4: a permit has one look-up, at the same time and across a kill; under its id nothing else is accepted."""
    asked = bench.ask()
    first, second = await asyncio.gather(bench.provide(asked), bench.provide(asked))
    assert first == second, "two answers under one permit"
    await bench.restart()
    assert await bench.provide(asked) == first, "another answer after a restart"
    request_id = pb.RequestHeader.FromString(asked.header).request_id
    assert await bench.refusal(bench.ask(request_id=request_id, clerk="c-0018")) == "CLIENT_PERMIT_CHANGED"


async def law(bench: Bench) -> None:
    """PROTO-6.1: what the provider's own law book does not allow by the same row is refused, whoever signed it."""
    assert await bench.refusal(bench.ask(procedure="JT90000000000103")) == "PROVIDER_PERMIT_INVALID"
    assert await bench.refusal(bench.ask(permit={"row": "P08"})) == "PROVIDER_PERMIT_INVALID"


async def query(bench: Bench) -> None:
    """PROTO-6.1: the query must be the one that the permit names, in its block and of its header."""
    assert await bench.refusal(bench.ask(permit={"query_block_hash": bytes(32)})) == "CLIENT_QUERY_MISMATCH"
    another = bench.ask()
    swapped = bench.ask(permit={"query_block_hash": block_hash(another.block)})
    swapped.block = another.block
    assert await bench.refusal(swapped) == "CLIENT_QUERY_MISMATCH"


async def fields(bench: Bench) -> None:
    """PROTO-6.4: only released fields leave, and of these only those that the query wants."""
    _, whole = await bench.told(bench.ask())
    named = {field.name for field, _ in whole.records[0].content.local_tax.ListFields()}
    assert named == RELEASED, f"released: {sorted(named)}"


async def flags(bench: Bench) -> None:
    """PROTO-6.8 to 6.10: non-disclosure marks answer and result, a blocked person's own request is withheld, ordered review waits."""
    result, answer = await bench.told(bench.ask("hidden"))
    assert (result.non_disclosure, answer.non_disclosure) == (True, True), "non-disclosure is not marked"
    result, answer = await bench.told(bench.ask("hidden", **OWN_REQUEST))
    assert (result.non_disclosure, answer.non_disclosure) == (False, False), "a person's own request tells of the flag"
    _, answer = await bench.told(bench.ask("blocked", **OWN_REQUEST))
    assert (answer.outcome, len(answer.records)) == (pb.FINE_OUTCOME_WITHHELD, 0), "a blocked own request is answered"
    result, answer = await bench.told(bench.ask("reviewed"))
    assert (result.outcome, answer.outcome, len(answer.records)) == (pb.OUTCOME_PENDING, pb.FINE_OUTCOME_PENDING, 0)


async def layout(bench: Bench) -> None:
    """A record names the layout version in which its copy was registered."""
    _, answer = await bench.told(bench.ask())
    assert [(one.record_key, one.layout_version) for one in answer.records] == [("2026", LAYOUT)]


async def seal(bench: Bench) -> None:
    """PROTO-6.6: an answer is sealed to the requester's key and bound to the answers in it."""
    response = await bench.provide(bench.ask())
    own = bench.world.keys[REQUESTER]
    block = response.answers[0].block
    named = b"".join(len(part).to_bytes(2, "big") + part for part in (REQUESTER.encode(), own.hpke_key_id.encode()))
    info = Purpose.ANSWER.tag + named + (1).to_bytes(4, "big") + merkle.root(block.leaves)
    assert unpad(own.open(own.hpke_key_id, block.ciphertext, info))


async def signed(bench: Bench) -> None:
    """PROTO-6.7: an answer is signed by the provider's key of the directory."""
    response = await bench.provide(bench.ask())
    assert answers.signed_by(response.answers[0], bench.entry.signing), "the signature is not the provider's"


async def size(bench: Bench) -> None:
    """PROTO-3.7: the size of an answer does not tell what it says."""
    responses = [await bench.provide(bench.ask(who)) for who in ("ordinary", "stranger", "reviewed")]
    sizes = {len(one.answers[0].block.ciphertext) for one in responses}
    assert sizes == {4096 + 1120 + 16}, f"sizes: {sorted(sizes)}"


async def record(bench: Bench) -> None:
    """PROTO-6.5, 7.4, 7.11 and 13.1: request and outcome are on record, with permit, promise and digest, before the answer leaves."""
    asked = bench.ask()
    _, answer = await bench.told(asked)
    own = [one for one in await bench.records() if one.permit_hash == asked.permit_hash]
    checked = [check_record(one.record) for one in own]
    assert [one.kind for one in checked] == [pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME], "not two records"
    assert own[0].evidence.promised == pb.Permit.FromString(asked.signed.permit).commitment
    outcome = checked[1]
    assert (outcome.outcome, outcome.fine_outcome) == (pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED)
    assert outcome.answer_digest == answers.answer_digest(answers.answer_bytes(answer))


CHECKS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    one.__name__: one
    for one in (signature, audience, window, single_use, law, query, fields, flags, layout, seal, signed, size, record)
}
"""Every check by its name."""


async def failing(bench: Bench) -> dict[str, str]:
    """The checks that the provider fails, and what each says."""
    failed = {}
    for name, check in CHECKS.items():
        try:
            await check(bench)
        except (AssertionError, OpenError) as error:
            failed[name] = str(error)
    return failed
