"""Answers that wait for a clerk, and the gateway together with the real interim server."""

from __future__ import annotations

import uuid
from datetime import UTC, timedelta

import pytest
from contract.gateway_world import (
    PERSON,
    WAIT,
    World,
    collect,
    inquire,
    reason_of,
)
from sqlalchemy.exc import OperationalError
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.outcome import Outcomes
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2
from warifu.interim.v1.interim_pb2_grpc import InterimAuditServiceStub
from warifu.kernel.errors import Reason
from warifu.kernel.limits import REVIEW_LIFE
from warifu.kernel.peers import open_channel


async def test_waiting_becomes_final_once(world, subject):
    """PENDING is told with its notice and its end; a later Collect brings the final answer, and then it stays."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    waiting = await inquire(world, call)
    assert waiting.outcome == pb.OUTCOME_PENDING
    assert world.open(call, waiting).outcome == pb.FINE_OUTCOME_PENDING
    assert waiting.review_until.ToDatetime(UTC) == world.clock.network() + timedelta(days=REVIEW_LIFE)
    assert await inquire(world, call) == waiting
    assert len(await world.records()) == 1
    world.provider.outcome = pb.FINE_OUTCOME_WITHHELD
    final = await collect(world, call)
    assert (final.outcome, world.open(call, final).outcome) == (pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_WITHHELD)
    calls = len(world.provider.calls)
    assert await collect(world, call) == await inquire(world, call) == final
    assert len(world.provider.calls) == calls
    assert len({checked.permit_hash for checked in world.provider.calls}) == 1
    assert len(await world.records()) == 2


async def test_waiting_can_be_collected_while_the_provider_is_down(world, subject):
    """What is known stays known: PENDING is still the answer when the provider cannot be asked."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    waiting = await inquire(world, call)
    await world.down("tax")
    assert await collect(world, call) == waiting


async def test_waiting_ends_with_its_review_period(world, subject):
    """Past the review period on the network's clock the exchange is EXPIRED, whether or not anybody collects."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    await inquire(world, call)
    world.clock.set(world.clock.network() + timedelta(days=REVIEW_LIFE, seconds=1), stopped=True)
    await world.settle()
    state = await collect(world, call)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    assert not state.HasField("answer")
    assert [record.outcome for record in await world.records()] == [0, pb.OUTCOME_EXPIRED]


@pytest.fixture
async def real(tmp_path_factory):
    """A network whose provider is the real interim server."""
    world = await World.begin(tmp_path_factory.mktemp("real"), interim=True)
    yield world
    await world.end()


def unsampled(world: World) -> str:
    """A request id that the real provider's review sample does not draw."""
    key = (world.state / "tax" / "secrets" / f"{PROVIDER}.sample.key").read_bytes()
    return next(one for one in iter(lambda: str(uuid.uuid4()), "") if not sampled(key, one))


async def provider_records(world):
    """What the provider's interim server has on record."""
    folder = world.state / "tax" / "identities" / PROVIDER
    channel = open_channel(
        world.running["tax"].address,
        "tax",
        (world.state / "tax" / "trust" / "ca.pem").read_bytes(),
        (folder / "cert.pem").read_bytes(),
        (folder / "key.pem").read_bytes(),
    )
    async with channel:
        request = interim_pb2.ListRecordsRequest(institution=PROVIDER)
        response = await InterimAuditServiceStub(channel).ListRecords(request, timeout=WAIT)
    return [pb.AccessRecord.FromString(one.record.record) for one in response.records]


async def test_the_real_interim_server_answers_under_the_gateways_permit(real):
    """Gateway and interim server agree on permit, seal and records: a person unknown there is NOT_REGISTERED, inside the seal alone."""
    subject = await real.code(REQUESTER, "health_insurance", PERSON)
    call = real.ask(subject, request_id=unsampled(real))
    state = await inquire(real, call)
    assert state.outcome == pb.OUTCOME_ANSWERED
    assert real.open(call, state).outcome == pb.FINE_OUTCOME_NOT_REGISTERED
    ours, theirs = await real.records(), await provider_records(real)
    assert [(one.kind, one.request_id, one.row, one.requested_at) for one in ours] == [
        (one.kind, one.request_id, one.row, one.requested_at) for one in theirs
    ]
    assert [one.fine_outcome for one in ours] == [0, 0]
    assert theirs[1].fine_outcome == pb.FINE_OUTCOME_NOT_REGISTERED


async def test_the_real_interim_server_gives_its_stored_answer_after_restarts(real, monkeypatch):
    """The gateway loses an answer to a full disk, both sides restart, and the same bytes bring the answer that was stored, once."""
    subject = await real.code(REQUESTER, "health_insurance", PERSON)
    call = real.ask(subject, request_id=unsampled(real))

    async def full(self, before, reply):
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    with monkeypatch.context() as fault:
        fault.setattr(Outcomes, "settle", full)
        assert await reason_of(inquire(real, call)) == Reason.GATEWAY_STORE_UNAVAILABLE
    assert len(await provider_records(real)) == 2
    await real.restart("tax")
    await real.restart("gateway")
    state = await inquire(real, call)
    assert real.open(call, state).outcome == pb.FINE_OUTCOME_NOT_REGISTERED
    assert len(await provider_records(real)) == len(await real.records()) == 2
