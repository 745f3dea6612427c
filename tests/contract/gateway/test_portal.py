"""What the gateway delivers to the portal, and what never leaves for it."""

from __future__ import annotations

from contract.gateway_world import (
    PERSON,
    PORTAL,
    WAIT,
    expected_code,
    inquire,
    request_id_of,
)

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2


async def test_a_final_exchange_reaches_the_portal_under_its_own_code(world, subject):
    """The portal opens both records and knows the person by its own code, which no agency's code resembles."""
    call = world.ask(subject)
    await inquire(world, call)
    await world.settle()
    ((request_id, shown),) = world.portal.received
    assert request_id == request_id_of(call)
    assert pb.SubjectReference.FromString(shown.subject) == expected_code(world, PORTAL)
    kinds = [
        pb.AccessRecord.FromString(pb.CommittedRecord.FromString(part).record)
        for part in (shown.request, shown.outcome)
    ]
    assert kinds == await world.records()
    assert world.view(request_id)[-1].where != "gateway/outbox"


async def test_what_the_portal_missed_is_delivered_when_it_is_back(world, subject):
    """A portal that is down loses nothing: all exchanges arrive afterwards, in their order, once each."""
    await world.down("portal")
    calls = [world.ask(subject) for _ in range(3)]
    for call in calls:
        await inquire(world, call)
    assert (await world.settle())["outbox"] == 0
    await world.restart("gateway")
    await world.up("portal")
    await world.settle()
    assert [request_id for request_id, _ in world.portal.received] == [request_id_of(call) for call in calls]


async def test_what_is_not_acknowledged_is_delivered_again(world, subject):
    """Only the portal's word that a record is durable takes it out of the outbox."""
    world.portal.acknowledges = False
    call = world.ask(subject)
    await inquire(world, call)
    await world.settle()
    assert world.portal.received
    world.portal.acknowledges = True
    world.portal.received.clear()
    await world.settle()
    assert [request_id for request_id, _ in world.portal.received] == [request_id_of(call)]
    world.portal.received.clear()
    await world.settle()
    assert not world.portal.received


async def test_a_citizens_own_request_is_an_exchange_like_any_other(world):
    """The portal asks under its own code for the person, is answered, and finds the exchange among what it shows."""
    own = await world.code(PORTAL, "portal", PERSON)
    row = (
        await world.linkage(PORTAL, "portal").ListPermissions(linkage_pb2.ListPermissionsRequest(), timeout=WAIT)
    ).rows
    mine = next(one for one in row if one.provider_role == "tax")
    consent = pb.Consent(given_on="2026-06-01", reference="login") if mine.consent_required else None
    call = world.ask(
        own, requester=PORTAL, affair=mine.affair, procedure=mine.procedure, item=mine.item, consent=consent
    )
    state = (await world.linkage(PORTAL, "portal").Inquire(call, timeout=WAIT)).exchange
    assert world.open(call, state).outcome == pb.FINE_OUTCOME_PROVIDED
    await world.settle()
    ((request_id, shown),) = world.portal.received
    assert (request_id, pb.SubjectReference.FromString(shown.subject)) == (request_id_of(call), own)


async def test_a_withheld_exchange_never_leaves_for_the_portal(world, subject):
    """Neither the requester's wish nor the provider's, nor a refused inquiry with that wish, puts anything into the outbox."""
    await inquire(world, world.ask(subject, non_disclosure=True))
    await inquire(world, world.ask(subject, non_disclosure=True, item="TM99999999999999"))
    world.provider.non_disclosure = True
    await inquire(world, world.ask(subject))
    assert (await world.settle())["outbox"] == 0
    assert not world.portal.received
    flags = [(record.kind, record.non_disclosure) for record in await world.records()]
    assert flags == [(1, True), (2, True), (1, True), (2, True), (1, False), (2, True)]


async def test_a_refused_inquiry_is_shown_too(world, subject):
    """A citizen sees who asked in vain: a refusal with a valid code is delivered, with the reason in its record."""
    await inquire(world, world.ask(subject, item="TM99999999999999"))
    await world.settle()
    ((_, shown),) = world.portal.received
    outcome = pb.AccessRecord.FromString(pb.CommittedRecord.FromString(shown.outcome).record)
    assert (outcome.outcome, outcome.reason) == (pb.OUTCOME_DENIED, "CLIENT_ITEM_NOT_PERMITTED")
