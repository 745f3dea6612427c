"""Step 6 for many at once, from a gateway that lies: what it mixed up within a call, between blocks or between results spoils that and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from contract.interim_world import NHI, TAX, World, count
from town import person

from warifu.exchange import answer, header, receipt
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.inquire import Sent
from warifu.interim.receive import Taken
from warifu.interim.schema import RECORDS
from warifu.interim.send import Sender
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2 as pb

MANY = 4
"""Inquiries of the call; the first two are answered in one block, the others in another."""
PROVIDED, ERROR = ex.OUTCOME_ANSWERED, ex.OUTCOME_ERROR


@dataclass
class Desk:
    """An asker with stored inquiries, and a gateway and a provider that say what a test wants."""

    world: World
    sent: list[Sent]
    gateway: InstitutionKeys
    calls: list[pb.InquireManyRequest] = field(default_factory=list)

    def head(self, place: int) -> bytes:
        """Header of an inquiry."""
        return ex.Inquiry.FromString(self.sent[place].inquiry.inquiry).header

    def message(self, place: int) -> ex.Answer:
        """A good answer to one of them; the salt tells which it is."""
        return ex.Answer(
            header_hash=header.header_hash(self.head(place)),
            permit_hash=permit_hash(place),
            provider=TAX,
            requester=NHI,
            outcome=ex.FINE_OUTCOME_PROVIDED,
            salt=bytes([place]) * answer.SALT_SIZE,
        )

    def sealed(self, *places: int) -> ex.SealedAnswer:
        """Their answers in one block."""
        recipient, keys = (self.world.interim(code).ground.keys for code in (NHI, TAX))
        messages = [self.message(place) for place in places]
        return answer.seal_answers(messages, recipient.sealing_key, keys.signing_key_id, keys.sign)

    def response(self) -> pb.InquireManyResponse:
        """A good one: receipts signed once, two blocks."""
        now, network = self.world.clock.machine(), self.world.clock.network()
        receipts = [
            receipt.issue(bytes([place]) * 32, network, now, self.gateway.signing_key_id, self.gateway.sign)
            for place in range(MANY)
        ]
        made = pb.InquireManyResponse(answers=[self.sealed(0, 1), self.sealed(2, 3)])
        for place, sent in enumerate(self.sent):
            state = pb.ExchangeState(
                request_id=sent.inquiry.request_id,
                outcome=PROVIDED,
                receipt=receipts[place],
                answer_index=place % 2,
                permit_hash=permit_hash(place),
            )
            made.results.add(exchange=state, answer_block=place // 2)
        return made

    async def send(self, response: pb.InquireManyResponse, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Of each what became of it at the asker: outcome and reason, or why nothing was taken."""

        class Stub:
            """The gateway."""

            async def InquireMany(_self, request, timeout):  # noqa: ASYNC109, N802, N805 - as the generated one
                del timeout
                self.calls.append(request)
                return response

        interim = self.world.interim(NHI)
        sender = interim._driver._sender
        monkeypatch.setattr(Sender, "_stub", lambda _: Stub())
        results = await sender.send(self.sent)
        told = []
        for place, one in enumerate(results):
            if isinstance(one, LinkageError):
                told.append(one.reason)
                continue
            assert isinstance(one, Taken)
            if one.received.answer is not None:
                assert one.received.answer.salt == bytes([place]) * answer.SALT_SIZE, "each has its own answer"
            told.append((one.received.outcome, one.received.reason))
        return told


def permit_hash(place: int) -> bytes:
    """Of the permit under which one was answered."""
    return bytes([100 + place]) * 32


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Inquiries that are stored together and were never sent."""
    world = await World.begin(tmp_path)
    try:
        await world.register([person(0)])
        for code in (NHI, TAX):
            assert not (await world.enrol(code, "1")).HasField("error")
        interim = world.interim(NHI)
        for owner in ("gateway", TAX):
            await interim.ground.directory.entry(owner)
        stored = await interim._inquiries.store([world.question() for _ in range(MANY)])
        sent = [one for one in stored if isinstance(one, Sent)]
        assert len(sent) == MANY
        gateway = InstitutionKeys.load_or_create(tmp_path / "gateway" / "secrets", "gateway")
        yield Desk(world, sent, gateway)
    finally:
        await world.end()


async def test_a_good_response_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forged cases below fail for what is forged alone: unforged, each of the four has its own answer and two records."""
    assert await desk.send(desk.response(), monkeypatch) == [(PROVIDED, None)] * MANY
    assert count(desk.world, NHI, RECORDS) == 2 * MANY


Forge = Callable[[Desk, pb.InquireManyResponse], None]
ANSWER, RECEIPT = Reason.PROVIDER_ANSWER_INVALID, Reason.GATEWAY_RECEIPT_INVALID


def places_swapped(_: Desk, response: pb.InquireManyResponse) -> None:
    """Two of one block have each other's place."""
    one, two = response.results[0].exchange, response.results[1].exchange
    one.answer_index, two.answer_index = two.answer_index, one.answer_index


def place_doubled(_: Desk, response: pb.InquireManyResponse) -> None:
    """One's answer is given for the other too, with its permit."""
    response.results[1].exchange.answer_index = 0
    response.results[1].exchange.permit_hash = permit_hash(0)


def moved_to_another_block(_: Desk, response: pb.InquireManyResponse) -> None:
    """One names the other block."""
    response.results[1].answer_block = 1


def block_that_is_not_there(_: Desk, response: pb.InquireManyResponse) -> None:
    """One names a third block."""
    response.results[1].answer_block = 2


def no_block(_: Desk, response: pb.InquireManyResponse) -> None:
    """One is said to be answered, without an answer."""
    response.results[1].ClearField("answer_block")


def another_permit(_: Desk, response: pb.InquireManyResponse) -> None:
    """One is said to have been answered under a permit that the answer does not name."""
    response.results[1].exchange.permit_hash = permit_hash(3)


def leaf_dropped(_: Desk, response: pb.InquireManyResponse) -> None:
    """A block without its last leaf."""
    del response.answers[0].block.leaves[1]


def leaf_of_another_block(_: Desk, response: pb.InquireManyResponse) -> None:
    """A block with a leaf of the other."""
    response.answers[0].block.leaves[1] = response.answers[1].block.leaves[1]


def contents_of_another_block(_: Desk, response: pb.InquireManyResponse) -> None:
    """A block with the other's sealed contents."""
    response.answers[0].block.ciphertext = response.answers[1].block.ciphertext


def signature_of_another_block(_: Desk, response: pb.InquireManyResponse) -> None:
    """A block with the other's signature."""
    response.answers[0].signature = response.answers[1].signature


def made_anew_with_one_less(desk: Desk, response: pb.InquireManyResponse) -> None:
    """A block that the provider signed too, in which one is missing."""
    response.answers[0].CopyFrom(desk.sealed(0))


def results_swapped(_: Desk, response: pb.InquireManyResponse) -> None:
    """Two results stand in each other's place."""
    one = pb.InquireResult.FromString(response.results[0].SerializeToString())
    response.results[0].CopyFrom(response.results[1])
    response.results[1].CopyFrom(one)


def receipt_altered(_: Desk, response: pb.InquireManyResponse) -> None:
    """One has a receipt that the gateway did not sign."""
    response.results[1].exchange.receipt.commitment = b"x" * 32


def receipt_with_anothers_proof(_: Desk, response: pb.InquireManyResponse) -> None:
    """One has a receipt with another's signature."""
    response.results[1].exchange.receipt.signature.CopyFrom(response.results[0].exchange.receipt.signature)


def time_that_is_none(_: Desk, response: pb.InquireManyResponse) -> None:
    """One was recorded at a time that no calendar has."""
    response.results[1].exchange.receipt.exchange_time.seconds = 2**61


def outcome_of_the_future(_: Desk, response: pb.InquireManyResponse) -> None:
    """One has an outcome that no contract knows."""
    response.results[1].exchange.outcome = 77


def denied_for_a_reason_that_is_none(_: Desk, response: pb.InquireManyResponse) -> None:
    """One is said to be denied, for something that is in nobody's list."""
    response.results[1].exchange.outcome = ex.OUTCOME_DENIED
    response.results[1].exchange.denial.reason = "CLIENT_<b>" * 20


@pytest.mark.parametrize(
    ("forge", "spoilt", "reason"),
    [
        (places_swapped, {0, 1}, ANSWER),
        (place_doubled, {1}, ANSWER),
        (moved_to_another_block, {1}, ANSWER),
        (block_that_is_not_there, {1}, ANSWER),
        (no_block, {1}, ANSWER),
        (another_permit, {1}, ANSWER),
        (leaf_dropped, {0, 1}, ANSWER),
        (leaf_of_another_block, {0, 1}, ANSWER),
        (contents_of_another_block, {0, 1}, ANSWER),
        (signature_of_another_block, {0, 1}, ANSWER),
        (made_anew_with_one_less, {1}, ANSWER),
        (results_swapped, {0, 1}, RECEIPT),
        (receipt_altered, {1}, RECEIPT),
        (receipt_with_anothers_proof, {1}, RECEIPT),
        (time_that_is_none, {1}, RECEIPT),
        (outcome_of_the_future, {1}, Reason.GATEWAY_INTERNAL),
        (denied_for_a_reason_that_is_none, {1}, Reason.GATEWAY_INTERNAL),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_the_gateway_mixed_up_is_an_error_and_nothing_else_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, forge: Forge, spoilt: set[int], reason: Reason
) -> None:
    """A member of a batch that was swapped, doubled, dropped, moved or given another's proof ends as ERROR; the others are answered (PROTO-3.5, 4.10, 7.1)."""
    response = desk.response()
    forge(desk, response)
    told = await desk.send(response, monkeypatch)
    assert told == [(ERROR, reason) if place in spoilt else (PROVIDED, None) for place in range(MANY)]


@pytest.mark.parametrize("change", ["one less", "one more"])
async def test_a_response_that_does_not_fit_the_call_is_not_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """With a result less or more than was asked nobody knows whose is whose: nothing is taken, and all are sent again."""
    response = desk.response()
    if change == "one less":
        del response.results[1]
    else:
        response.results.append(response.results[0])
    assert await desk.send(response, monkeypatch) == [Reason.GATEWAY_INTERNAL] * MANY
    assert count(desk.world, NHI, RECORDS) == 0
    assert await desk.send(desk.response(), monkeypatch) == [(PROVIDED, None)] * MANY
