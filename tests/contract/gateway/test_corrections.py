"""Corrections over the wire: who may make one, that nothing is edited, and where it goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contract.gateway_world import OTHER, PERSON, REQUESTER, WAIT, expected_code, inquire, reason_of, request_id_of
from unit.gateway.samples import PROVIDER

from warifu.exchange import event as events
from warifu.exchange import receipt
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.limits import CORRECTIONS, FREE_TEXT
from warifu.linkage.v1 import correction_pb2, correction_pb2_grpc, linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2, log_pb2_grpc

SAID = "手続の記載が誤りで、正しくは資格の確認です。"


def faces(world, code=REQUESTER, party="health_insurance"):
    """The gateway's correction face for an institution."""
    return correction_pb2_grpc.CorrectionServiceStub(world.channel(party, code))


def correct(world, request_id, statement=SAID, code=REQUESTER, party="health_insurance"):
    """Enter a correction."""
    call = correction_pb2.CorrectRequest(request_id=request_id, statement=statement)
    return faces(world, code, party).Correct(call, timeout=WAIT)


async def entered(world):
    """Every correction that the supervisor sees, with its place in the log."""
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main"))
    listed = (await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)).records
    read = [(events.check(one.event), one.leaf_index) for one in listed if one.HasField("event")]
    return [(event, leaf) for event, leaf in read if event.HasField("correction")]


async def asked(world, subject, **changes):
    """The request id of an exchange that came to its end."""
    call = world.ask(subject, **changes)
    await inquire(world, call)
    return request_id_of(call)


async def test_a_correction_is_an_entry_and_the_records_stay(world, subject):
    """The institution's words stand in the log as an event of its own; the exchange's records are bit by bit what they were."""
    request_id = await asked(world, subject)
    await world.settle()
    before = await world.records()
    await correct(world, request_id)
    await world.settle()
    ((event, leaf),) = await entered(world)
    said = event.correction
    assert (said.request_id, said.institution, said.statement) == (request_id, REQUESTER, SAID)
    assert event.at.ToDatetime(world.clock.network().tzinfo) == world.clock.network()
    assert leaf > 2
    assert await world.records() == before


async def test_the_receipt_is_the_gateway_s_word_for_the_entry(world, subject):
    """The answer holds a receipt, signed by the gateway, for the commitment that the log then has."""
    given = (await correct(world, await asked(world, subject))).receipt
    receipt.check(given, world.provider.gateway.verifying_key)
    await world.settle()
    ((event, _),) = await entered(world)
    assert given.exchange_time == event.at
    found = await world_log(world).FindLeaves(log_pb2.FindLeavesRequest(commitments=[given.commitment]), timeout=WAIT)
    assert found.leaves[0].HasField("index")


def world_log(world):
    """The log's face."""
    return log_pb2_grpc.LogServiceStub(world.channel("health_insurance", REQUESTER))


async def test_the_same_again_is_the_same_entry(world, subject):
    """A retry gives the same commitment and makes no second entry; other words make another."""
    request_id = await asked(world, subject)
    first, again = await correct(world, request_id), await correct(world, request_id, f" {SAID} ")
    assert first.receipt.commitment == again.receipt.commitment
    assert (await correct(world, request_id, "もう一つ")).receipt.commitment != first.receipt.commitment
    await correct(world, request_id, code=PROVIDER, party="tax")
    await world.settle()
    said = [(event.correction.institution, event.correction.statement) for event, _ in await entered(world)]
    assert said == [(REQUESTER, SAID), (REQUESTER, "もう一つ"), (PROVIDER, SAID)]


async def test_only_who_took_part_may_correct(world, subject):
    """For an institution that took no part, the exchange is as unknown as one that never was; a refused inquiry's provider took none."""
    request_id = await asked(world, subject)
    denied = await asked(world, subject, item="TM99999999999999")
    assert await reason_of(correct(world, request_id, code=OTHER)) == Reason.CLIENT_REQUEST_UNKNOWN
    assert await reason_of(correct(world, "no-such-exchange")) == Reason.CLIENT_REQUEST_UNKNOWN
    assert await reason_of(correct(world, denied, code=PROVIDER, party="tax")) == Reason.CLIENT_REQUEST_UNKNOWN
    await correct(world, denied)
    await world.settle()
    assert len(await entered(world)) == 1


async def test_an_exchange_must_have_come_to_its_end(world, subject):
    """What waits for a clerk is not corrected yet; afterwards it is."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    request_id = await asked(world, subject)
    assert await reason_of(correct(world, request_id)) == Reason.CLIENT_EXCHANGE_OPEN
    world.clock.set(world.clock.network() + timedelta(days=31), stopped=True)
    await world.settle()
    await correct(world, request_id)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("", Reason.CLIENT_MALFORMED),
        ("  ", Reason.CLIENT_MALFORMED),
        ("誤り\nです", Reason.CLIENT_MALFORMED),
        ("あ" * (FREE_TEXT + 1), Reason.CLIENT_TOO_LARGE),
    ],
)
async def test_a_statement_has_bounds(world, subject, statement, reason):
    """An empty statement, one with control characters and one that is too long are refused, and nothing is entered."""
    request_id = await asked(world, subject)
    assert await reason_of(correct(world, request_id, statement)) == reason
    await world.settle()
    assert not await entered(world)


async def test_an_exchange_takes_so_many_corrections(world, subject):
    """The one after the last is refused by name, and those before stay."""
    request_id = await asked(world, subject)
    for number in range(CORRECTIONS):
        await correct(world, request_id, f"訂正 {number}")
    assert await reason_of(correct(world, request_id, "もう一つ")) == Reason.CLIENT_TOO_MANY_ITEMS
    await world.settle()
    assert len(await entered(world)) == CORRECTIONS


async def test_the_portal_hears_of_it_with_the_exchange(world, subject):
    """The exchange is delivered again with its correction and the place of that in the log, under the portal's own code."""
    request_id = await asked(world, subject)
    await world.settle()
    await correct(world, request_id)
    await world.settle()
    (first_id, first), (again_id, again) = world.portal.received
    assert first_id == again_id == request_id
    assert not first.corrections
    (told,) = again.corrections
    committed = log_pb2.CommittedEvent.FromString(told.event)
    ((event, leaf),) = await entered(world)
    assert (events.check(committed), told.leaf) == (event, leaf)
    assert (first.request, first.outcome, first.subject) == (again.request, again.outcome, again.subject)
    assert pb.SubjectReference.FromString(again.subject) == expected_code(world, "portal-main", PERSON)


async def test_a_correction_made_while_the_exchange_is_on_its_way_is_not_lost(world, subject):
    """A correction that comes between a delivery and its acknowledgement is delivered afterwards."""
    request_id = await asked(world, subject)
    deliver = world.portal.Deliver

    async def interrupted(request, context):
        answer = await deliver(request, context)
        world.portal.Deliver = deliver
        await correct(world, request_id)
        return answer

    world.portal.Deliver = interrupted
    world.portal.acknowledges = True
    await world.down("portal")
    await world.up("portal")
    await world.settle()
    await world.settle()
    assert [len(shown.corrections) for _, shown in world.portal.received] == [0, 1]


async def test_a_correction_of_what_is_withheld_never_leaves(world, subject):
    """Neither of a withheld exchange, nor of a refused inquiry about nobody, does the portal hear anything."""
    hidden = await asked(world, subject, non_disclosure=True)
    nobody = await asked(world, pb.SubjectReference(code=bytes(64)))
    await correct(world, hidden)
    await correct(world, nobody)
    assert (await world.settle())["outbox"] == 0
    assert not world.portal.received
    assert len(await entered(world)) == 2


async def test_institutions_are_listed_no_corrections(world, subject):
    """An institution's list of records is what it was: events are for the supervisor."""
    request_id = await asked(world, subject)
    await correct(world, request_id)
    await world.settle()
    assert [record.kind for record in await world.records()] == [1, 2]


async def test_a_correction_goes_with_its_exchange(world, subject):
    """After seven years its contents are gone with the records', and its leaf is among those that the erasure names."""
    request_id = await asked(world, subject)
    await correct(world, request_id)
    await world.settle()
    assert [holding.where for holding in world.view(request_id)].count("gateway/correction") == 1
    world.clock.set(world.clock.network() + timedelta(days=365 * 7 + 62), stopped=True)
    await world.settle()
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main"))
    listed = (await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)).records
    bare = [one.leaf_index for one in listed if not one.HasField("record") and not one.HasField("event")]
    told = [events.check(one.event).erased for one in listed if one.HasField("event")]
    (erased,) = [one for one in told if one.records]
    assert erased.records == 3
    assert [index for run in erased.leaves for index in range(run.first, run.first + run.count)] == bare
    assert not world.view(request_id)
    assert await reason_of(correct(world, request_id)) == Reason.CLIENT_REQUEST_UNKNOWN
