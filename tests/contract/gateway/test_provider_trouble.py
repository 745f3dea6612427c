"""What becomes of an exchange when the provider is down, slow, dies, fails or lies."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from contract.gateway_world import (
    OTHER,
    WAIT,
    collect,
    inquire,
    reason_of,
)

from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import forward
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import PERMIT_LIFE


async def test_a_provider_that_is_down_can_be_asked_again(world, subject):
    """The request is on record, the call says PROVIDER_UNAVAILABLE, and the same bytes succeed once the provider is back."""
    await world.down("tax")
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    assert [record.kind for record in await world.records()] == [pb.RECORD_KIND_REQUEST]
    await world.up("tax")
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert len(await world.records()) == 2


async def test_the_reconciler_finishes_what_nobody_asks_about_again(world, subject):
    """An exchange whose requester went away comes to its outcome by itself, also after a restart of the gateway."""
    await world.down("tax")
    call = world.ask(subject)
    await reason_of(inquire(world, call))
    await world.restart("gateway")
    await world.up("tax")
    await world.settle()
    assert len(await world.records()) == 2
    assert (await collect(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert world.provider.look_ups == 1


async def test_a_slow_provider_is_not_waited_for_for_ever(world, subject, monkeypatch):
    """Past its deadline the call says PROVIDER_TIMEOUT; later the stored answer is fetched under the same permit, with one look-up."""
    gate = asyncio.Event()
    world.provider.leaving = gate.wait
    call = world.ask(subject)
    with monkeypatch.context() as hurry:
        hurry.setattr(forward, "PROVIDE_DEADLINE", 200)
        assert await reason_of(inquire(world, call)) == Reason.PROVIDER_TIMEOUT
    gate.set()
    state = await inquire(world, call)
    assert (state.outcome, world.provider.look_ups) == (pb.OUTCOME_ANSWERED, 1)
    assert len({checked.permit_hash for checked in world.provider.calls}) == 1


async def test_a_provider_that_dies_mid_answer_has_answered_once(world, subject):
    """It stored its answer and died before sending: the next try gets that very answer, under the same permit."""

    async def die():
        world.provider.leaving = None
        raise LinkageError(Reason.PROVIDER_UNAVAILABLE)

    world.provider.leaving = die
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    (stored,) = world.provider.kept.values()
    state = await inquire(world, call)
    assert state.answer == stored[0]
    assert world.provider.look_ups == 1


async def test_a_caller_that_hangs_up_does_not_stop_the_exchange(world, subject):
    """A requester that gives up while the provider answers ends its call, not what was recorded."""
    gate, reached = asyncio.Event(), asyncio.Event()

    async def leaving():
        reached.set()
        await gate.wait()

    world.provider.leaving = leaving
    call = world.ask(subject)
    pending = world.linkage().Inquire(call, timeout=WAIT)
    await asyncio.wait_for(reached.wait(), WAIT)
    assert pending.cancel()
    gate.set()
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert len(world.provider.calls) == 1


async def test_a_permit_that_was_never_accepted_in_time_is_over(world, subject):
    """A provider that comes back after the permit's window refuses it, and the exchange is EXPIRED, not open for ever."""
    await world.down("tax")
    call = world.ask(subject)
    await reason_of(inquire(world, call))
    world.provider.clock.offset = timedelta(seconds=PERMIT_LIFE + 60)
    await world.up("tax")
    state = await inquire(world, call)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    assert [record.outcome for record in await world.records()][1:] == [pb.OUTCOME_EXPIRED]
    assert world.provider.look_ups == 0


async def test_a_providers_failure_is_the_outcome_with_its_reason(world, subject):
    """What the provider could not do is an ERROR with the provider's reason, recorded, and stays."""
    world.provider.failure = LinkageError(Reason.CLIENT_QUERY_UNREADABLE)
    call = world.ask(subject)
    state = await inquire(world, call)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.CLIENT_QUERY_UNREADABLE)
    world.provider.failure = None
    assert await collect(world, call) == state
    assert (await world.records())[1].reason == Reason.CLIENT_QUERY_UNREADABLE


async def test_a_failure_that_may_pass_leaves_the_exchange_open(world, subject):
    """A retryable failure of one item is told as such, and the same bytes succeed later."""
    world.provider.failure = LinkageError(Reason.PROVIDER_STORE_UNAVAILABLE)
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_STORE_UNAVAILABLE
    world.provider.failure = None
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_a_permit_that_the_provider_refuses_is_the_gateways_fault(world, subject):
    """A refused permit is an ERROR on the gateway's side, never blamed on the requester."""
    world.provider.gateway = InstitutionKeys.generate("gateway")
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED)


def _other_recipient(response):
    response.answers[0].block.recipient = OTHER


def _other_permit(response):
    response.answers[0].block.leaves[0] = bytes(32)


def _no_such_block(response):
    response.results[0].answer_block = 3


def _no_such_place(response):
    response.results[0].answer_index = 3


def _no_result(response):
    del response.results[:]


def _unknown_outcome(response):
    response.results[0].outcome = 77


@pytest.mark.parametrize(
    "spoil", [_other_recipient, _other_permit, _no_such_block, _no_such_place, _no_result, _unknown_outcome]
)
async def test_an_answer_that_is_not_to_this_permit_is_an_error(world, subject, spoil):
    """An answer for another requester, another permit or nowhere is refused at the gateway and never relayed."""
    world.provider.spoil = spoil
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.PROVIDER_ANSWER_INVALID)
    assert not state.HasField("answer")
