"""Permits at the interim server, over real mTLS under the gateway's certificate: every one but a good one is refused, a good one is used once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from contract.interim_world import INSURER, NHI, OTHER_TAX, TAX, TAX_ITEM, WAIT, World, copy, reason_of
from sqlalchemy import func, select
from town import person

from warifu.common.v1 import common_pb2
from warifu.exchange import header, permit, query, sealing
from warifu.exchange.answer import open_answer
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.schema import PROVISIONS, RECORDS
from warifu.kernel.errors import LinkageError, Reason
from warifu.provision.v1 import provision_pb2, provision_pb2_grpc


@dataclass
class Gateway:
    """The gateway's pen: signs any permit that a test wants."""

    world: World
    keys: InstitutionKeys
    subject: ex.SubjectReference

    def header(self, **changes) -> bytes:
        """An inquiry that row P07 allows."""
        values = {
            "request_id": self.world.unsampled(),
            "requester": NHI,
            "provider": TAX,
            "affair": "JM90000000000101",
            "procedure": "JT90000000000101",
            "item": TAX_ITEM,
            "span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
            "office": "o",
            "clerk": "c",
            **changes,
        }
        return header.build(ex.RequestHeader(**values))

    def query(self, *heads: bytes) -> ex.SealedBlock:
        """Their queries, sealed for the tax office."""
        keys = self.world.interim(TAX).ground.keys
        return query.seal_queries([ex.Query(header_hash=header.header_hash(one)) for one in heads], keys.sealing_key)

    def permit(self, head: bytes, block: ex.SealedBlock, place: int = 0, **changes) -> bytes:
        """A permit for an inquiry."""
        now, network = self.world.clock.machine(), self.world.clock.network()
        values = {
            "permit_id": ex.RequestHeader.FromString(head).request_id,
            "header": head,
            "subject": self.subject,
            "query_block_hash": sealing.block_hash(block),
            "query_index": place,
            "table_version": self.world.hosts["tax"].law.book().version,
            "row": "P07",
            "commitment": bytes(32),
            "exchange_time": permit.stamp(network),
            "issued_at": permit.stamp(now),
            "accept_by": permit.stamp(now + timedelta(seconds=60)),
            "review_until": permit.stamp(network + timedelta(days=30)),
            "requester_key_id": self.world.interim(NHI).ground.keys.hpke_key_id,
            **changes,
        }
        return ex.Permit(**values).SerializeToString(deterministic=True)

    def sign(self, *permits: bytes) -> list[ex.SignedPermit]:
        """Sign them as one batch."""
        return permit.issue(permits, self.keys.signing_key_id, self.keys.sign)

    async def show(
        self, permits: list[ex.SignedPermit], *blocks: ex.SealedBlock, provider: str = TAX
    ) -> provision_pb2.ProvideResponse:
        """Show them to the provider."""
        stub = provision_pb2_grpc.ProvisionServiceStub(self.world.channel("tax", "gateway", "main"))
        request = provision_pb2.ProvideRequest(provider=provider, permits=permits, queries=blocks)
        return await stub.Provide(request, timeout=WAIT)

    async def refused(self, signed: ex.SignedPermit, *blocks: ex.SealedBlock, provider: str = TAX) -> str:
        """Why one permit is refused; nothing came of it."""
        response = await self.show([signed], *blocks, provider=provider)
        (result,) = response.results
        assert result.outcome == ex.OUTCOME_ERROR
        assert not response.answers
        assert used(self.world) == 0
        return result.error.reason


def used(world: World) -> int:
    """Permits that were used; each has its records."""
    store = world.interim(TAX).ground.store
    tables = [PROVISIONS, RECORDS]
    counts = [
        store.read(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one()) for table in tables
    ]
    assert counts[1] == 2 * counts[0]
    return counts[0]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """The network's gateway key, and a person whom the tax office knows."""
    world = await World.begin(tmp_path)
    try:
        await world.register([person(0)])
        for code in (NHI, TAX):
            assert not (await world.enrol(code, "1")).HasField("error")
        await world.interim(TAX).register_copies([copy("r-1")])
        keys = InstitutionKeys.load_or_create(tmp_path / "gateway" / "secrets", "gateway")
        subject = world.interim(TAX)._inquiries._addressees.asked_about(["1"])["1"].subject
        yield Gateway(world, keys, subject)
    finally:
        await world.end()


def opened(gateway: Gateway, signed: ex.SignedPermit, response: provision_pb2.ProvideResponse, place: int) -> ex.Answer:
    """One answer as its requester opens it."""
    result = response.results[place]
    own, provider = (gateway.world.interim(code).ground.keys for code in (NHI, TAX))
    head = ex.Permit.FromString(signed.permit).header
    return open_answer(
        response.answers[result.answer_block],
        result.answer_index,
        own,
        provider.verifying_key,
        header.header_hash(head),
        permit.permit_hash(signed.permit),
    )


async def test_a_batch_is_answered_in_one_block(gateway: Gateway) -> None:
    """Twenty permits of one requester are answered in one block, each at its own place, and each leaves its own records (PROTO-3.5)."""
    heads = [gateway.header() for _ in range(20)]
    block = gateway.query(*heads)
    signed = gateway.sign(*(gateway.permit(head, block, place) for place, head in enumerate(heads)))
    response = await gateway.show(signed, block)
    assert len(response.answers) == 1
    answers = [opened(gateway, one, response, place) for place, one in enumerate(signed)]
    assert {answer.outcome for answer in answers} == {ex.FINE_OUTCOME_PROVIDED}
    assert used(gateway.world) == 20


async def test_the_same_permit_gives_the_stored_answer(gateway: Gateway) -> None:
    """Shown again, at once and many times, in another batch, after its window and after a restart, a permit gives the same bytes (PROTO-5.4)."""
    head, other = gateway.header(), gateway.header()
    block, second = gateway.query(head), gateway.query(other)
    signed = gateway.sign(gateway.permit(head, block))
    first, *rest = await asyncio.gather(*(gateway.show(signed, block) for _ in range(8)))
    assert all(one == first for one in rest)
    assert used(gateway.world) == 1
    batch = gateway.sign(signed[0].permit, gateway.permit(other, second))
    mixed = await gateway.show(batch, block, second)
    assert mixed.answers[mixed.results[0].answer_block] == first.answers[0]
    await gateway.world.down("tax")
    await gateway.world.up("tax")
    gateway.world.clock.offset = timedelta(minutes=10)
    assert await gateway.show(signed, block) == first
    assert used(gateway.world) == 2


async def test_other_bytes_under_a_used_id_are_refused(gateway: Gateway) -> None:
    """A used permit id with other content, however well signed, gets nothing and leaves the stored answer as it is (PROTO-5.4)."""
    head = gateway.header()
    block = gateway.query(head)
    signed = gateway.sign(gateway.permit(head, block))
    first = await gateway.show(signed, block)
    changed = gateway.sign(gateway.permit(head, block, commitment=b"x" * 32))
    response = await gateway.show(changed, block)
    assert response.results[0].error.reason == Reason.CLIENT_PERMIT_CHANGED
    assert not response.answers
    assert await gateway.show(signed, block) == first


async def test_unsigned_altered_and_foreign_permits_are_refused(gateway: Gateway) -> None:
    """A permit that the gateway's published key did not sign as it is, for this provider, is refused and nothing is looked up (PROTO-5.5)."""
    head = gateway.header()
    block = gateway.query(head)
    good = gateway.permit(head, block)
    forger = InstitutionKeys.generate("gateway")
    forged = permit.issue([good], forger.signing_key_id, forger.sign)[0]
    assert await gateway.refused(forged, block) == Reason.CLIENT_PERMIT_INVALID
    forged.signature.key_id = gateway.keys.signing_key_id
    assert await gateway.refused(forged, block) == Reason.CLIENT_PERMIT_INVALID
    (altered,) = gateway.sign(good)
    altered.permit = gateway.permit(head, block, row="P09")
    assert await gateway.refused(altered, block) == Reason.CLIENT_PERMIT_INVALID
    (elsewhere,) = gateway.sign(good)
    assert await gateway.refused(elsewhere, block, provider=OTHER_TAX) == Reason.CLIENT_PERMIT_MISMATCH
    unknown = gateway.show([elsewhere], block, provider="tax-999999")
    assert await reason_of(unknown) == Reason.CLIENT_INSTITUTION_UNKNOWN


async def test_a_permit_outside_its_window_is_refused(gateway: Gateway) -> None:
    """A permit that expired or was issued in the future is not accepted for the first time (PROTO-5.3)."""
    head = gateway.header()
    block = gateway.query(head)
    for seconds in (-92, 600):
        issued = gateway.world.clock.machine() + timedelta(seconds=seconds)
        window = {"issued_at": permit.stamp(issued), "accept_by": permit.stamp(issued + timedelta(seconds=60))}
        (signed,) = gateway.sign(gateway.permit(head, block, **window))
        assert await gateway.refused(signed, block) == Reason.CLIENT_PERMIT_EXPIRED


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"row": "P09"}, id="another-row"),
        pytest.param({"head": {"procedure": "JT90000000009999"}}, id="no-such-procedure"),
        pytest.param({"head": {"item": "TM90000000000002"}}, id="another-item"),
        pytest.param({"head": {"requester": "nhi-480011"}}, id="same-body"),
        pytest.param({"head": {"requester": "insurer-06480016"}}, id="another-requester"),
    ],
)
async def test_the_provider_decides_for_itself(gateway: Gateway, changes: dict) -> None:
    """What the provider's own law book does not allow is refused although the gateway signed it (PROTO-6.1)."""
    head = gateway.header(**changes.get("head", {}))
    block = gateway.query(head)
    (signed,) = gateway.sign(gateway.permit(head, block, **{k: v for k, v in changes.items() if k != "head"}))
    assert await gateway.refused(signed, block) == Reason.PROVIDER_PERMIT_INVALID


@pytest.mark.parametrize("given_on", [None, "2026-06-11"], ids=["none", "tomorrow"])
async def test_consent_counts_from_its_day(gateway: Gateway, given_on: str | None) -> None:
    """Where the row needs the person's consent, none and one given for tomorrow are refused by the provider as well (PROTO-4.7)."""
    row = gateway.world.hosts["tax"].law.book().rows["P10"]
    consent = ex.Consent(given_on=given_on, reference="form 7") if given_on else None
    codes = {"affair": row.affair.code, "procedure": row.procedure.code, "item": row.item}
    head = gateway.header(requester=INSURER, consent=consent, **codes)
    block = gateway.query(head)
    key_id = gateway.world.interim(INSURER).ground.keys.hpke_key_id
    (signed,) = gateway.sign(gateway.permit(head, block, row="P10", requester_key_id=key_id))
    assert await gateway.refused(signed, block) == Reason.PROVIDER_PERMIT_INVALID
    good = gateway.header(requester=INSURER, consent=ex.Consent(given_on="2026-06-10", reference="form 7"), **codes)
    block = gateway.query(good)
    response = await gateway.show(gateway.sign(gateway.permit(good, block, row="P10", requester_key_id=key_id)), block)
    assert response.results[0].outcome == ex.OUTCOME_ANSWERED


async def test_nothing_is_provided_without_a_law_book_that_verifies(gateway: Gateway) -> None:
    """When the signed law book was altered, permits fail as retryable and health says so; once mended, the same permit is answered."""
    head = gateway.header()
    block = gateway.query(head)
    signed = gateway.sign(gateway.permit(head, block))
    folder = gateway.world.state / "tax" / "trust" / "law"
    signature = folder / "law.sig"
    good = signature.read_bytes()
    signature.write_bytes(bytes(len(good)))
    response = await gateway.show(signed, block)
    assert response.results[0].error.reason == Reason.PROVIDER_TRUST_UNAVAILABLE
    assert response.results[0].error.retryable
    with pytest.raises(LinkageError):
        gateway.world.hosts["tax"].checks["law"]()
    signature.write_bytes(good)
    assert (await gateway.show(signed, block)).results[0].outcome == ex.OUTCOME_ANSWERED


async def test_the_query_must_be_the_permits_own(gateway: Gateway) -> None:
    """A permit without its query block, with another, with the wrong place in it, or with one that does not open is refused (PROTO-6.1)."""
    head, other = gateway.header(), gateway.header()
    block, others = gateway.query(head), gateway.query(other)
    (signed,) = gateway.sign(gateway.permit(head, block))
    assert await gateway.refused(signed) == Reason.CLIENT_QUERY_MISMATCH
    assert await gateway.refused(signed, others) == Reason.CLIENT_QUERY_MISMATCH
    (misplaced,) = gateway.sign(gateway.permit(head, block, place=1))
    assert await gateway.refused(misplaced, block) == Reason.CLIENT_QUERY_MISMATCH
    (crossed,) = gateway.sign(gateway.permit(head, others))
    assert await gateway.refused(crossed, others) == Reason.CLIENT_QUERY_MISMATCH
    foreign = query.seal_queries(
        [ex.Query(header_hash=header.header_hash(head))], InstitutionKeys.generate(TAX).sealing_key
    )
    (unreadable,) = gateway.sign(gateway.permit(head, foreign))
    assert await gateway.refused(unreadable, foreign) == Reason.CLIENT_QUERY_UNREADABLE


async def test_one_bad_permit_harms_no_other(gateway: Gateway) -> None:
    """In a batch the good permits are answered, and each bad one is an error in its own place (PROTO-6.1)."""
    heads = [gateway.header(), gateway.header(item="TM90000000000002"), gateway.header()]
    block = gateway.query(*heads)
    signed = gateway.sign(*(gateway.permit(head, block, place) for place, head in enumerate(heads)))
    response = await gateway.show(signed, block)
    assert [one.outcome for one in response.results] == [ex.OUTCOME_ANSWERED, ex.OUTCOME_ERROR, ex.OUTCOME_ANSWERED]
    assert used(gateway.world) == 2


@dataclass
class Among:
    """A permit that is not good, at the second place of a call of four, and what the others need."""

    gateway: Gateway
    heads: list[bytes]
    block: ex.SealedBlock
    permits: list[bytes]
    others: ex.SealedBlock
    """A block of which no good permit is."""

    def signed(self, changed: bytes | None = None) -> list[ex.SignedPermit]:
        """All four as one batch, the second with other bytes if wished."""
        return self.gateway.sign(self.permits[0], changed or self.permits[1], *self.permits[2:])

    def second(self, place: int = 1, block: ex.SealedBlock | None = None, **changes: Any) -> bytes:
        """The second permit, in another form."""
        return self.gateway.permit(self.heads[1], block or self.block, place, **changes)


def _forged(among: Among) -> list[ex.SignedPermit]:
    """Signed by somebody else under the gateway's key id."""
    signed, forger = among.signed(), InstitutionKeys.generate("gateway")
    signed[1] = permit.issue(among.permits, among.gateway.keys.signing_key_id, forger.sign)[1]
    return signed


def _altered(among: Among) -> list[ex.SignedPermit]:
    """Changed after it was signed."""
    signed = among.signed()
    signed[1].permit = among.second(row="P09")
    return signed


def _anothers_proof(among: Among) -> list[ex.SignedPermit]:
    """With the proof of the permit before it."""
    signed = among.signed()
    signed[1].signature.CopyFrom(signed[0].signature)
    return signed


def _place_of_another(among: Among) -> list[ex.SignedPermit]:
    """With its own path, said to be of another place."""
    signed = among.signed()
    signed[1].signature.index = 3
    return signed


def _proof_of_another_batch(among: Among) -> list[ex.SignedPermit]:
    """With the proof that it has in a smaller batch, said to be of this size."""
    signed = among.signed()
    signed[1].signature.CopyFrom(among.gateway.sign(*among.permits[:2])[1].signature)
    signed[1].signature.size = 4
    return signed


def _for_another_provider(among: Among) -> list[ex.SignedPermit]:
    """For somebody else than is asked."""
    head = among.gateway.header(provider=OTHER_TAX)
    return among.signed(among.gateway.permit(head, among.block, 1))


def _late(among: Among) -> list[ex.SignedPermit]:
    """Past its window."""
    issued = among.gateway.world.clock.machine() - timedelta(seconds=92)
    window = {"issued_at": permit.stamp(issued), "accept_by": permit.stamp(issued + timedelta(seconds=60))}
    return among.signed(among.second(**window))


def _another_row(among: Among) -> list[ex.SignedPermit]:
    """By a row that does not allow it."""
    return among.signed(among.second(row="P09"))


def _query_of_another(among: Among) -> list[ex.SignedPermit]:
    """With the next one's part of the block."""
    return among.signed(among.second(place=2))


def _part_of_another_block(among: Among) -> list[ex.SignedPermit]:
    """With a part of another block of the call."""
    return among.signed(among.second(place=0, block=among.others))


def _block_that_is_not_there(among: Among) -> list[ex.SignedPermit]:
    """With a block that did not come along."""
    return among.signed(among.second(block=among.gateway.query(*among.heads)))


def _place_beyond(among: Among) -> list[ex.SignedPermit]:
    """With a place that the block does not have."""
    return among.signed(among.second(place=9))


def _key_of_nobody(among: Among) -> list[ex.SignedPermit]:
    """To be answered under a key that the requester has not published."""
    return among.signed(among.second(requester_key_id="f" * 16))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_forged, Reason.CLIENT_PERMIT_INVALID),
        (_altered, Reason.CLIENT_PERMIT_INVALID),
        (_anothers_proof, Reason.CLIENT_PERMIT_INVALID),
        (_place_of_another, Reason.CLIENT_PERMIT_INVALID),
        (_proof_of_another_batch, Reason.CLIENT_PERMIT_INVALID),
        (_for_another_provider, Reason.CLIENT_PERMIT_MISMATCH),
        (_late, Reason.CLIENT_PERMIT_EXPIRED),
        (_another_row, Reason.PROVIDER_PERMIT_INVALID),
        (_query_of_another, Reason.CLIENT_QUERY_MISMATCH),
        (_part_of_another_block, Reason.CLIENT_QUERY_MISMATCH),
        (_block_that_is_not_there, Reason.CLIENT_QUERY_MISMATCH),
        (_place_beyond, Reason.CLIENT_QUERY_MISMATCH),
        (_key_of_nobody, Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_each_bad_permit_of_a_batch_fails_alone(
    gateway: Gateway, spoil: Callable[[Among], list[ex.SignedPermit]], reason: Reason
) -> None:
    """Whatever is refused as a single permit is refused as one of four, with nothing looked up or recorded of it, and the three others are answered (PROTO-5.2, 5.5, 6.1)."""
    heads = [gateway.header() for _ in range(4)]
    block, others = gateway.query(*heads), gateway.query(gateway.header())
    permits = [gateway.permit(head, block, place) for place, head in enumerate(heads)]
    signed = spoil(Among(gateway, heads, block, permits, others))
    response = await gateway.show(signed, block, others)

    assert [one.error.reason for one in response.results] == ["", reason, "", ""]
    assert [one.outcome for one in response.results] == [
        ex.OUTCOME_ERROR if place == 1 else ex.OUTCOME_ANSWERED for place in range(4)
    ]
    assert len(response.answers) == 1
    assert len(response.answers[0].block.leaves) == 3, "nothing is sealed for the one that was refused"
    for place in (0, 2, 3):
        assert opened(gateway, signed[place], response, place).outcome == ex.FINE_OUTCOME_PROVIDED
    assert used(gateway.world) == 3


async def test_a_used_permit_among_new_ones_is_judged_alone(gateway: Gateway) -> None:
    """In one call, a permit that was used before gets its stored answer, other bytes under a used id are refused, and a new one is answered (PROTO-5.4)."""
    heads = [gateway.header() for _ in range(3)]
    block = gateway.query(*heads)
    permits = [gateway.permit(head, block, place) for place, head in enumerate(heads)]
    before = await gateway.show(gateway.sign(*permits[:2]), block)
    changed = gateway.permit(heads[1], block, 1, commitment=b"x" * 32)
    signed = gateway.sign(permits[0], changed, permits[2])
    response = await gateway.show(signed, block)
    assert [one.error.reason for one in response.results] == ["", Reason.CLIENT_PERMIT_CHANGED, ""]
    assert response.answers[response.results[0].answer_block] == before.answers[0]
    assert opened(gateway, signed[2], response, 2).outcome == ex.FINE_OUTCOME_PROVIDED
    assert used(gateway.world) == 3


async def test_calls_out_of_form_are_refused(gateway: Gateway) -> None:
    """No permit, more than a batch, or one id twice in a call is refused as a call."""
    head = gateway.header()
    block = gateway.query(head)
    (signed,) = gateway.sign(gateway.permit(head, block))
    assert await reason_of(gateway.show([])) == Reason.CLIENT_MALFORMED
    assert await reason_of(gateway.show([signed, signed], block)) == Reason.CLIENT_MALFORMED
    assert await reason_of(gateway.show([signed] * 201, block)) == Reason.CLIENT_TOO_MANY_ITEMS
    assert used(gateway.world) == 0


async def test_nobody_but_the_gateway_may_show_permits(gateway: Gateway) -> None:
    """An agency, even the provider itself, is turned away at the door."""
    for party, code in (("tax", TAX), ("health_insurance", NHI)):
        stub = provision_pb2_grpc.ProvisionServiceStub(gateway.world.channel("tax", party, code))
        call = stub.Provide(provision_pb2.ProvideRequest(provider=TAX), timeout=WAIT)
        assert await reason_of(call) == Reason.CLIENT_CALLER_NOT_ALLOWED
