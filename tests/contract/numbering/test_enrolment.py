"""Enrolment at the numbering body, with the real gateway to claim the codes from; changes of number and code."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from contract.numbering_desk import by_items, claim, enrol, match
from tiny import reason_of
from town import CITY, NHI, TAX, Town, person

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.gateway import party as gateway
from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbers import individual_number


async def test_enrolment_reaches_the_gateway(network: Town) -> None:
    """By items and by number a person is enrolled, and the institution claims the same code for both."""
    (number,) = await network.people([person()])
    first, second = os.urandom(16), os.urandom(16)
    requests = [
        by_items(person(), first),
        pb.EnrolRequest(institution=TAX, acquisition_number=second, individual_number=number),
    ]
    assert not any(response.HasField("error") for response in await enrol(network, requests))
    stub = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    results = (await stub.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[first, second]))).results
    assert results[0].subject == results[1].subject
    assert results[0].HasField("subject")


async def test_an_acquisition_number_serves_its_institution_alone(network: Town) -> None:
    """Another institution claims nothing with it, an unknown one claims nothing, and both look alike."""
    await network.people([person()])
    number = os.urandom(16)
    await enrol(network, [by_items(person(), number)])
    refusals = {await claim(network, number, NHI), await claim(network, os.urandom(16), NHI)}
    assert refusals == {Reason.CLIENT_ACQUISITION_REFUSED}
    assert await claim(network, number) == ""


async def test_an_acquisition_number_means_one_person(network: Town) -> None:
    """The same number for another person is refused, in one batch and later, and spoils no other enrolment of its batch."""
    await network.people([person(0), person(1), person(2)])
    number = os.urandom(16)
    batch = [by_items(person(2)), by_items(person(0), number), by_items(person(1), number), by_items(person(0), number)]
    reasons = [response.error.reason for response in await enrol(network, batch)]
    assert reasons == ["", "", Reason.CLIENT_ACQUISITION_CHANGED, ""]
    (later,) = await enrol(network, [by_items(person(1), number)])
    assert later.error.reason == Reason.CLIENT_ACQUISITION_CHANGED


async def test_a_bad_item_harms_no_other(network: Town) -> None:
    """In a stream with bad items every response stands at its place, and the good ones are enrolled."""
    await network.people([person(0), person(1), person(1)])
    requests = [
        by_items(person(0)),
        pb.EnrolRequest(institution=TAX, acquisition_number=b"short", basic_items=person(0)),
        pb.EnrolRequest(institution=TAX, acquisition_number=os.urandom(16)),
        by_items(person(5)),
        by_items(person(1)),
        by_items(person(0)),
    ]
    responses = await enrol(network, requests)
    assert [response.acquisition_number for response in responses] == [r.acquisition_number for r in requests]
    assert [response.error.reason for response in responses] == [
        "",
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_PERSON_NOT_MATCHED,
        Reason.CLIENT_PERSON_AMBIGUOUS,
        "",
    ]


async def test_a_mover_is_enrolled_by_whoever_has_not_heard(network: Town) -> None:
    """After a move the new items and the ones before enrol the same person, but only the new ones match a number or a look-up."""
    (number,) = await network.people([person()])
    after = person(address="白汐市浜通一丁目2番3号")
    register = network.register("residency", CITY)
    change = pb.NoteChangeRequest(institution=CITY, before=person(), after=after)
    for _again in range(2):
        await register.NoteChange(change)
    assert not any(r.HasField("error") for r in await enrol(network, [by_items(person()), by_items(after)]))
    stub = network.numbering("tax", TAX)
    assert [(await stub.Match(match(number, items))).matched for items in (person(), after)] == [False, True]
    assert (await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=person()))).matches == 0
    other = pb.NoteChangeRequest(institution=CITY, before=person(), after=person(3))
    assert await reason_of(register.NoteChange(other), "numbering") == Reason.CLIENT_PERSON_NOT_MATCHED


async def test_a_changed_number_touches_no_code(network: Town) -> None:
    """After a leak the old number is refused with a reason, the new one matches, and codes are claimed as before."""
    (old,) = await network.people([person()])
    before = os.urandom(16)
    await enrol(network, [by_items(person(), before)])
    register = network.register("residency", CITY)
    request = pb.ChangeIndividualNumberRequest(
        institution=CITY, individual_number=old, basic_items=person(), reason="封筒の紛失 <script>alert(1)</script>"
    )
    new = (await register.ChangeIndividualNumber(request)).individual_number
    assert individual_number.check(new) != old
    stub = network.numbering("tax", TAX)
    assert (await stub.Match(match(new, person()))).matched
    assert await reason_of(stub.Match(match(old, person())), "numbering") == Reason.CLIENT_NUMBER_RETIRED
    assert not (await stub.Match(match(old, person(1)))).matched
    assert await reason_of(register.ChangeIndividualNumber(request), "numbering") == Reason.CLIENT_NUMBER_RETIRED
    retired = pb.EnrolRequest(institution=TAX, acquisition_number=os.urandom(16), individual_number=old)
    after = os.urandom(16)
    first, second = await enrol(network, [retired, by_items(person(), after)])
    assert (first.error.reason, second.error.reason) == (Reason.CLIENT_NUMBER_RETIRED, "")
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    results = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[before, after]))).results
    assert results[0].subject == results[1].subject
    with closing(sqlite3.connect(network.state / "numbering" / "numbering.db")) as store, store:
        reasons = [row[0] for row in store.execute("SELECT reason FROM individual_number WHERE reason IS NOT NULL")]
    assert reasons == ["封筒の紛失 <script>alert(1)</script>"]


async def test_a_number_can_be_changed_nine_times(network: Town) -> None:
    """Each change gives another number; the tenth is refused."""
    (number,) = await network.people([person()])
    register, seen = network.register("residency", CITY), {number}
    for _ in range(9):
        request = pb.ChangeIndividualNumberRequest(
            institution=CITY, individual_number=number, basic_items=person(), reason="漏えい"
        )
        number = (await register.ChangeIndividualNumber(request)).individual_number
        seen.add(number)
    assert len(seen) == 10
    request.individual_number = number
    assert await reason_of(register.ChangeIndividualNumber(request), "numbering") == Reason.CLIENT_MALFORMED


async def test_a_changed_resident_code_supersedes_codes_and_keeps_the_number(network: Town) -> None:
    """The gateway lists the old code as superseded, a new claim gives another code, and the individual number still matches."""
    (number,) = await network.people([person()])
    first, second = os.urandom(16), os.urandom(16)
    await enrol(network, [by_items(person(), first)])
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    old = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[first]))).results[0].subject
    request = pb.ChangeResidentCodeRequest(institution=CITY, basic_items=person())
    await network.register("residency", CITY).ChangeResidentCode(request)
    assert list((await gate.ListSuperseded(enrolment_pb2.ListSupersededRequest())).subjects) == [old]
    await enrol(network, [by_items(person(), second)])
    new = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[second]))).results[0].subject
    assert new.SerializeToString() not in {b"", old.SerializeToString()}
    assert (await network.numbering("tax", TAX).Match(match(number, person()))).matched


async def test_a_change_of_code_outlives_an_absent_gateway(tmp_path: Path) -> None:
    """While the gateway is away the change is made and owed; once it is back, the job tells it."""
    made = Town.make(tmp_path)
    async with made.serve("numbering", numbering.build) as running:
        await made.people([person()])
        request = pb.ChangeResidentCodeRequest(institution=CITY, basic_items=person())
        await made.register("residency", CITY).ChangeResidentCode(request)
        with closing(sqlite3.connect(tmp_path / "numbering" / "numbering.db")) as store, store:
            assert store.execute("SELECT count(*) FROM code_change WHERE told_at IS NULL").fetchone() == (1,)
        del running
    async with made.serve("gateway", gateway.build), made.serve("numbering", numbering.build) as running:
        await running.jobs.settle()
        with closing(sqlite3.connect(tmp_path / "numbering" / "numbering.db")) as store, store:
            assert store.execute("SELECT count(*) FROM code_change WHERE told_at IS NULL").fetchone() == (0,)
        with closing(sqlite3.connect(tmp_path / "gateway" / "gateway.db")) as store, store:
            assert store.execute("SELECT count(*) FROM superseded").fetchone() == (1,)
    await made.close()
