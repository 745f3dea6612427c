"""Planted faults are felt by whoever calls, through real interceptors, as what they stand for; and nothing behind knows of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from contract.gateway_world import PERSON, World, collect, inquire, reason_of
from tiny import DEADLINE, NHI, SIMULATION, TAX, Tiny
from tiny import reason_of as tiny_reason_of
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.control.v1 import control_pb2, control_pb2_grpc
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import mishaps
from warifu.kernel import faults
from warifu.kernel.config import Config
from warifu.kernel.control import control_address
from warifu.kernel.errors import Reason


@asynccontextmanager
async def control(folder: Path) -> AsyncIterator[control_pb2_grpc.ControlServiceStub]:
    """The control face of the party in `folder`."""
    async with grpc.aio.insecure_channel(control_address(folder)) as channel:
        yield control_pb2_grpc.ControlServiceStub(channel)


async def plant(folder: Path, *planted: control_pb2.Fault) -> None:
    """Plant these at a party, and lift all others."""
    async with control(folder) as stub:
        await stub.SetFaults(control_pb2.SetFaultsRequest(faults=planted), timeout=DEADLINE)


async def planted(folder: Path) -> Sequence[tuple[str, int]]:
    """What is planted at a party, and how many calls have met it."""
    async with control(folder) as stub:
        answer = await stub.ListFaults(control_pb2.ListFaultsRequest(), timeout=DEADLINE)
        return [(fault.name, fault.met) for fault in answer.faults]


@pytest.fixture
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A network in which the provider is a simulation too."""
    made = await World.begin(tmp_path_factory.mktemp("net"))
    folder = made.state / "tax"
    replace(Config.load(folder), simulation=SIMULATION).save(folder)
    await made.restart("tax")
    yield made
    await made.end()


@pytest.fixture
async def subject(world: World) -> pb.SubjectReference:
    """The requester's code of the person."""
    return await world.code(REQUESTER, "health_insurance", PERSON)


async def test_a_provider_that_is_down_by_a_fault_is_down_to_the_gateway(world: World, subject) -> None:
    """As with a provider that is really down, the request is on record, and the same bytes succeed once the fault is lifted."""
    await plant(world.state / "tax", control_pb2.Fault(name="provider-down"))
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    assert [record.kind for record in await world.records()] == [pb.RECORD_KIND_REQUEST]
    assert world.provider.look_ups == 0
    await plant(world.state / "tax")
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_a_fault_meets_its_institution_s_calls_alone(world: World, subject) -> None:
    """A fault at another institution of the same party is not met, and one at the provider is."""
    await plant(world.state / "tax", control_pb2.Fault(name="provider-down", institution="tax-999999"))
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    await plant(world.state / "tax", control_pb2.Fault(name="provider-down", institution=PROVIDER))
    again = world.ask(subject, request_id="f1111111-2222-4333-8444-555555555555")
    assert await reason_of(inquire(world, again)) == Reason.PROVIDER_UNAVAILABLE


async def test_a_lost_answer_is_given_again_without_a_second_look(world: World, subject) -> None:
    """The provider has done its work when the answer is lost, and the next call under the same permit gets the stored one."""
    await plant(world.state / "tax", control_pb2.Fault(name="answer-dropped", count=1))
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    assert world.provider.look_ups == 1
    assert await planted(world.state / "tax") == []  # it lifted itself
    assert (await collect(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert world.provider.look_ups == 1
    assert len({checked.permit_hash for checked in world.provider.calls}) == 1


async def test_a_slow_provider_answers_late(world: World, subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway is served only after the fault's seconds, which are less than it waits."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(faults, "sleep", sleep)
    await plant(world.state / "tax", control_pb2.Fault(name="provider-slow"))
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    assert waited == [3.0]


async def test_a_permit_that_leaves_twice_is_looked_up_once(world: World, subject) -> None:
    """A provider outside the simulation is asked twice under one permit; the second answer is the first, and the exchange one."""
    await plant(world.state / "gateway", control_pb2.Fault(name="permit-twice", institution=PROVIDER, count=1))
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    assert len(world.provider.calls) == 2
    assert len({checked.permit_hash for checked in world.provider.calls}) == world.provider.look_ups == 1


async def test_a_permit_that_is_late_is_in_time(world: World, subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves the gateway after the fault's seconds, which are less than a provider may take it in."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(mishaps, "sleep", sleep)
    await plant(world.state / "gateway", control_pb2.Fault(name="late-permit"))
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    assert waited == [3.0]
    (checked,) = world.provider.calls
    assert checked.issued_at + timedelta(seconds=3) < checked.accept_by


async def test_a_damaged_permit_is_to_be_refused(world: World, subject) -> None:
    """The provider refuses its signature and looks nothing up; the exchange ends, as refused by a provider."""
    await plant(world.state / "gateway", control_pb2.Fault(name="damaged-permit", institution=PROVIDER))
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED)
    assert world.provider.look_ups == 0


async def test_an_expired_permit_is_rightly_signed(world: World, subject) -> None:
    """Only its dates tell; the provider refuses it and looks nothing up, and the exchange ends expired."""
    await plant(world.state / "gateway", control_pb2.Fault(name="expired-permit"))
    state = await inquire(world, world.ask(subject))
    (checked,) = world.provider.calls
    assert checked.accept_by < datetime.now(UTC) - timedelta(minutes=50)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    assert world.provider.look_ups == 0


async def test_without_a_log_no_inquiry_passes(world: World, subject) -> None:
    """The gateway says GATEWAY_LOG_UNAVAILABLE and keeps nothing; once it is lifted the same bytes succeed."""
    await plant(world.state / "gateway", control_pb2.Fault(name="log-unavailable", institution=REQUESTER))
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.GATEWAY_LOG_UNAVAILABLE
    assert await world.records() == []
    await plant(world.state / "gateway")
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_a_gateway_that_is_down_answers_nobody(tiny: Tiny) -> None:
    """Every call fails as at a process that is gone, without a word of the network's own; one certificate's alone when it is named."""
    async with tiny.party(simulation=SIMULATION) as running:
        await plant(tiny.state / "gateway", control_pb2.Fault(name="gateway-down", institution=NHI))
        async with tiny.call(running, tiny.pair("tax", TAX)) as caller:
            assert await caller.who()
        await plant(tiny.state / "gateway", control_pb2.Fault(name="gateway-down"))
        async with tiny.call(running, tiny.pair("tax", TAX)) as caller:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await caller.who()
            assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
            assert "grpc-status-details-bin" not in dict(failed.value.trailing_metadata())
            assert await tiny_reason_of(caller.who()) == Reason.GATEWAY_UNAVAILABLE


async def test_a_stream_of_a_party_that_is_down_gives_nothing(tiny: Tiny) -> None:
    """A streamed call meets the fault before its first item."""
    async with tiny.party("numbering", simulation=SIMULATION) as running:
        await plant(tiny.state / "numbering", control_pb2.Fault(name="numbering-down"))
        async with tiny.call(running, tiny.pair("tax", TAX), party="numbering") as caller:
            assert await tiny_reason_of(caller.enrol([b"one"]).read(), "numbering") == Reason.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize(
    "fault",
    [
        control_pb2.Fault(name="no-such"),
        control_pb2.Fault(name="portal-down"),
        control_pb2.Fault(name="gateway-down", count=2**31),
    ],
    ids=["unknown", "another party's", "count"],
)
async def test_what_cannot_be_planted_is_refused(tiny: Tiny, fault: control_pb2.Fault) -> None:
    """An unknown fault, another party's, and a senseless count are CLIENT_MALFORMED, and what was planted stays."""
    async with tiny.party(simulation=SIMULATION):
        folder = tiny.state / "gateway"
        await plant(folder, control_pb2.Fault(name="log-unavailable"))
        assert await tiny_reason_of(plant(folder, fault)) == Reason.CLIENT_MALFORMED
        assert await planted(folder) == [("log-unavailable", 0)]
