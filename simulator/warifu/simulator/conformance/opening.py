"""Answers opened however they are sealed and signed, so that one fault fails one requirement."""

from __future__ import annotations

from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.padding import unpad
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.provision.v1 import provision_pb2
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.tlog import merkle


def bound(block: pb.SealedBlock) -> bytes:
    """What the info of a block has after its tag (PROTO-3.6)."""
    named = b"".join(len(part).to_bytes(2, "big") + part for part in (block.recipient.encode(), block.key_id.encode()))
    return named + len(block.leaves).to_bytes(4, "big") + merkle.root(block.leaves)


def inside(block: pb.SealedBlock, own: InstitutionKeys) -> pb.AnswerBlock:
    """The content of a block under the info of either purpose.

    Raises:
        UnmetError: it opens by no key of `own`.
    """
    for purpose in Purpose:
        try:
            return pb.AnswerBlock.FromString(
                unpad(own.open(block.key_id, block.ciphertext, purpose.tag + bound(block)))
            )
        except OpenError:
            continue
    raise UnmetError(
        Text(f"{own.owner} あてに封緘された回答", f"an answer sealed to {own.owner}"),
        Text("どうしても開かないブロック", "a block that opens in no way"),
    )


def first_block(response: provision_pb2.ProvideResponse, place: int = 0) -> pb.SealedAnswer:
    """The answer block at a place.

    Raises:
        UnmetError: there is none.
    """
    if place >= len(response.answers):
        raise UnmetError(
            Text(f"{place} 番の回答ブロック", f"an answer block at place {place}"), shown(response.results[0])
        )
    return response.answers[place]


def answer_at(
    response: provision_pb2.ProvideResponse, result: provision_pb2.ProvideResult, own: InstitutionKeys
) -> pb.Answer:
    """The answer that a result points at.

    Raises:
        UnmetError: there is none, or it does not open.
    """
    answers = inside(first_block(response, result.answer_block).block, own).answers
    place = result.answer_index
    if place >= len(answers):
        raise UnmetError(
            Text(f"ブロックの {place} 番の回答", f"an answer at place {place} of the block"),
            Text(f"回答が {len(answers)} 件のブロック", f"a block of {len(answers)} answers"),
        )
    return answers[place]


def shown(result: provision_pb2.ProvideResult) -> Text:
    """Outcome and reason of one result."""
    outcome = pb.Outcome.Name(result.outcome) if result.outcome in pb.Outcome.values() else str(result.outcome)
    return plain(f"{outcome} {result.error.reason}".strip())


def told(answer: pb.Answer) -> tuple[str, int]:
    """Fine outcome, and how many records."""
    known = answer.outcome in pb.FineOutcome.values()
    return pb.FineOutcome.Name(answer.outcome) if known else str(answer.outcome), len(answer.records)
