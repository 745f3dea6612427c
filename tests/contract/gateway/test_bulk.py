"""Inquiries without end: chunks are worked on a few at a time and told as they are done; whatever was sent may be sent again."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from contract.gateway_world import WAIT, reason_of, request_id_of
from unit.gateway.samples import REQUESTER

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.limits import CHUNKS
from warifu.linkage.v1 import linkage_pb2

SIZE = 3


def chunk(world, subject) -> linkage_pb2.InquireBulkRequest:
    """A chunk of inquiries that the law book allows."""
    made = world.ask_many(subject, SIZE)
    return linkage_pb2.InquireBulkRequest(inquiries=made.inquiries, queries=made.queries)


def ids(made: linkage_pb2.InquireBulkRequest) -> list[str]:
    """Its request ids, in order."""
    return [request_id_of(linkage_pb2.InquireRequest(inquiry=one)) for one in made.inquiries]


async def told(world, chunks) -> list[linkage_pb2.InquireBulkResponse]:
    """All that a stream of these chunks is answered."""
    return [one async for one in world.linkage().InquireBulk(iter(chunks), timeout=WAIT)]


async def recorded(world, number: int) -> None:
    """Until so many exchanges are on record."""
    async with asyncio.timeout(WAIT):
        while len(world.in_store("SELECT request_id FROM exchange")) < number:  # noqa: ASYNC110 - another's write has no event here
            await asyncio.sleep(0.01)


async def test_each_chunk_is_told_with_its_number(world, subject):
    """Every inquiry of every chunk comes to its own exchange, found by chunk number and place."""
    chunks = [chunk(world, subject) for _ in range(9)]
    responses = await told(world, chunks)
    assert sorted(one.chunk for one in responses) == list(range(9))
    for response in responses:
        assert [one.exchange.request_id for one in response.results] == ids(chunks[response.chunk])
        assert {one.exchange.outcome for one in response.results} == {pb.OUTCOME_ANSWERED}
        assert {one.answer_block for one in response.results} <= set(range(len(response.answers)))
    assert world.provider.look_ups == 9 * SIZE


@pytest.mark.usefixtures("patient")
async def test_a_chunk_that_takes_long_does_not_hold_up_the_next(world, subject):
    """Chunks are told in the order in which they are done."""
    chunks, gate = [chunk(world, subject) for _ in range(3)], asyncio.Event()

    async def arrived(checked):
        if checked.permit.permit_id == ids(chunks[0])[0]:
            await gate.wait()

    world.provider.arrived = arrived
    order = []
    async for response in world.linkage().InquireBulk(iter(chunks), timeout=WAIT):
        order.append(response.chunk)
        if len(order) == 2:
            gate.set()
    assert sorted(order[:2]) == [1, 2]
    assert order[2] == 0


@pytest.mark.usefixtures("patient")
async def test_nothing_further_is_read_while_chunks_are_under_way(world, subject):
    """A requester that sends faster than the provider answers is not read ahead of."""
    chunks, gate = [chunk(world, subject) for _ in range(3 * CHUNKS)], asyncio.Event()

    async def arrived(_):
        await gate.wait()

    world.provider.arrived = arrived
    stream = asyncio.create_task(told(world, chunks))
    await recorded(world, CHUNKS * SIZE)
    await world.records()
    assert len(world.in_store("SELECT request_id FROM exchange")) == CHUNKS * SIZE
    gate.set()
    assert len(await stream) == 3 * CHUNKS


async def test_a_chunk_out_of_form_ends_the_stream_after_what_was_begun(world, subject):
    """What was begun before it is told, then the call fails with the chunk's reason; nothing of it is recorded."""
    good, bad = chunk(world, subject), chunk(world, subject)
    bad.inquiries.append(bad.inquiries[0])
    stream, got = world.linkage().InquireBulk(iter([good, bad]), timeout=WAIT), []

    async def read():
        async for one in stream:
            got.append(one)  # noqa: PERF401 - what came before the error counts

    assert await reason_of(read()) == Reason.CLIENT_MALFORMED
    assert [one.chunk for one in got] == [0]
    assert len(await world.records()) == 2 * SIZE


@pytest.mark.usefixtures("patient")
async def test_a_stream_that_broke_off_is_taken_up_by_another(world, subject):
    """A requester that leaves in the middle sends everything again: one exchange each, with one look-up."""
    chunks, gate = [chunk(world, subject) for _ in range(6)], asyncio.Event()

    async def arrived(_):
        await gate.wait()

    world.provider.arrived = arrived
    broken = asyncio.create_task(told(world, chunks))
    await recorded(world, CHUNKS * SIZE)
    broken.cancel()
    with pytest.raises((asyncio.CancelledError, grpc.aio.AioRpcError)):
        await broken
    gate.set()
    responses = await told(world, chunks)
    results = [one for response in responses for one in response.results]
    assert {one.exchange.outcome for one in results} == {pb.OUTCOME_ANSWERED}
    assert world.provider.look_ups == len(chunks) * SIZE
    assert len(await world.records(REQUESTER)) == 2 * len(chunks) * SIZE
