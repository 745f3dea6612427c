"""Who is bound to which addressee number, how that ends, and whose keys stand in the directory."""

from __future__ import annotations

from datetime import timedelta

import pytest
from contract.interim_world import (
    NHI,
    NOT_REGISTERED,
    PROVIDED,
    SEED,
    TAX,
    WAIT,
    World,
    count,
    reason_of,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from town import code_of

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.own_entry import OtherEntryError
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.schema import ENROLMENTS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.numbering.keys import simulated
from warifu.numbers import individual_number


async def test_enrolment_binds_one_person_to_one_number(world: World) -> None:
    """Enrolling again has no effect; another person under the number, and the person under another number, are refused as what they are (PROTO-2.7)."""
    assert not (await world.enrol(NHI, "1", 0)).HasField("error")
    assert (await world.enrol(NHI, "1", 1)).error.reason == Reason.CLIENT_ALREADY_BOUND
    assert (await world.enrol(NHI, "2", 0)).error.reason == Reason.CLIENT_ALREADY_ENROLLED
    assert count(world, NHI, ENROLMENTS) == 0
    nobody = pb.EnrolRequest(institution=NHI, addressee_no="3")
    (response,) = await world.interim(NHI).enrol([nobody])
    assert response.error.reason == Reason.CLIENT_MALFORMED


async def test_a_number_typed_at_enrolment_is_kept_nowhere(world: World) -> None:
    """The individual number goes to numbering alone: no file of the agency holds it afterwards, nor the acquisition number."""
    typed = await _number_of(world, 2)
    request = pb.EnrolRequest(institution=NHI, addressee_no="5", individual_number=typed)
    (response,) = await world.interim(NHI).enrol([request])
    assert not response.HasField("error"), response
    await world.interim(NHI).ground.store.truncate_log()
    files = [path for path in (world.state / "health_insurance").rglob("*") if path.is_file()]
    assert any(path.name == f"{NHI}.interim.db" for path in files)
    assert not [path for path in files if typed.encode() in path.read_bytes()]
    assert count(world, NHI, ENROLMENTS) == 0


async def _number_of(world: World, index: int) -> str:
    return individual_number.derive(simulated(SEED, "numbers"), code_of(index), 0)


async def test_enrolment_without_numbering_can_be_repeated(world: World) -> None:
    """While numbering is down an enrolment fails as retryable, the addressee is on the list, and a repeat succeeds."""
    await world.down("numbering")
    response = await world.enrol(NHI, "2", 1)
    assert response.error.retryable
    unbound = await world.interim(NHI).list_unbound(pb.ListUnboundRequest(institution=NHI))
    assert list(unbound.addressee_nos) == ["2"]
    await world.up("numbering")
    assert not (await world.enrol(NHI, "2", 1)).HasField("error")


async def test_an_unbound_person_is_found_no_more(world: World) -> None:
    """After unbinding a mislink the provider finds nobody by the code, the asker cannot ask, and enrolling again mends it (PROTO-2.11)."""
    unbind = pb.UnbindRequest(institution=TAX, addressee_no="1", reason="誤った紐付け")
    await world.interim(TAX).unbind(unbind)
    assert (await world.ask(world.question())).fine_outcome == NOT_REGISTERED
    assert await reason_of(world.interim(TAX).unbind(unbind)) == Reason.CLIENT_NOT_ENROLLED
    await world.enrol(TAX, "1")
    assert (await world.ask(world.question())).fine_outcome == PROVIDED
    await world.interim(NHI).unbind(pb.UnbindRequest(institution=NHI, addressee_no="1", reason="x"))
    assert await reason_of(world.interim(NHI).inquire(world.question())) == Reason.CLIENT_NOT_ENROLLED


async def test_a_superseded_code_is_unbound_on_both_sides(world: World) -> None:
    """After a change of resident code the next inquiry is denied and unbinds the asker's code; the provider learns by asking (PROTO-2.9, PROTO-2.10)."""
    await world.ask(world.question())
    for party in ("health_insurance", "tax"):
        await world.running[party].jobs.stop()  # so that the denial itself is seen to unbind
    numbering = enrolment_pb2_grpc.EnrolmentServiceStub(world.channel("gateway", "numbering", "main"))
    change = enrolment_pb2.SupersedeRequest(old_resident_code=code_of(0), new_resident_code=code_of(50))
    await numbering.Supersede(change, timeout=WAIT)
    state = await world.ask(world.question())
    assert (state.outcome, state.denial.reason) == (ex.OUTCOME_DENIED, Reason.CLIENT_CODE_SUPERSEDED)
    assert await _unbound(world, NHI) == ["1"]
    assert await _unbound(world, TAX) == []
    await world.settle()
    for code in (NHI, TAX):
        assert await _unbound(world, code) == ["1"]
        assert world.interim(code).ground.mark("superseded") > 0
        assert len(await world.records(code)) >= 2
    assert await reason_of(world.interim(NHI).inquire(world.question())) == Reason.CLIENT_NOT_ENROLLED


async def _unbound(world: World, code: str) -> list[str]:
    response = await world.interim(code).list_unbound(pb.ListUnboundRequest(institution=code))
    return list(response.addressee_nos)


async def test_another_entry_under_the_own_name_raises_the_alarm(world: World) -> None:
    """When the relay shows another entry than ours, the health check of the directory fails; what was lost is published anew (PROTO-11.5)."""
    interim = world.interim(TAX)
    interim.checks["directory"]()
    ground = interim.ground
    folder = world.state / "tax" / "identities" / TAX
    certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    now = world.clock.machine()
    other = make_entry(InstitutionKeys.generate(TAX), 2**50, (now, now + timedelta(days=1)), certificate, key)
    stub = linkage_pb2_grpc.DirectoryServiceStub(world.channel("gateway", "tax", TAX))
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=other), timeout=WAIT)
    world.clock.offset = timedelta(seconds=61)
    await interim.jobs["directory"]()
    with pytest.raises(OtherEntryError):
        interim.checks["directory"]()
    assert ground.institution == TAX
