"""Step 6 with answers that are not what they should be: the asker's interim server uses none of them, and says why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from contract.interim_world import NHI, TAX, World, copy
from town import person

from warifu.exchange import answer, header, receipt
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.inquire import find
from warifu.interim.receive import Block, Receiver, Reply
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2

PERMIT_HASH = b"p" * 32


@dataclass
class Desk:
    """An asker with one inquiry that is stored and never sent, and everyone's pens."""

    world: World
    request_id: str
    head: bytes
    gateway: InstitutionKeys

    def message(self, **changes) -> ex.Answer:
        """A good answer."""
        values = {
            "header_hash": header.header_hash(self.head),
            "permit_hash": PERMIT_HASH,
            "provider": TAX,
            "requester": NHI,
            "outcome": ex.FINE_OUTCOME_PROVIDED,
            "salt": bytes(answer.SALT_SIZE),
            **changes,
        }
        return ex.Answer(**values)

    def sealed(self, message: ex.Answer, signer: InstitutionKeys | None = None) -> ex.SealedAnswer:
        """Sealed to the asker, signed by the provider or another."""
        signer = signer or self.world.interim(TAX).ground.keys
        recipient = self.world.interim(NHI).ground.keys.sealing_key
        return answer.seal_answers([message], recipient, signer.signing_key_id, signer.sign)

    def state(self, sealed: ex.SealedAnswer, **changes) -> linkage_pb2.ExchangeState:
        """The gateway's word of it, with a good receipt."""
        clock, keys = self.world.clock, self.gateway
        good = receipt.issue(bytes(32), clock.network(), clock.machine(), keys.signing_key_id, keys.sign)
        values = {
            "request_id": self.request_id,
            "outcome": ex.OUTCOME_ANSWERED,
            "receipt": good,
            "answer": sealed,
            "permit_hash": PERMIT_HASH,
            **changes,
        }
        return linkage_pb2.ExchangeState(**values)

    async def take(self, state: linkage_pb2.ExchangeState):
        """What the asker makes of it, as its business system sees it."""
        interim = self.world.interim(NHI)
        row = interim.ground.store.read(lambda connection: find(connection, interim.ground.contents, self.request_id))
        block = Block(state.answer) if state.HasField("answer") else None
        (taken,) = await Receiver(interim.ground).take([Reply(row, state, block)])
        if isinstance(taken, LinkageError):
            raise taken
        listed = await self.world.collect(NHI, self.request_id)
        records = await self.world.records(NHI)
        return listed, records


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An inquiry that waits for its answer."""
    world = await World.begin(tmp_path)
    try:
        await world.register([person(0)])
        for code in (NHI, TAX):
            assert not (await world.enrol(code, "1")).HasField("error")
        await world.interim(TAX).register_copies([copy("r-1")])
        question = world.question()
        interim = world.interim(NHI)
        await interim.ground.directory.entry("gateway")
        await interim._inquiries.store([question])
        held = next(one for one in interim.view(question.request_id))
        sent = linkage_pb2.InquireRequest.FromString(next(v.raw for v in held.values if v.name == "sent"))
        head = ex.Inquiry.FromString(sent.inquiry).header
        await world.down("gateway")  # so that nothing but the test tells the asker anything
        gateway = InstitutionKeys.load_or_create(tmp_path / "gateway" / "secrets", "gateway")
        yield Desk(world, question.request_id, head, gateway)
    finally:
        await world.end()


async def test_a_good_answer_is_taken(desk: Desk) -> None:
    """The forged cases below fail for what is forged alone: the same answer unforged is taken."""
    state, records = await desk.take(desk.state(desk.sealed(desk.message())))
    assert state.fine_outcome == ex.FINE_OUTCOME_PROVIDED
    assert len(records) == 2


Forge = Callable[[Desk], linkage_pb2.ExchangeState]


def unsigned(desk: Desk) -> linkage_pb2.ExchangeState:
    """Without signature."""
    sealed = desk.sealed(desk.message())
    sealed.signature = b""
    return desk.state(sealed)


def by_the_gateway(desk: Desk) -> linkage_pb2.ExchangeState:
    """Signed again by the gateway under the provider's key id."""
    keys = desk.world.interim(TAX).ground.keys
    recipient = desk.world.interim(NHI).ground.keys.sealing_key
    sealed = answer.seal_answers([desk.message()], recipient, keys.signing_key_id, desk.gateway.sign)
    return desk.state(sealed)


def another_permit(desk: Desk) -> linkage_pb2.ExchangeState:
    """A good answer under another permit."""
    return desk.state(desk.sealed(desk.message(permit_hash=b"o" * 32)))


def another_header(desk: Desk) -> linkage_pb2.ExchangeState:
    """A good answer to another inquiry."""
    return desk.state(desk.sealed(desk.message(header_hash=b"o" * 32)))


def pending_that_provides(desk: Desk) -> linkage_pb2.ExchangeState:
    """Said to wait, though it holds the data."""
    return desk.state(desk.sealed(desk.message()), outcome=ex.OUTCOME_PENDING)


def answered_that_waits(desk: Desk) -> linkage_pb2.ExchangeState:
    """Said to be final, though the provider says that it waits."""
    return desk.state(desk.sealed(desk.message(outcome=ex.FINE_OUTCOME_PENDING)))


@pytest.mark.parametrize(
    "forge",
    [unsigned, by_the_gateway, another_permit, another_header, pending_that_provides, answered_that_waits],
    ids=lambda forge: forge.__name__,
)
async def test_an_answer_that_is_not_the_providers_own_is_an_error(desk: Desk, forge: Forge) -> None:
    """An answer unsigned, re-signed, for another permit or inquiry, or unlike what the gateway says of it ends as ERROR, with records (PROTO-7.1)."""
    state, records = await desk.take(forge(desk))
    assert (state.outcome, state.fine_outcome, len(state.records)) == (ex.OUTCOME_ERROR, 0, 0)
    assert state.error.reason == Reason.PROVIDER_ANSWER_INVALID
    assert [one.outcome for one in records] == [0, ex.OUTCOME_ERROR]
    assert records[1].reason == Reason.PROVIDER_ANSWER_INVALID


async def test_a_state_without_a_good_receipt_is_not_believed(desk: Desk) -> None:
    """Without the gateway's signed receipt nothing counts as recorded: the inquiry is an ERROR and leaves no record (PROTO-4.10)."""
    bad = desk.state(desk.sealed(desk.message()))
    bad.receipt.commitment = b"x" * 32
    state, records = await desk.take(bad)
    assert state.error.reason == Reason.GATEWAY_RECEIPT_INVALID
    assert records == []


async def test_a_final_answer_stays(desk: Desk) -> None:
    """An inquiry that came to its end is not changed by anything that comes later."""
    await desk.take(desk.state(desk.sealed(desk.message())))
    state, records = await desk.take(unsigned(desk))
    assert state.fine_outcome == ex.FINE_OUTCOME_PROVIDED
    assert len(records) == 2


async def test_an_unknown_key_waits_for_the_directory(desk: Desk) -> None:
    """An answer under a key that is not known yet cannot be judged while the directory is away: it is tried again, not refused."""
    stranger = InstitutionKeys.generate(TAX)
    desk.world.clock.offset += timedelta(seconds=2)
    with pytest.raises(LinkageError) as caught:
        await desk.take(desk.state(desk.sealed(desk.message(), stranger)))
    assert caught.value.retryable
