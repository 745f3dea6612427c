"""Whose keys the gateway relays, and to whom it gives codes."""

from __future__ import annotations

from contract.gateway_world import (
    OTHER,
    PERSON,
    WAIT,
    expected_code,
    gateway_entry,
    inquire,
    reason_of,
)
from unit.gateway.samples import REQUESTER

from warifu.authority import open_authority
from warifu.enrolment.v1 import enrolment_pb2
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.linkage.v1 import linkage_pb2


async def test_entries_are_relayed_as_their_owners_signed_them(world):
    """GetEntry returns the published bytes; a higher version replaces them, an equal or lower one is refused."""
    stub = world.directory(OTHER, "health_insurance")
    second = world.entry("health_insurance", OTHER, world.keys[OTHER], 2)
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=second), timeout=WAIT)
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=second), timeout=WAIT)
    got = await world.directory(REQUESTER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner=OTHER), timeout=WAIT
    )
    assert got.entry == second
    for version in (1, 2):
        lower = world.entry("health_insurance", OTHER, InstitutionKeys.generate(OTHER), version)
        call = stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=lower), timeout=WAIT)
        assert await reason_of(call) == Reason.CLIENT_DIRECTORY_VERSION_OLD


async def test_nobody_publishes_for_another(world):
    """An entry of another institution, one signed by another's certificate, and an altered one are refused."""
    stub = world.directory(OTHER, "health_insurance")
    own = world.entry("health_insurance", REQUESTER, world.keys[REQUESTER], 9)
    assert await reason_of(publish(stub, own)) == Reason.CLIENT_NOT_YOURS
    swapped = world.entry("health_insurance", OTHER, InstitutionKeys.generate(REQUESTER), 9)
    assert await reason_of(publish(stub, swapped)) == Reason.CLIENT_DIRECTORY_ENTRY_INVALID
    altered = world.entry("health_insurance", OTHER, world.keys[OTHER], 9)
    altered.signature = altered.signature[:-1] + bytes([altered.signature[-1] ^ 1])
    assert await reason_of(publish(stub, altered)) == Reason.CLIENT_DIRECTORY_ENTRY_INVALID


def publish(stub, entry):
    """A call to publish."""
    return stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=entry), timeout=WAIT)


async def test_an_unknown_owner_has_no_entry(world):
    """Who never published is CLIENT_DIRECTORY_ENTRY_UNKNOWN."""
    call = world.directory(OTHER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner="tax-999999"), timeout=WAIT
    )
    assert await reason_of(call) == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN


async def test_the_gateways_own_entry_outlives_restarts_and_follows_its_certificate(world):
    """A restart publishes nothing new; a new certificate raises the version and keeps the keys."""
    first = await gateway_entry(world)
    await world.restart("gateway")
    assert (await gateway_entry(world)).version == first.version
    pair = open_authority(world.state).issue_client("gateway", "main")
    folder = world.state / "gateway" / "identities" / "main"
    (folder / "key.pem").write_bytes(pair.key)
    (folder / "cert.pem").write_bytes(pair.certificate)
    await world.settle()
    renewed = await gateway_entry(world)
    assert (renewed.version, renewed.signing.key_id) == (first.version + 1, first.signing.key_id)
    assert renewed.serial != first.serial


async def test_an_inquiry_of_an_institution_without_keys_waits_for_them(world, subject):
    """A requester whose entry nobody has cannot be answered: it is told so, may try again, and nothing is left open."""
    call = world.ask(subject)
    world.in_store("DELETE FROM directory WHERE owner = :owner", owner=REQUESTER)
    assert await reason_of(inquire(world, call)) == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN
    assert await world.records() == []
    await world.publish("health_insurance", REQUESTER, world.keys[REQUESTER])
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_only_numbering_deposits_and_supersedes(world):
    """An institution that calls numbering's half is CLIENT_CALLER_NOT_ALLOWED, and numbering cannot claim."""
    mine = world.enrolment("health_insurance", REQUESTER)
    deposit = enrolment_pb2.DepositRequest(institution=REQUESTER)
    assert await reason_of(mine.Deposit(deposit, timeout=WAIT)) == Reason.CLIENT_CALLER_NOT_ALLOWED
    assert (
        await reason_of(mine.Supersede(enrolment_pb2.SupersedeRequest(), timeout=WAIT))
        == Reason.CLIENT_CALLER_NOT_ALLOWED
    )
    claim = world.enrolment("numbering", "main").Claim(enrolment_pb2.ClaimRequest(), timeout=WAIT)
    assert await reason_of(claim) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_another_institutions_claim_is_refused_like_an_unknown_one(world):
    """Who claims another's acquisition number learns nothing, and its owner can still claim it."""
    number = bytes(range(16))
    deposit = enrolment_pb2.Deposit(acquisition_number=number, resident_code=PERSON)
    await world.enrolment("numbering", "main").Deposit(
        enrolment_pb2.DepositRequest(institution=REQUESTER, deposits=[deposit]), timeout=WAIT
    )
    request = enrolment_pb2.ClaimRequest(acquisition_numbers=[number, bytes(16)])
    foreign = await world.enrolment("health_insurance", OTHER).Claim(request, timeout=WAIT)
    assert [result.refused for result in foreign.results] == [Reason.CLIENT_ACQUISITION_REFUSED] * 2
    own = await world.enrolment("health_insurance", REQUESTER).Claim(request, timeout=WAIT)
    assert own.results[0].subject == expected_code(world, REQUESTER)
    assert own.results[1].refused == Reason.CLIENT_ACQUISITION_REFUSED


async def test_a_deposit_for_an_institution_that_does_not_exist_is_refused(world):
    """Codes are derived for institutions of the register alone."""
    deposit = enrolment_pb2.Deposit(acquisition_number=bytes(16), resident_code=PERSON)
    request = enrolment_pb2.DepositRequest(institution="tax-999999", deposits=[deposit])
    call = world.enrolment("numbering", "main").Deposit(request, timeout=WAIT)
    assert await reason_of(call) == Reason.CLIENT_INSTITUTION_UNKNOWN
