"""What changes under a living network: an enrolment cut in two by a crash, new keys, new certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract.interim_world import NHI, TAX, WAIT, World, copy
from sqlalchemy import func, select
from town import person

from warifu.authority import renew
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.enrol import Enrolment, _Person
from warifu.interim.schema import ENROLMENTS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The network, with two people known to numbering."""
    made = await World.begin(tmp_path)
    try:
        await made.register(person(n) for n in range(2))
        yield made
    finally:
        await made.end()


async def ready(world: World) -> None:
    """Person 0 enrolled at both, with a tax year."""
    for code in (NHI, TAX):
        assert not (await world.enrol(code, "1")).HasField("error")
    await world.interim(TAX).register_copies([copy("r-1")])


@pytest.mark.parametrize("deposited", [True, False], ids=["after-deposit", "before-deposit"])
async def test_an_enrolment_that_was_cut_in_two_is_closed_after_the_restart(world: World, deposited: bool) -> None:
    """What was deposited is claimed and bound after a restart; what was not is given up and listed. No acquisition number stays."""
    enrolment = Enrolment(world.interim(NHI).ground)
    cut = [_Person(pb.EnrolRequest(institution=NHI, addressee_no="5", basic_items=person(0)))]
    await enrolment._begin(cut)
    if deposited:
        await enrolment._deposit(cut)
    await world.down("health_insurance")
    await world.up("health_insurance")
    interim = world.interim(NHI)
    await interim.jobs["enrolments"]()
    assert _open(world) == 1
    world.clock.offset = timedelta(seconds=61)
    await interim.jobs["enrolments"]()
    assert _open(world) == 0
    unbound = await interim.list_unbound(pb.ListUnboundRequest(institution=NHI))
    assert list(unbound.addressee_nos) == ([] if deposited else ["5"])


def _open(world: World) -> int:
    count = select(func.count()).select_from(ENROLMENTS)
    return world.interim(NHI).ground.store.read(lambda connection: connection.execute(count).scalar_one())


async def test_a_change_of_keys_loses_nothing_in_flight(world: World) -> None:
    """An inquiry sealed to the provider's old key is answered after it changed its keys, and signed with the new one (PROTO-11.6)."""
    await ready(world)
    before = await world.ask(world.question())
    assert before.fine_outcome == ex.FINE_OUTCOME_PROVIDED
    await world.down("tax")
    question = world.question()
    await world.interim(NHI).inquire(question)
    renewed = InstitutionKeys.rotate(world.state / "tax" / "secrets", TAX)
    await world.up("tax")
    state = await world.collect(NHI, question.request_id)
    assert state.fine_outcome == ex.FINE_OUTCOME_PROVIDED
    held = next(one for one in world.interim(NHI).view(question.request_id))
    received = linkage_pb2.ExchangeState.FromString(next(v.raw for v in held.values if v.name == "state"))
    sent = linkage_pb2.InquireRequest.FromString(next(v.raw for v in held.values if v.name == "sent"))
    assert received.answer.key_id == renewed.signing_key_id
    assert sent.query.key_id != renewed.hpke_key_id


async def test_a_new_certificate_signs_a_new_entry(world: World) -> None:
    """After certificates were renewed each institution publishes its entry anew without a restart, and exchanges go on."""
    await ready(world)
    versions = await _entry(world)
    renew(world.state)
    world.clock.offset += timedelta(seconds=2)  # readers look again for a changed key no sooner
    await world.settle()
    assert await _entry(world) > versions
    state = await world.ask(world.question())
    assert state.fine_outcome == ex.FINE_OUTCOME_PROVIDED


async def _entry(world: World) -> int:
    """Version of the tax office's entry as relayed now."""
    stub = linkage_pb2_grpc.DirectoryServiceStub(world.channel("gateway", "health_insurance", NHI))
    response = await stub.GetEntry(linkage_pb2.GetEntryRequest(owner=TAX), timeout=WAIT)
    return ex.DirectoryEntry.FromString(response.entry.entry).version
