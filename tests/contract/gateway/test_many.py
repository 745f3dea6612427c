"""Many inquiries in one call: each is an exchange of its own, whatever becomes of the others."""

from __future__ import annotations

import asyncio

import pytest
from contract.gateway_world import (
    OTHER,
    PERSON,
    WAIT,
    World,
    collect,
    gateway_entry,
    inquire,
    reason_of,
    request_id_of,
)
from sqlalchemy.exc import OperationalError
from unit.gateway.samples import PROVIDER, REQUESTER, header

from warifu.exchange import receipt
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import lanes
from warifu.gateway.asked import LARGEST_QUERY
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH
from warifu.kernel.store import Store
from warifu.linkage.v1 import linkage_pb2
from warifu.linkage.v1.linkage_pb2_grpc import LinkageServiceStub

BATCHED = "/warifu.linkage.v1.LinkageService/InquireMany"


async def many(
    world: World, call: linkage_pb2.InquireManyRequest, code: str = REQUESTER
) -> linkage_pb2.InquireManyResponse:
    """What becomes of each."""
    return await world.linkage(code).InquireMany(call, timeout=WAIT)


def alone(call: linkage_pb2.InquireManyRequest, place: int) -> linkage_pb2.InquireRequest:
    """One inquiry of the call as a call of its own."""
    return linkage_pb2.InquireRequest(inquiry=call.inquiries[place], query=call.queries[0])


def part(call: linkage_pb2.InquireManyRequest, *places: int) -> linkage_pb2.InquireManyRequest:
    """Some inquiries of the call in a call of their own."""
    inquiries = [call.inquiries[place] for place in places]
    return linkage_pb2.InquireManyRequest(inquiries=inquiries, queries=call.queries)


def whole(response: linkage_pb2.InquireManyResponse, place: int) -> linkage_pb2.ExchangeState:
    """One exchange with its answer block, as it is told of alone; without the receipt, which is signed anew with each call."""
    result = response.results[place]
    state = linkage_pb2.ExchangeState()
    state.CopyFrom(result.exchange)
    if result.HasField("answer_block"):
        state.answer.CopyFrom(response.answers[result.answer_block])
    state.receipt.ClearField("signature")
    return state


def unsigned(state: linkage_pb2.ExchangeState) -> linkage_pb2.ExchangeState:
    """The same of a single call."""
    state.receipt.ClearField("signature")
    return state


def ids(call: linkage_pb2.InquireManyRequest) -> list[str]:
    """Request ids, in order."""
    return [request_id_of(alone(call, place)) for place in range(len(call.inquiries))]


async def test_each_has_its_own_record_permit_receipt_leaf_and_answer(world, subject):
    """Five inquiries go out in one call under one signature, come back in the order asked, and each stands alone, in the log too."""
    call = world.ask_many(subject, 5)
    response = await many(world, call)
    assert world.provider.batches == [(5, 1)]
    assert len(response.answers) == 1
    entry = await gateway_entry(world)
    assert len({one.exchange.receipt.signature.signature for one in response.results}) == 1
    for place, result in enumerate(response.results):
        assert result.exchange.request_id == ids(call)[place]
        assert result.exchange.outcome == pb.OUTCOME_ANSWERED
        assert not result.exchange.HasField("answer")
        receipt.check(result.exchange.receipt, entry.signing)
        world.open(alone(call, place), whole(response, place))
    receipts = {one.exchange.receipt.commitment for one in response.results}
    assert receipts == {checked.permit.commitment for checked in world.provider.calls}
    assert len(await world.records()) == 10
    assert len(world.in_store("SELECT block FROM block")) == 2
    await world.settle()
    leaves = world.in_store("SELECT commitment, leaf_index FROM log_entry JOIN record USING (position)")
    assert (
        len({commitment for commitment, _ in leaves}) == len({leaf for _, leaf in leaves} - {None}) == len(leaves) == 10
    )
    assert receipts < {bytes(commitment) for commitment, _ in leaves}


async def test_every_outcome_side_by_side(world, subject):
    """Answered, waiting, denied, failed, expired, unreachable, foreign, changed and malformed in one call: each is told as it would be alone."""
    foreign = await world.code(PROVIDER, "tax", PERSON)
    used = world.ask(subject)
    await inquire(world, used)
    headers = {
        "answered": header(),
        "waiting": header(),
        "denied": header(item="TM99999999999999"),
        "code": header(),
        "failed": header(),
        "expired": header(),
        "unknown yet": header(),
        "pretence": header(requester=OTHER),
        "changed": header(request_id=request_id_of(used)),
        "elsewhere": header(),
        "garbage": header(),
        "answered too": header(),
    }
    call = world.ask_many(subject, 0, *headers.values())
    place = {name: index for index, name in enumerate(headers)}
    replaced(call, place["code"], subject=foreign)
    replaced(call, place["elsewhere"], query_index=0)
    call.inquiries[place["garbage"]] = b"\xff"
    world.provider.waiting = {headers["waiting"].request_id}
    world.provider.failures = {
        headers["failed"].request_id: LinkageError(Reason.CLIENT_QUERY_UNREADABLE),
        headers["expired"].request_id: LinkageError(Reason.CLIENT_PERMIT_EXPIRED),
        headers["unknown yet"].request_id: LinkageError(Reason.PROVIDER_STORE_UNAVAILABLE),
    }
    response = await many(world, call)
    told = dict(zip(headers, response.results, strict=True))
    assert {name: one.exchange.outcome for name, one in told.items() if one.HasField("exchange")} == {
        "answered": pb.OUTCOME_ANSWERED,
        "waiting": pb.OUTCOME_PENDING,
        "denied": pb.OUTCOME_DENIED,
        "code": pb.OUTCOME_DENIED,
        "failed": pb.OUTCOME_ERROR,
        "expired": pb.OUTCOME_EXPIRED,
        "answered too": pb.OUTCOME_ANSWERED,
    }
    assert {name: one.failure.reason for name, one in told.items() if one.HasField("failure")} == {
        "unknown yet": Reason.PROVIDER_STORE_UNAVAILABLE,
        "pretence": Reason.CLIENT_NOT_YOURS,
        "changed": Reason.CLIENT_REQUEST_CHANGED,
        "elsewhere": Reason.CLIENT_QUERY_MISMATCH,
        "garbage": Reason.CLIENT_MALFORMED,
    }
    assert told["denied"].exchange.denial.reason == Reason.CLIENT_ITEM_NOT_PERMITTED
    assert told["code"].exchange.denial.reason == Reason.CLIENT_CODE_UNKNOWN
    assert told["failed"].exchange.error.reason == Reason.CLIENT_QUERY_UNREADABLE
    mine = [one for one in await world.records() if one.request_id != request_id_of(used)]
    assert len([one for one in mine if one.kind == pb.RECORD_KIND_REQUEST]) == 9
    assert await world.records(OTHER) == []
    assert [one.request_id for one in mine if one.reason == Reason.CLIENT_NOT_YOURS] == [headers["pretence"].request_id]
    world.provider.failures, world.provider.waiting = {}, set()
    for name in ("waiting", "unknown yet"):
        assert (await inquire(world, alone(call, place[name]))).outcome in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}
        assert (await collect(world, alone(call, place[name]))).outcome == pb.OUTCOME_ANSWERED


def replaced(call: linkage_pb2.InquireManyRequest, place: int, **changes: object) -> None:
    """Change an inquiry of the call."""
    inquiry = pb.Inquiry.FromString(call.inquiries[place])
    for name, value in changes.items():
        if isinstance(value, pb.SubjectReference):
            inquiry.subject.CopyFrom(value)
        else:
            setattr(inquiry, name, value)
    call.inquiries[place] = inquiry.SerializeToString(deterministic=True)


async def test_a_part_again_alone_or_among_others_is_the_same_exchange(world, subject):
    """What was asked among many is continued by a single inquiry, by Collect and by another batch; the provider is asked once."""
    call = world.ask_many(subject, 4)
    first = await many(world, call)
    assert unsigned(await inquire(world, alone(call, 1))) == whole(first, 1)
    assert unsigned(await collect(world, alone(call, 2))) == whole(first, 2)
    again = await many(world, part(call, 3, 0))
    assert [whole(again, 0), whole(again, 1)] == [whole(first, 3), whole(first, 0)]
    await world.restart("gateway")
    after = await many(world, call)
    assert [whole(after, place) for place in range(4)] == [whole(first, place) for place in range(4)]
    assert len(world.provider.calls) == 4
    assert len(await world.records()) == 8


@pytest.mark.usefixtures("patient")
async def test_a_single_inquiry_joins_the_batch_that_is_under_way(world, subject):
    """A retry alone while the batch is with the provider waits for it; other bytes under its id are refused meanwhile."""
    call, reached, gate = world.ask_many(subject, 3), asyncio.Event(), asyncio.Event()

    async def arrived(_):
        reached.set()
        await gate.wait()

    world.provider.arrived = arrived
    batch = asyncio.create_task(many(world, call))
    await asyncio.wait_for(reached.wait(), WAIT)
    joined = asyncio.create_task(inquire(world, alone(call, 2)))
    other = world.ask_many(subject, 0, header(request_id=ids(call)[0], office="another"), header())
    refused = asyncio.create_task(many(world, other))
    gate.set()
    response = await batch
    assert unsigned(await joined) == whole(response, 2)
    assert (await refused).results[0].failure.reason == Reason.CLIENT_REQUEST_CHANGED
    assert (await refused).results[1].exchange.outcome == pb.OUTCOME_ANSWERED
    assert len(world.provider.calls) == 4


def _nothing(call):
    del call.inquiries[:]


def _too_many(call):
    call.inquiries.extend(call.inquiries[:1] * BATCH)


def _twice(call):
    call.inquiries.append(call.inquiries[0])


def _block_twice(call):
    call.queries.append(call.queries[0])


def _too_many_blocks(call):
    call.queries.extend(call.queries[:1] * 4)


def _oversize(call):
    call.queries[0].ciphertext = bytes(LARGEST_QUERY + 1)


def _no_leaves(call):
    del call.queries[0].leaves[:]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_nothing, Reason.CLIENT_MALFORMED),
        (_too_many, Reason.CLIENT_TOO_MANY_ITEMS),
        (_twice, Reason.CLIENT_MALFORMED),
        (_block_twice, Reason.CLIENT_MALFORMED),
        (_too_many_blocks, Reason.CLIENT_TOO_MANY_ITEMS),
        (_oversize, Reason.CLIENT_TOO_LARGE),
        (_no_leaves, Reason.CLIENT_MALFORMED),
    ],
)
async def test_a_call_out_of_form_is_refused_whole(world, subject, spoil, reason):
    """What is wrong with the call and no single inquiry fails it, with nothing recorded and nobody asked."""
    call = world.ask_many(subject, 3)
    spoil(call)
    assert await reason_of(many(world, call)) == reason
    assert world.running["gateway"].counts[BATCHED, reason] == 1
    assert await world.records() == []
    assert not world.provider.calls


async def test_an_inquiry_moved_to_another_block_is_refused_alone(world, subject):
    """An inquiry that names another block, another place or a block that is not there is CLIENT_QUERY_MISMATCH; the others are answered."""
    call, other = world.ask_many(subject, 3), world.ask_many(subject, 2)
    replaced(call, 0, query_block_hash=block_hash(other.queries[0]))
    replaced(call, 1, query_block_hash=bytes(32))
    call.inquiries.extend(other.inquiries)
    call.queries.extend(other.queries)
    replaced(call, 4, query_index=0)
    results = (await many(world, call)).results
    mismatch = [one.failure.reason for one in results]
    assert mismatch == [
        Reason.CLIENT_QUERY_MISMATCH,
        Reason.CLIENT_QUERY_MISMATCH,
        "",
        "",
        Reason.CLIENT_QUERY_MISMATCH,
    ]
    assert [one.exchange.outcome for one in results if one.HasField("exchange")] == [pb.OUTCOME_ANSWERED] * 2
    assert world.provider.batches == [(2, 2)]


async def test_all_request_records_are_durable_before_any_permit_arrives(world, subject):
    """When the provider sees the first permit of a batch, another process reads every commitment of it in the gateway's database."""
    seen = []

    async def arrived(_):
        if not seen:
            seen.extend(world.in_store("SELECT commitment FROM log_entry JOIN record USING (position)"))

    world.provider.arrived = arrived
    response = await many(world, world.ask_many(subject, 4))
    assert {bytes(one) for (one,) in seen} == {one.exchange.receipt.commitment for one in response.results}


async def test_outcomes_that_cannot_be_recorded_are_not_told(world, subject, monkeypatch):
    """When the disk fills up while the provider answers, each fails alone, and a later call tells those very answers."""
    call, write, broken = world.ask_many(subject, 3), Store.write, []

    async def full_later(self, change):
        if broken:
            raise OperationalError("UPDATE", {}, Exception("database or disk is full"))
        return await write(self, change)

    async def arrived(_):
        broken.append(True)

    world.provider.arrived = arrived
    with monkeypatch.context() as fault:
        fault.setattr(Store, "write", full_later)
        failed = await many(world, call)
    assert {one.failure.reason for one in failed.results} == {Reason.GATEWAY_STORE_UNAVAILABLE}
    world.provider.arrived = None
    assert {record.kind for record in await world.records()} == {pb.RECORD_KIND_REQUEST}
    response = await many(world, call)
    assert list(response.answers) == [next(iter(world.provider.kept.values()))[0]]
    assert world.provider.look_ups == 3


async def test_a_provider_that_is_down_leaves_all_open_and_they_come_to_an_end(world, subject):
    """While the provider is down each says PROVIDER_UNAVAILABLE; once it is back the reconciler finishes them in one call."""
    await world.down("tax")
    call = world.ask_many(subject, 4)
    assert {one.failure.reason for one in (await many(world, call)).results} == {Reason.PROVIDER_UNAVAILABLE}
    await world.up("tax")
    await world.settle()
    assert (world.provider.batches, world.provider.look_ups) == ([(4, 1)], 4)
    assert {one.exchange.outcome for one in (await many(world, call)).results} == {pb.OUTCOME_ANSWERED}
    assert world.provider.look_ups == 4


async def test_two_gateways_with_overlapping_batches_give_one_exchange_each(world, subject):
    """Batches that share inquiries, sent to two replicas at the same moment, are one exchange, one look-up and two records each."""
    async with world.replica() as other:
        stubs = [world.linkage(), LinkageServiceStub(world.channel("health_insurance", REQUESTER, other))]
        for _ in range(3):
            call = world.ask_many(subject, 6)
            halves = part(call, 0, 1, 2, 3), part(call, 5, 4, 3, 2)
            left, right = await asyncio.gather(
                *(stub.InquireMany(half, timeout=WAIT) for stub, half in zip(stubs, halves, strict=True))
            )
            assert {one.exchange.outcome for one in (*left.results, *right.results)} == {pb.OUTCOME_ANSWERED}
            assert (whole(left, 3), whole(left, 2)) == (whole(right, 2), whole(right, 3))
    assert world.provider.look_ups == 18
    assert len(await world.records()) == 36


@pytest.mark.usefixtures("patient")
async def test_inquiries_that_wait_for_one_provider_go_out_together(world, subject):
    """What single callers ask while the provider is busy is one call to it, and each gets the answer to its own inquiry."""
    gate, reached = asyncio.Event(), asyncio.Event()

    async def arrived(_):
        if len(world.provider.batches) > 1:
            reached.set()
        await gate.wait()

    world.provider.arrived = arrived
    stub, calls = world.linkage(), [world.ask(subject) for _ in range(22)]
    busy = [asyncio.ensure_future(stub.Inquire(call, timeout=WAIT)) for call in calls[:1]]
    while not world.provider.batches:  # noqa: ASYNC110 - until the first lane is taken
        await asyncio.sleep(0.01)
    busy += [asyncio.ensure_future(stub.Inquire(calls[1], timeout=WAIT))]
    await asyncio.wait_for(reached.wait(), WAIT)
    waiting = [asyncio.ensure_future(stub.Inquire(call, timeout=WAIT)) for call in calls[2:]]
    while len(world.in_store("SELECT request_id FROM exchange")) < len(calls):
        assert not any(one.done() for one in waiting), "an inquiry ended before the provider was let go on"
        await asyncio.sleep(0.01)
    gate.set()
    states = [one.exchange for one in await asyncio.gather(*busy, *waiting)]
    assert len(world.provider.batches) <= 5
    assert max(size for size, _ in world.provider.batches) >= 8
    for call, state in zip(calls, states, strict=True):
        world.open(call, state)


async def test_an_inquiry_that_waited_too_long_for_its_turn_is_not_sent(world, subject, monkeypatch):
    """Whose caller could not hear in time what became of it is told PROVIDER_TIMEOUT, stays open, and succeeds later."""
    call = world.ask_many(subject, 2)
    with monkeypatch.context() as hurry:
        hurry.setattr(lanes, "QUEUED", -1)
        assert {one.failure.reason for one in (await many(world, call)).results} == {Reason.PROVIDER_TIMEOUT}
    assert not world.provider.calls
    assert {one.exchange.outcome for one in (await many(world, call)).results} == {pb.OUTCOME_ANSWERED}


@pytest.mark.usefixtures("patient")
async def test_a_provider_that_hangs_for_one_requester_holds_up_no_other(world, subject):
    """While the calls for one requester hang, another requester's are answered."""
    theirs = await world.code(OTHER, "health_insurance", PERSON)
    gate = asyncio.Event()

    async def arrived(checked):
        if checked.header.requester == REQUESTER:
            await gate.wait()

    world.provider.arrived = arrived
    stuck = [asyncio.create_task(many(world, world.ask_many(subject, 2))) for _ in range(4)]
    while len(world.provider.batches) < 2:  # noqa: ASYNC110 - until both lanes are taken
        await asyncio.sleep(0.01)
    assert (await inquire(world, world.ask(theirs, requester=OTHER), OTHER)).outcome == pb.OUTCOME_ANSWERED
    assert not any(task.done() for task in stuck)
    gate.set()
    for response in await asyncio.gather(*stuck):
        assert {one.exchange.outcome for one in response.results} == {pb.OUTCOME_ANSWERED}


async def test_a_wish_to_withhold_concerns_its_own_exchange_alone(world, subject):
    """Of a batch with one marked inquiry the portal gets all others."""
    marked = header(non_disclosure=True)
    call = world.ask_many(subject, 2, marked)
    await many(world, call)
    await world.settle()
    assert {request_id for request_id, _ in world.portal.received} == set(ids(call)) - {marked.request_id}


def _answers_swapped(response):
    first, second = response.results[0], response.results[1]
    first.answer_index, second.answer_index = second.answer_index, first.answer_index


def _answer_doubled(response):
    response.results[1].answer_index = response.results[0].answer_index


def _results_swapped(response):
    kept = type(response.results[0]).FromString(response.results[0].SerializeToString())
    response.results[0].CopyFrom(response.results[1])
    response.results[1].CopyFrom(kept)


def _last_result_dropped(response):
    del response.results[3]


def _leaf_dropped(response):
    del response.answers[0].block.leaves[3]


def _moved_to_another_block(response):
    response.answers.add().CopyFrom(response.answers[0])
    response.answers[1].block.leaves[1] = bytes(32)
    response.results[1].answer_block = 1


@pytest.mark.parametrize(
    ("spoil", "spoilt"),
    [
        (_answers_swapped, {0, 1}),
        (_answer_doubled, {1}),
        (_results_swapped, {0, 1}),
        (_last_result_dropped, {3}),
        (_leaf_dropped, {3}),
        (_moved_to_another_block, {1}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_a_provider_mixed_up_in_a_batch_is_an_error_alone(world, subject, spoil, spoilt):
    """An answer of a batch that is another's, given twice, dropped or moved is refused at the gateway and never relayed; the others are."""
    call = world.ask_many(subject, 4)
    world.provider.spoil = spoil
    response = await many(world, call)
    for place, result in enumerate(response.results):
        if place in spoilt:
            assert (result.exchange.outcome, result.exchange.error.reason) == (
                pb.OUTCOME_ERROR,
                Reason.PROVIDER_ANSWER_INVALID,
            )
            assert not result.HasField("answer_block")
        else:
            assert result.exchange.outcome == pb.OUTCOME_ANSWERED
    assert len(await world.records()) == 8, "each has its two records"
