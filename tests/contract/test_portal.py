"""The portal and the card service against the real numbering body and the real gateway: sockets, mTLS, databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from contract.portal_world import CODE, HANA, PARTIES, WAIT, World
from contract.test_faults import plant, planted
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.authority import replace_log_keys
from warifu.control.v1 import control_pb2
from warifu.exchange import offline, record
from warifu.exchange.logkeys import LogKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc
from warifu.simulator.cards.client import LoginError, Session


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A network around the portal."""
    begun = await World.begin(tmp_path)
    yield begun
    await begun.end()


async def test_a_citizen_reads_a_real_exchange(world: World) -> None:
    """An exchange between two institutions, delivered by the gateway, stands in the history of the person with the card."""
    request_id = await world.ask()
    session = await world.log_in()
    (entry,) = await asyncio.to_thread(session.history)
    assert entry["request_id"] == request_id
    assert (entry["requester"], entry["provider"], entry["outcome"]) == (REQUESTER, PROVIDER, "ANSWERED")
    assert entry["requested_at"] == "2026-06-01T09:00:00.000+09:00"
    page = await asyncio.to_thread(session.page, f"/history/{request_id}")
    assert "榧野町" in page
    assert "青凪市" in page


async def test_a_delivery_that_comes_twice_is_one_entry(world: World) -> None:
    """With that fault planted at the portal each record is taken once, and shown once."""
    await plant(world.state / "portal", control_pb2.Fault(name="delivered-twice"))
    request_id = await world.ask()
    session = await world.log_in()
    (entry,) = await asyncio.to_thread(session.history)
    assert entry["request_id"] == request_id
    ((name, met),) = await planted(world.state / "portal")
    assert (name, met > 0) == ("delivered-twice", True)


async def test_a_denied_inquiry_is_shown_and_a_withheld_one_is_not(world: World) -> None:
    """What the gateway denied is an entry; what either side withholds never reaches the portal's files."""
    denied = await world.ask(procedure="JT90000000000999")
    mine = await world.ask(non_disclosure=True)
    world.provider.non_disclosure = True
    theirs = await world.ask()
    world.provider.non_disclosure = False
    session = await world.log_in()
    (entry,) = await asyncio.to_thread(session.history)
    assert (entry["request_id"], entry["outcome"], entry["legal_basis"]) == (denied, "DENIED", None)
    stored = b"".join(file.read_bytes() for file in (world.state / "portal").rglob("*") if file.is_file())
    for hidden in (mine, theirs):
        assert hidden.encode() not in stored
    assert denied.encode() in stored


async def test_a_changed_resident_code_leaves_the_history_whole(world: World) -> None:
    """After a change of resident code the next login claims the new code, and earlier entries stay."""
    before = await world.ask()
    await world.log_in()
    await world.change_resident_code()
    world.subject = await world._code()
    after = await world.ask()
    session = await world.log_in()
    assert {entry["request_id"] for entry in await asyncio.to_thread(session.history)} == {before, after}


async def test_the_portal_comes_back_whole(world: World) -> None:
    """Stopped and started again, the portal has its entries and sessions, and what was delivered meanwhile comes."""
    first = await world.ask()
    session = await world.log_in()
    await world.down("portal")
    second = await world.ask()
    await world.up("portal")
    await world.delivered(second)
    assert {entry["request_id"] for entry in await asyncio.to_thread(session.history)} == {first, second}


async def test_a_suspended_card_opens_nothing(world: World) -> None:
    """A certificate that the authority suspended is refused at the login with the reason."""
    await world.log_in()
    await world.suspend()
    with pytest.raises(LoginError) as refused:
        await world.log_in()
    assert refused.value.reason == "CLIENT_CARD_CERTIFICATE_NOT_GOOD"


async def test_a_locked_card_opens_nothing_after_a_restart_either(world: World) -> None:
    """Three wrong PINs lock the card; the card service started again still refuses the right one."""
    reasons = []
    for pin in ("0000", "0001", "0002"):
        with pytest.raises(LoginError) as refused:
            await world.log_in(pin)
        reasons.append(refused.value.reason)
    assert reasons == ["CLIENT_PIN_WRONG", "CLIENT_PIN_WRONG", "CLIENT_CARD_LOCKED"]
    await world.down("simulator")
    await world.up("simulator")
    with pytest.raises(LoginError) as refused:
        await world.log_in()
    assert refused.value.reason == "CLIENT_CARD_LOCKED"


async def test_only_the_gateway_delivers(world: World) -> None:
    """Another party's certificate is refused before a delivery is looked at."""
    stub = portal_pb2_grpc.DeliveryServiceStub(world.channel("portal", "health_insurance", REQUESTER))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.Deliver(portal_pb2.DeliverRequest(), timeout=WAIT)
    assert LinkageError.from_rpc(refused.value, party="portal").reason is Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_the_view_shows_both_records_as_they_were_committed(world: World) -> None:
    """The portal's view of an exchange opens to the gateway's own records."""
    request_id = await world.ask()
    (holding,) = world.running["portal"].party.view(request_id)
    assert isinstance(holding, control_pb2.Holding)
    values = {value.name: value.raw for value in holding.values}
    outcome = record.check(pb.CommittedRecord.FromString(values["outcome_record"]))
    assert outcome.outcome == pb.OUTCOME_ANSWERED
    assert not outcome.HasField("fine_outcome")


async def test_no_number_and_no_resident_code_is_in_the_portal_s_folder(world: World) -> None:
    """After enrolment, login and delivery neither individual number nor resident code nor name lies in the portal's folder."""
    await world.ask()
    await world.log_in()
    for file in (world.state / "portal").rglob("*"):
        if file.is_file() and "trust" not in file.parts:
            content = file.read_bytes()
            for secret in (HANA.individual_number, CODE, HANA.name, HANA.kana, HANA.person):
                assert secret.encode() not in content, file


async def proven(world: World, session: Session, request_id: str) -> list[offline.Proven]:
    """The records of the entry's proof file, checked against the keys that another party pins; as soon as the witness has cosigned."""
    trusted = offline.trust(LogKeys.load(world.state / "tax"))
    async with asyncio.timeout(WAIT):
        while True:
            await world.running["portal"].jobs.settle()
            try:
                text = await asyncio.to_thread(session.page, f"/history/{request_id}/proof")
            except LoginError:
                await asyncio.sleep(0.02)  # waits for another party, with a deadline
                continue
            return [offline.check(proof, trusted) for proof in offline.read(text.encode())]


async def test_an_entry_is_proved_from_the_real_log(world: World) -> None:
    """The file for an exchange holds both of the gateway's records with paths to a head that log and witness have signed."""
    request_id = await world.ask()
    session = await world.log_in()
    first, second = await proven(world, session, request_id)
    assert {first.record.request_id, second.record.request_id} == {request_id}
    assert second.record.outcome == pb.OUTCOME_ANSWERED
    assert first.index < second.index
    answer = json.loads(await asyncio.to_thread(session.page, f"/api/v1/proofs?request_id={request_id}&old_size=1"))
    told = answer["entries"][request_id]
    assert (told["request"]["index"], told["outcome"]["index"]) == (first.index, second.index)
    assert told["corrections"] == []
    assert len(answer["consistency"]) > 0


async def test_a_new_log_s_places_are_found_again(world: World) -> None:
    """After new keys and a new log, as a restore makes them, an entry of before is proved in the new log by itself."""
    request_id = await world.ask()
    before = await proven(world, await world.log_in(), request_id)
    for party in ("portal", "gateway", "watchdog"):
        await world.down(party)
    replace_log_keys(world.state, PARTIES)
    for party in ("watchdog", "gateway", "portal"):
        await world.up(party)
    after = await proven(world, await world.log_in(), request_id)
    assert [one.record for one in after] == [one.record for one in before]
    assert after[0].head.note.text != before[0].head.note.text


async def test_only_the_supervisor_reads_what_all_citizens_are_shown(world: World) -> None:
    """The watchdog reads each entry's two records without a person; an institution is refused."""
    request_id = await world.ask()
    request = portal_pb2.ListRecordsRequest()
    stub = portal_pb2_grpc.PortalAuditServiceStub(world.channel("portal", "watchdog", "main"))
    (found,) = (await stub.ListRecords(request, timeout=WAIT)).records
    assert record.check(found.request).request_id == record.check(found.outcome).request_id == request_id
    assert found.request_leaf < found.outcome_leaf
    other = portal_pb2_grpc.PortalAuditServiceStub(world.channel("portal", "health_insurance", REQUESTER))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await other.ListRecords(request, timeout=WAIT)
    assert LinkageError.from_rpc(refused.value, party="portal").reason is Reason.CLIENT_CALLER_NOT_ALLOWED
