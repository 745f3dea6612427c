"""What a requester must do with what it is told: receipts, answers, waiting, records; one function a requirement."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.timestamp_pb2 import Timestamp

from warifu.common.v1 import common_pb2
from warifu.exchange.answer import SALT_SIZE, answer_bytes, answer_digest, answer_leaf
from warifu.exchange.record import RecordError
from warifu.exchange.record import check as check_record
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance.entries import new_keys
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.requester_bench import RequesterBench, hash_of
from warifu.simulator.conformance.requester_expect import SALARY, is_told, refused
from warifu.simulator.conformance.requester_gateway import Asked

_INVALID, _UNREADABLE = "PROVIDER_ANSWER_INVALID", "PROVIDER_ANSWER_UNREADABLE"


async def _refuses(bench: RequesterBench, *reasons: str, **wrong: Any) -> None:
    refused(await bench.ask(bench.question(), bench.answers(**wrong)), *reasons)


async def receipt(bench: RequesterBench) -> None:
    """A receipt that another signed, or that was given for another record."""
    other = new_keys("gateway")
    for altered in (False, True):

        async def reply(asked: Asked, altered: bool = altered) -> linkage_pb2.ExchangeState:
            state = bench.state(asked)
            if altered:
                state.receipt.commitment = os.urandom(32)
            else:
                state.receipt.signature.signature = other.sign(b"warifu/receipt/v1\0")
            return state

        refused(await bench.ask(bench.question(), reply), "GATEWAY_RECEIPT_INVALID")


async def signature(bench: RequesterBench) -> None:
    """An answer that another key signed under the provider's name, and one of a provider that was not asked."""
    other, usual = new_keys("another"), bench.register.keys[bench.prepared.providers[0]]

    def forged(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        made = bench.answer(asked, permit_hash)
        return bench.seal([made], signer=other, signed_as=usual.signing_key_id), 0

    def another(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, permit_hash)], provider=bench.prepared.providers[1]), 0

    await _refuses(bench, _INVALID, sealed=forged)
    await _refuses(bench, _INVALID, sealed=another)


async def seal(bench: RequesterBench) -> None:
    """An answer that is sealed as something else."""

    def as_query(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, permit_hash)], purpose=Purpose.QUERY), 0

    await _refuses(bench, _UNREADABLE, _INVALID, sealed=as_query)


async def padding(bench: RequesterBench) -> None:
    """An answer whose padding is not zero."""

    def spoilt(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, permit_hash)], spoilt=True), 0

    await _refuses(bench, _UNREADABLE, _INVALID, sealed=spoilt)


async def permit(bench: RequesterBench) -> None:
    """An answer under another permit than the one that the gateway gave."""

    def under_another(asked: Asked, _: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, os.urandom(32))]), 0

    await _refuses(bench, _INVALID, sealed=under_another)


async def other_answer(bench: RequesterBench) -> None:
    """An answer to another header, also where its leaf names this one."""

    def to_another(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        return bench.seal([bench.answer(asked, permit_hash, header_hash=os.urandom(32))]), 0

    def misnamed(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        leaf = answer_leaf(hash_of(asked), permit_hash)
        return bench.seal([bench.answer(asked, permit_hash, header_hash=os.urandom(32))], leaves=[leaf]), 0

    await _refuses(bench, _INVALID, sealed=to_another)
    await _refuses(bench, _INVALID, sealed=misnamed)


async def parties(bench: RequesterBench) -> None:
    """An answer that names another provider or requester inside, or has no outcome or no salt."""
    wrong: Iterable[dict[str, Any]] = (
        {"provider": bench.prepared.providers[1]},
        {"requester": "nhi-491004" if bench.prepared.institution != "nhi-491004" else "nhi-480011"},
        {"outcome": pb.FINE_OUTCOME_UNSPECIFIED},
        {"salt": bytes(SALT_SIZE - 1)},
    )
    for changes in wrong:

        def inside(asked: Asked, permit_hash: bytes, changes: dict[str, Any] = changes) -> tuple[pb.SealedAnswer, int]:
            return bench.seal([bench.answer(asked, permit_hash, **changes)]), 0

        await _refuses(bench, _INVALID, sealed=inside)


async def place(bench: RequesterBench) -> None:
    """Of an answer block with several answers, it is the one at the place that the gateway names."""

    def among(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        others = [
            bench.answer(asked, os.urandom(32), salary=salary, header_hash=os.urandom(32)) for salary in (111, 333)
        ]
        return bench.seal([others[0], bench.answer(asked, permit_hash, salary=222), others[1]]), 1

    is_told(await bench.ask(bench.question(), bench.answers(sealed=among)), 222)


async def outcomes(bench: RequesterBench) -> None:
    """What is denied, failed or expired is told as that, with the reason."""
    failure = common_pb2.Failure(reason="PROVIDER_PERMIT_INVALID")
    expired = common_pb2.Failure(reason="GATEWAY_EXPIRED")
    cases: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("ordinary", "DENIED", "CLIENT_ITEM_NOT_PERMITTED", _denied("CLIENT_ITEM_NOT_PERMITTED")),
        ("moved", "DENIED", "CLIENT_CODE_SUPERSEDED", _denied("CLIENT_CODE_SUPERSEDED")),
        ("ordinary", "ERROR", "PROVIDER_PERMIT_INVALID", {"outcome": pb.OUTCOME_ERROR, "error": failure}),
        ("ordinary", "EXPIRED", "GATEWAY_EXPIRED", {"outcome": pb.OUTCOME_EXPIRED, "error": expired}),
    )
    for who, outcome, reason, state in cases:
        told = await bench.ask(bench.question(who), bench.answers(**state))
        if (told.outcome, told.reason, told.salaries) != (outcome, reason, ()):
            raise UnmetError(plain(f"outcome {outcome}, reason {reason}"), plain(told))


def _denied(reason: str) -> dict[str, Any]:
    return {"outcome": pb.OUTCOME_DENIED, "denial": linkage_pb2.Denial(reason=reason, failed_condition="item")}


async def pending(bench: RequesterBench) -> None:
    """An answer that waits is told as waiting; asked again under the same id, it is collected."""
    question, final = bench.question(waitMs=0), bench.answers(salary=5_000_000)
    waits = bench.answers(outcome=pb.OUTCOME_PENDING, review_until=Timestamp(seconds=1_800_000_000))
    told = await bench.ask(question, waits)
    if (told.outcome, told.fine, told.salaries) != ("PENDING", "PENDING", ()):
        raise UnmetError(plain("outcome PENDING, fineOutcome PENDING"), plain(told))
    is_told(await bench.ask({**question, "waitMs": 10_000}, final), 5_000_000)


async def final(bench: RequesterBench) -> None:
    """What was told as final is told again, also after a kill, whatever the gateway says by then."""
    question = bench.question()
    is_told(await bench.ask(question, bench.answers()))
    otherwise = bench.answers(outcome=pb.OUTCOME_ERROR, error=common_pb2.Failure(reason="PROVIDER_PERMIT_INVALID"))
    is_told(await bench.ask(question, otherwise))
    if await bench.restart():
        is_told(await bench.ask(question, otherwise))


async def record(bench: RequesterBench) -> None:
    """Request and outcome are on record, with what they can be checked by."""
    question, told_by = bench.question(), list[linkage_pb2.ExchangeState]()
    answers: list[pb.Answer] = []

    def noted(asked: Asked, permit_hash: bytes) -> tuple[pb.SealedAnswer, int]:
        answers.append(bench.answer(asked, permit_hash))
        return bench.seal(answers[-1:]), 0

    reply = bench.answers(sealed=noted)

    async def kept(asked: Asked) -> linkage_pb2.ExchangeState:
        told_by.append(await reply(asked))
        return told_by[-1]

    is_told(await bench.ask(question, kept), SALARY)
    rows = _rows(await bench.speaker.say({"op": "records", "requestId": question["requestId"]}))
    made = [_checked(one) for one in rows]
    kinds = [pb.RecordKind.Name(one.kind) for one in made]
    expect(Text("記録", "its records"), kinds, ["RECORD_KIND_REQUEST", "RECORD_KIND_OUTCOME"])
    names = ("request_id", "requester", "provider", "affair", "procedure", "item")
    asked = bench.one_asked(question, await bench.ask(question, kept)).header
    for one in made:
        for name in names:
            expect(Text(f"記録の {name}", f"the record's {name}"), getattr(one, name), getattr(asked, name))
    state, outcome = told_by[0], made[1]
    expect(
        Text("要求の時刻", "the requested time"),
        outcome.requested_at.ToMilliseconds(),
        state.receipt.exchange_time.ToMilliseconds(),
    )
    told = (outcome.outcome, outcome.fine_outcome)
    expect(Text("結果", "the outcome"), told, (pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED))
    expect(Text("回答の要約値", "the answer's digest"), outcome.answer_digest, answer_digest(answer_bytes(answers[0])))
    expect(Text("許可証のハッシュ", "the permit's hash"), {one.permit_hash for one in rows}, {state.permit_hash})
    expect(Text("約束された値", "the promised commitment"), rows[0].evidence.promised, state.receipt.commitment)


async def waiting_record(bench: RequesterBench) -> None:
    """While an answer waits the request is on record already, and that record stays as it is."""
    question = bench.question(waitMs=0)
    asking = {"op": "records", "requestId": question["requestId"]}
    waits = bench.answers(outcome=pb.OUTCOME_PENDING, review_until=Timestamp(seconds=1_800_000_000))
    await bench.ask(question, waits)
    before = _rows(await bench.speaker.say(asking))
    kinds = [pb.RecordKind.Name(_checked(one).kind) for one in before]
    expect(Text("待つ間の最初の記録", "the first record meanwhile"), kinds[:1], ["RECORD_KIND_REQUEST"])
    await bench.ask({**question, "waitMs": 10_000}, bench.answers())
    after = [one.record for one in _rows(await bench.speaker.say(asking))]
    expect(
        Text("変わらない要求の記録", "the record of the request, as it was"),
        after[:1] == [before[0].record],
        wanted=True,
    )


def _rows(said: dict[str, Any]) -> list[linkage_pb2.PositionedRecord]:
    try:
        return [ParseDict(one, linkage_pb2.PositionedRecord(), ignore_unknown_fields=True) for one in said["records"]]
    except (ParseError, KeyError, TypeError, AttributeError) as error:
        raise UnmetError(
            Text("JSON の PositionedRecord の一覧", "a list of PositionedRecord as JSON"), plain(f"{error}")
        ) from error


def _checked(row: linkage_pb2.PositionedRecord) -> pb.AccessRecord:
    try:
        return check_record(row.record)
    except RecordError as error:
        raise UnmetError(Text("約束の値に合う記録", "a record that its commitment fits"), plain(f"{error}")) from error
