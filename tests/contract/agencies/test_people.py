"""People at the counters: visitors, births, moves, deaths, new numbers and codes, and those whom the numbering body does not know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from contract.agency_desk import (
    REAL_LOOKING,
    acquaint,
    copies,
    desk,
    held,
    interim,
    record,
    residency,
    tax,
)
from tiny import error_of, reason_of
from town import CITY, INSURER, NHI, OTHER_CITY, TAX, Town, person

from warifu.agencies import party as agencies
from warifu.agency.v1 import agency_pb2 as pb
from warifu.gateway import party as gateway
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2


async def test_a_visitor_is_identified_by_number_and_document(network: Town) -> None:
    """Number and document make somebody known once; a document alone is enough when it is unique; the addressee is found again."""
    first, _ = await network.people([person(0), person(1)])
    stub = desk(network, INSURER)
    visit = pb.ReceiveVisitorRequest(
        institution=INSURER, individual_number=first, basic_items=person(0), clerk="c-0001"
    )
    answers = [await stub.ReceiveVisitor(visit) for _ in range(2)]
    assert [answer.created for answer in answers] == [True, False]
    assert answers[0].addressee_no == answers[1].addressee_no
    assert answers[0].registered == person(0)
    alone = pb.ReceiveVisitorRequest(institution=INSURER, basic_items=person(1), clerk="c-0001")
    assert (await stub.ReceiveVisitor(alone)).created
    unbound = await interim(network, INSURER).ListUnbound(interim_pb2.ListUnboundRequest(institution=INSURER))
    assert not unbound.addressee_nos


async def test_a_typed_number_stays_nowhere(network: Town) -> None:
    """After visits, right and wrong, no file of the agency holds a typed number in any spelling."""
    (number,) = await network.people([person()])
    stub = desk(network, INSURER)
    visit = pb.ReceiveVisitorRequest(
        institution=INSURER, individual_number=number, basic_items=person(), clerk="c-0001"
    )
    await stub.ReceiveVisitor(visit)
    visit.individual_number = REAL_LOOKING
    error = await error_of(stub.ReceiveVisitor(visit), "health_insurance")
    assert error.reason == Reason.CLIENT_NUMBER_NOT_SYNTHETIC
    files = held(network, "health_insurance")
    for typed in (number, REAL_LOOKING):
        assert typed.encode() not in files
        assert typed.encode("utf-16-le") not in files
    assert person().name.encode() in files


async def test_a_visitor_who_cannot_be_identified(network: Town) -> None:
    """A number alone, too few items, somebody else's number, a stranger and one of two look-alikes are each refused by its reason."""
    (own, *_) = await network.people([person(0), person(1), person(2), person(2)])
    visits = [
        (own, None, Reason.CLIENT_NUMBER_ALONE),
        (own, person(0, address=""), Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS),
        (own, person(1), Reason.CLIENT_PERSON_NOT_MATCHED),
        (None, person(9), Reason.CLIENT_PERSON_NOT_MATCHED),
        (None, person(2), Reason.CLIENT_PERSON_AMBIGUOUS),
        ("999000000000", person(0), Reason.CLIENT_NUMBER_CHECK_DIGIT),
    ]
    for number, items, reason in visits:
        visit = pb.ReceiveVisitorRequest(
            institution=INSURER, individual_number=number, basic_items=items, clerk="c-0001"
        )
        assert await reason_of(desk(network, INSURER).ReceiveVisitor(visit), "health_insurance") == reason


async def test_look_alikes_are_told_apart_by_number(network: Town) -> None:
    """Of two people with the same four items, the one whose number was shown is enrolled."""
    first, _second = await network.people([person(0), person(0)])
    visit = pb.ReceiveVisitorRequest(
        institution=INSURER, individual_number=first, basic_items=person(0), clerk="c-0001"
    )
    assert (await desk(network, INSURER).ReceiveVisitor(visit)).created


async def test_a_birth_reaches_the_numbering_body(network: Town) -> None:
    """A newborn is registered with the numbering body by residency, enrolled, and enrollable everywhere."""
    (answer,) = await record(
        network, CITY, [pb.RecordRequest(reference="b", basic_items=person(), change=residency("出生", "2026-04-02"))]
    )
    assert not answer.HasField("error"), answer
    (known,) = await record(network, NHI, [acquaint(person(), "n")])
    assert not known.HasField("error")


async def test_an_arrival_from_abroad_is_registered(network: Town) -> None:
    """Who moves in from abroad is registered, who moves in from a municipality must be known already."""
    requests = [
        pb.RecordRequest(
            reference="a", basic_items=person(0), change=residency("転入", "2026-04-02", previous_municipality="99999")
        ),
        pb.RecordRequest(
            reference="b", basic_items=person(1), change=residency("転入", "2026-04-02", previous_municipality="490016")
        ),
    ]
    answers = await record(network, CITY, requests)
    assert [answer.error.reason for answer in answers] == ["", Reason.CLIENT_PERSON_NOT_MATCHED]


async def test_a_move_is_told_and_everyone_still_finds_the_person(network: Town) -> None:
    """The new city tells the new address; number checks take it at once; offices with the old address still find and enrol."""
    (number,) = await network.people([person()])
    after = person(address="白汐市浜通5番地")
    await record(
        network,
        OTHER_CITY,
        [pb.RecordRequest(reference="o", basic_items=person(), change=residency("転入", "2020-04-01"))],
    )
    out = residency(
        "転出", "2026-04-02", forwarding_municipality="480011", removed_on="2026-04-02", resident_since="2020-04-01"
    )
    moved_out = await record(network, OTHER_CITY, [pb.RecordRequest(reference="p", basic_items=person(), change=out)])
    moved_in = await record(
        network,
        CITY,
        [pb.RecordRequest(reference="q", basic_items=person(), change=residency("転入", "2026-04-02", after))],
    )
    assert [answer.error.reason for answer in (*moved_out, *moved_in)] == ["", ""]
    stub = network.numbering("tax", TAX)
    match = numbering_pb2.MatchRequest(institution=TAX, individual_number=number, basic_items=after)
    assert (await stub.Match(match)).matched
    for items in (person(), after):
        found = await desk(network, CITY).FindSubject(pb.FindSubjectRequest(institution=CITY, basic_items=items))
        assert found.addressee_no == moved_in[0].addressee_no
    (late,) = await record(network, TAX, [acquaint(person(), "t")])
    assert not late.HasField("error")
    (copy,) = copies(network, OTHER_CITY)
    assert (copy["first_day"], copy["last_day"]) == ("2020-04-01", "2026-04-01")


async def test_many_are_found_at_once(network: Town) -> None:
    """Many people are found in one call, in the order asked: who is known, who is not, and whose four items are not whole."""
    await network.people([person(0)])
    (known,) = await record(
        network,
        CITY,
        [pb.RecordRequest(reference="r", basic_items=person(0), change=residency("転入", "2020-04-01"))],
    )
    nobody = person(1)
    half = person(0)
    half.ClearField("birth_date")
    request = pb.FindSubjectsRequest(institution=CITY, people=[nobody, person(0), half, person(0)])
    results = (await desk(network, CITY).FindSubjects(request)).results
    assert [one.addressee_no for one in results] == ["", known.addressee_no, "", known.addressee_no]
    assert [one.error.reason for one in results] == ["", "", Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS, ""]


async def test_a_death_is_told(network: Town) -> None:
    """A death recorded by residency is noted by the numbering body on its day."""
    await network.people([person()])
    change = residency(
        "死亡", "2026-04-01", removed_on="2026-04-01", removed_reason="死亡", resident_since="2000-01-01"
    )
    (answer,) = await record(network, CITY, [pb.RecordRequest(reference="d", basic_items=person(), change=change)])
    assert not answer.HasField("error"), answer
    with closing(sqlite3.connect(network.state / "numbering" / "numbering.db")) as store, store:
        assert store.execute("SELECT died_on FROM person").fetchone() == ("2026-04-01",)


async def test_numbers_are_changed_at_residencys_counter_alone(network: Town) -> None:
    """Residency passes a leaked number on and returns the new one, keeping neither; another kind refuses."""
    (old,) = await network.people([person()])
    (known,) = await record(network, CITY, [acquaint(person(), "a")])
    request = pb.ChangeIndividualNumberRequest(
        institution=CITY, addressee_no=known.addressee_no, individual_number=old, reason="scam call"
    )
    new = (await desk(network, CITY).ChangeIndividualNumber(request)).individual_number
    assert new != old
    files = held(network, "residency")
    assert old.encode() not in files
    assert new.encode() not in files
    (elsewhere,) = await record(network, TAX, [acquaint(person(), "a")])
    request = pb.ChangeIndividualNumberRequest(
        institution=TAX, addressee_no=elsewhere.addressee_no, individual_number=new, reason="scam call"
    )
    assert await reason_of(desk(network, TAX).ChangeIndividualNumber(request), "tax") == Reason.CLIENT_CHANGE_NOT_KEPT


async def test_after_a_change_of_resident_code_everyone_enrols_anew(network: Town) -> None:
    """The jobs of interim server and business system find the superseded code and obtain the new one without a clerk."""
    await network.people([person()])
    (known,) = await record(network, CITY, [acquaint(person(), "a")])
    await record(network, TAX, [acquaint(person(), "a")])

    def code() -> bytes:
        with closing(sqlite3.connect(network.state / "tax" / f"{TAX}.interim.db")) as store, store:
            return store.execute("SELECT subject FROM addressees").fetchone()[0]

    before = code()
    await desk(network, CITY).ChangeResidentCode(
        pb.ChangeResidentCodeRequest(institution=CITY, addressee_no=known.addressee_no)
    )
    for _ in range(2):
        await network.running["tax"].jobs.settle()
    assert code() not in {before, None}


async def test_an_unbound_addressee_is_enrolled_again(network: Town) -> None:
    """After an unbinding the business system enrols by the items that it holds."""
    await network.people([person()])
    (known,) = await record(network, TAX, [acquaint(person(), "a")])
    unbind = interim_pb2.UnbindRequest(institution=TAX, addressee_no=known.addressee_no, reason="mislink")
    await interim(network, TAX).Unbind(unbind)
    await network.running["tax"].jobs.settle()
    unbound = await interim(network, TAX).ListUnbound(interim_pb2.ListUnboundRequest(institution=TAX))
    assert not unbound.addressee_nos


async def test_what_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    """While numbering is away a change is kept and answered as retryable; once it is back, jobs enrol and nothing is lost."""
    made = Town.make(tmp_path)
    request = pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 3))
    async with made.serve("gateway", gateway.build):
        async with made.serve("numbering", numbering.build):
            await made.people([person()])
        async with made.serve("tax", agencies.build):
            (answer,) = await record(made, TAX, [request])
            assert answer.error.retryable
            assert answer.addressee_no
            assert len(copies(made, TAX)) == 1
        async with made.serve("numbering", numbering.build), made.serve("tax", agencies.build):
            await made.running["tax"].jobs.settle()
            (again,) = await record(made, TAX, [request])
            assert (again.addressee_no, again.error.reason) == (answer.addressee_no, "")
    await made.close()


async def test_a_stranger_is_kept_but_said_to_be_unenrolled(network: Town) -> None:
    """Somebody whom numbering does not know gets a file and an error, and the job does not hammer numbering about it."""
    (answer,) = await record(network, TAX, [acquaint(person(), "a")])
    assert answer.error.reason == Reason.CLIENT_PERSON_NOT_MATCHED
    assert answer.addressee_no
    for _ in range(5):
        await network.running["tax"].jobs.settle()
    with closing(sqlite3.connect(network.state / "numbering" / "numbering.db")) as store, store:
        (looks,) = store.execute("SELECT sum(times) FROM lookup").fetchone()
    assert looks <= 3
