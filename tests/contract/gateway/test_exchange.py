"""The gateway's exchange over real mTLS: what an inquiry brings, and that the same bytes again are the same exchange."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest
from contract.gateway_world import (
    ANSWER_CANARY,
    OTHER,
    WAIT,
    collect,
    expected_code,
    gateway_entry,
    inquire,
    reason_of,
    request_id_of,
)
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.exchange import receipt
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.limits import PERMIT_LIFE, REVIEW_LIFE
from warifu.linkage.v1.linkage_pb2_grpc import LinkageServiceStub


async def test_an_allowed_inquiry_brings_the_sealed_answer(world, subject):
    """The requester opens what the provider sealed; receipt, permit and codes fit; the gateway could read nothing."""
    call = world.ask(subject)
    state = await inquire(world, call)
    answer = world.open(call, state)
    assert (state.outcome, answer.records[0].record_key) == (pb.OUTCOME_ANSWERED, ANSWER_CANARY)
    entry = await gateway_entry(world)
    receipt.check(state.receipt, entry.signing)
    (checked,) = world.provider.calls
    assert checked.permit_hash == state.permit_hash
    assert checked.permit.subject == expected_code(world, PROVIDER)
    assert checked.permit.subject != subject
    assert checked.permit.commitment == state.receipt.commitment
    assert checked.permit.header == pb.Inquiry.FromString(call.inquiry).header
    assert checked.exchange_time == world.clock.network()
    assert checked.review_until - checked.exchange_time == timedelta(days=REVIEW_LIFE)
    assert checked.accept_by - checked.issued_at == timedelta(seconds=PERMIT_LIFE)
    assert checked.permit.requester_key_id == world.keys[REQUESTER].hpke_key_id


async def test_the_request_record_is_durable_before_the_permit_arrives(world, subject):
    """When the provider sees a permit, another process already reads its commitment in the gateway's database."""
    seen = []

    async def arrived(checked):
        statement = "SELECT kind FROM record JOIN log_entry USING (position) WHERE commitment = :commitment"
        seen.append(world.in_store(statement, commitment=checked.permit.commitment))

    world.provider.arrived = arrived
    await inquire(world, world.ask(subject))
    assert seen == [[(pb.RECORD_KIND_REQUEST,)]]


async def test_the_same_bytes_again_are_the_same_exchange(world, subject):
    """A retry gets the same state, also by Collect; the provider is asked once and one request is on record."""
    call = world.ask(subject)
    first = await inquire(world, call)
    assert await inquire(world, call) == first
    assert await collect(world, call) == first
    assert len(world.provider.calls) == 1
    assert len(await world.records()) == 2


async def test_the_same_bytes_at_the_same_time_are_one_exchange(world, subject):
    """Twenty concurrent callers with the same bytes get one exchange with one effect."""
    call, stub = world.ask(subject), world.linkage()
    states = await asyncio.gather(*(stub.Inquire(call, timeout=WAIT) for _ in range(20)))
    assert len({state.SerializeToString(deterministic=True) for state in states}) == 1
    assert len(world.provider.calls) == 1
    assert len(await world.records()) == 2


async def test_other_bytes_under_a_used_id_are_refused(world, subject):
    """One changed field makes another inquiry: CLIENT_REQUEST_CHANGED, before, during and after the first; also by another institution."""
    call = world.ask(subject)
    other = world.ask(subject, request_id=request_id_of(call), office="another office")
    foreign = world.ask(subject, request_id=request_id_of(call), requester=OTHER)
    during = []

    async def arrived(_):
        during.append(await reason_of(inquire(world, other)))

    world.provider.arrived = arrived
    first = await inquire(world, call)
    assert during == [Reason.CLIENT_REQUEST_CHANGED]
    assert await reason_of(inquire(world, other)) == Reason.CLIENT_REQUEST_CHANGED
    assert await reason_of(inquire(world, foreign, OTHER)) == Reason.CLIENT_REQUEST_CHANGED
    assert await inquire(world, call) == first


async def test_two_gateways_on_one_store_give_one_exchange(world, subject):
    """The same bytes sent to two replicas at the same moment are one exchange with one look-up and one set of records."""
    async with world.replica() as other:
        stubs = [world.linkage(), LinkageServiceStub(world.channel("health_insurance", REQUESTER, other))]
        for _ in range(5):
            call = world.ask(subject)
            await world.records()
            states = await asyncio.gather(*(stub.Inquire(call, timeout=WAIT) for stub in stubs))
            assert states[0] == states[1]
    assert world.provider.look_ups == 5
    assert len(await world.records()) == 10


async def test_after_a_restart_the_same_bytes_are_still_the_same_exchange(world, subject):
    """A gateway that stopped and started again answers from its store, without asking the provider."""
    call = world.ask(subject)
    first = await inquire(world, call)
    await world.restart("gateway")
    assert await inquire(world, call) == first
    other = world.ask(subject, request_id=request_id_of(call), clerk="another")
    assert await reason_of(inquire(world, other)) == Reason.CLIENT_REQUEST_CHANGED
    assert len(world.provider.calls) == 1


async def test_another_institutions_exchange_is_unknown(world, subject):
    """Collecting another's request id and one that never was get the same refusal, word for word."""
    call = world.ask(subject)
    await inquire(world, call)
    errors = []
    for probed in (call, world.ask(subject)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await collect(world, probed, OTHER)
        errors.append((refused.value.code(), refused.value.details(), refused.value.trailing_metadata()))
    assert errors[0] == errors[1]
    assert "request id" in errors[0][1]
