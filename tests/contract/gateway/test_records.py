"""What the gateway has on record, whom it shows that, and what its files hold."""

from __future__ import annotations

from datetime import UTC

import grpc
import pytest
from contract.gateway_world import (
    ANSWER_CANARY,
    OTHER,
    PERSON,
    WAIT,
    inquire,
    request_id_of,
)
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2
from warifu.linkage.v1.linkage_pb2_grpc import GatewayAuditServiceStub


async def test_both_records_are_there_and_say_the_same(world, subject):
    """Requester and provider see request and outcome of their exchange; a third institution sees nothing."""
    call = world.ask(subject)
    await inquire(world, call)
    mine, theirs = await world.records(), await world.records(PROVIDER, "tax")
    assert mine == theirs
    assert [record.kind for record in mine] == [pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME]
    request, outcome = mine
    assert (request.request_id, request.requester, request.provider) == (request_id_of(call), REQUESTER, PROVIDER)
    assert request.requested_at.ToDatetime(UTC) == world.clock.network() == outcome.answered_at.ToDatetime(UTC)
    assert (request.row, outcome.outcome) == ("P07", pb.OUTCOME_ANSWERED)
    assert not any(record.office or record.clerk or record.fine_outcome for record in mine)
    assert await world.records(OTHER) == []


async def test_records_are_paged_in_the_order_of_commitment(world, subject):
    """Pages of one follow each other by position until there is no next."""
    await inquire(world, world.ask(subject))
    stub = audit(world)
    first = await stub.ListRecords(linkage_pb2.ListRecordsRequest(limit=1), timeout=WAIT)
    second = await stub.ListRecords(linkage_pb2.ListRecordsRequest(limit=1, after=first.next), timeout=WAIT)
    assert first.records[0].position < second.records[0].position
    assert not second.HasField("next")
    assert first.records[0].permit_hash == second.records[0].permit_hash


def audit(world):
    """The audit's face for the requester."""
    return GatewayAuditServiceStub(world.channel("health_insurance", REQUESTER))


async def test_the_view_shows_rows_and_received_bytes(world, subject):
    """For a request id the view holds the exchange's row with the bytes as received, and its records; for another, nothing."""
    call = world.ask(subject)
    state = await inquire(world, call)
    holdings = world.view(request_id_of(call))
    rows = [holding.where for holding in holdings]
    assert rows[:4] == ["gateway/exchange", "gateway/record", "gateway/record", "gateway/log_head"]
    values = {value.name: value for value in holdings[0].values}
    assert values["inquiry"].raw == call.inquiry
    assert values["inquiry"].decodes_to == "warifu.exchange.v1.Inquiry"
    assert values["answer"].raw == state.answer.SerializeToString()
    assert world.view("00000000-0000-4000-8000-000000000000") == []


async def test_the_view_shows_what_others_asked_under_the_same_id(world, subject):
    """The records of an inquiry in another's name are in the view of its id, before there is an exchange of it and beside one."""
    call = world.ask(subject)
    with pytest.raises(grpc.aio.AioRpcError):
        await inquire(world, call, OTHER)
    assert _recorded(world, call) == [(OTHER, 1), (OTHER, 2)]
    await inquire(world, call)
    assert _recorded(world, call) == [(OTHER, 1), (OTHER, 2), (REQUESTER, 1), (REQUESTER, 2)]


def _recorded(world, call):
    """Requester and kind of each record in the view of a call's request id."""
    rows = [holding for holding in world.view(request_id_of(call)) if holding.where == "gateway/record"]
    kept = [pb.AccessRecord.FromString(value.raw) for row in rows for value in row.values if value.name == "record"]
    return [(one.requester, one.kind) for one in kept]


async def test_the_gateways_files_hold_no_resident_code_and_no_answer(world, subject):
    """After an exchange and a change of code no file of the gateway holds a resident code or a word of the answer."""
    await inquire(world, world.ask(subject))
    held = b"".join(path.read_bytes() for path in (world.state / "gateway").rglob("*") if path.is_file())
    assert subject.code in held, "the search reads what the gateway stores"
    for secret in (PERSON.encode(), PERSON.encode("utf-16-le"), int(PERSON).to_bytes(5, "big"), ANSWER_CANARY.encode()):
        assert secret not in held
