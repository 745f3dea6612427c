"""Business systems over real mTLS, with the real interim server, numbering body and gateway behind them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from tiny import error_of, reason_of
from town import CITY, DEADLINE, INSURER, NHI, OTHER_CITY, TAX, Town, person, town

from warifu import law
from warifu.agencies import party as agencies
from warifu.agency.v1 import agency_pb2 as pb
from warifu.agency.v1 import agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.gateway import party as gateway
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2

KINDS = {CITY: "residency", OTHER_CITY: "residency", TAX: "tax", NHI: "health_insurance", INSURER: "health_insurance"}
REAL_LOOKING = "123456789018"
NHI_NUMBER = law.packaged().institutions[NHI].insurer_number
INSURER_NUMBER = law.packaged().institutions[INSURER].insurer_number


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Town]:
    """Everyone but portal and simulator."""
    kinds = [(kind, agencies.build) for kind in ("residency", "tax", "health_insurance")]
    async with town(tmp_path, ("gateway", gateway.build), ("numbering", numbering.build), *kinds) as made:
        yield made


def desk(town_: Town, institution: str) -> agency_pb2_grpc.AgencyServiceAsyncStub:
    """The business system, from its own counter."""
    return town_.stub(agency_pb2_grpc.AgencyServiceStub, KINDS[institution], "counter", institution)


def interim(town_: Town, institution: str) -> interim_pb2_grpc.InterimServiceAsyncStub:
    """The interim server, from the same counter."""
    return town_.stub(interim_pb2_grpc.InterimServiceStub, KINDS[institution], "counter", institution)


async def record(town_: Town, institution: str, requests: Iterable[pb.RecordRequest]) -> list[pb.RecordResponse]:
    """The responses to a stream of changes."""
    filled = []
    for request in requests:
        request.institution = institution
        filled.append(request)
    return [response async for response in desk(town_, institution).Record(iter(filled))]


def acquaint(items: common_pb2.BasicItems, reference: str) -> pb.RecordRequest:
    """Only makes somebody known."""
    return pb.RecordRequest(reference=reference, basic_items=items, change=pb.Change(acquaintance=pb.Acquaintance()))


def tax(year: int, income: int, **fields) -> pb.Change:
    """An assessment of the city."""
    values = {
        "tax_year": year,
        "municipality": "480011",
        "return_kind": items_pb2.TAX_RETURN_KIND_RETURN,
        "tax_class": items_pb2.TAX_CLASS_TAXED,
        "total_income_yen": income,
    }
    return pb.Change(tax_assessment=items_pb2.LocalTaxInfo(**{**values, **fields}))


def qualification(insurer: str, first: str, end: str | None = None, **fields) -> pb.Change:
    """A qualification; ended for another insurance when it has an end."""
    values = {
        "insurer_number": insurer,
        "number": "123456",
        "insured_kind": items_pb2.INSURED_KIND_INSURED,
        "qualified_on": first,
        "disqualified_on": end,
        "loss_reason": items_pb2.INSURANCE_LOSS_REASON_OTHER_INSURANCE if end else None,
    }
    return pb.Change(qualification=items_pb2.MedicalInsuranceInfo(**{**values, **fields}))


def residency(reason: str, on: str, items: common_pb2.BasicItems | None = None, **fields) -> pb.Change:
    """A change of the resident record."""
    values = {
        "household_id": "h-1",
        "relationship": "世帯主",
        "is_head": True,
        "resident_kind": items_pb2.RESIDENT_KIND_JAPANESE,
        "resident_since": on,
    }
    info = items_pb2.ResidentRecordInfo(**{**values, **fields})
    return pb.Change(residency=pb.ResidencyChange(reason=reason, moved_on=on, record=info, basic_items=items))


def copies(town_: Town, institution: str) -> list[sqlite3.Row]:
    """The copies as they lie at the interim server."""
    with closing(sqlite3.connect(town_.state / KINDS[institution] / f"{institution}.interim.db")) as store, store:
        store.row_factory = sqlite3.Row
        return store.execute("SELECT * FROM copies ORDER BY addressee_no, record_key").fetchall()


def held(town_: Town, party: str) -> bytes:
    """Every byte of a party's files."""
    return b"".join(path.read_bytes() for path in (town_.state / party).rglob("*") if path.is_file())


async def test_what_is_recorded_becomes_a_copy(network: Town) -> None:
    """A recorded assessment is original data, a copy under the tax year, and a bound addressee."""
    await network.people([person()])
    (answer,) = await record(network, TAX, [pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 3))])
    assert not answer.HasField("error"), answer
    (copy,) = copies(network, TAX)
    assert (copy["addressee_no"], copy["record_key"]) == (answer.addressee_no, "2025")
    assert (copy["first_day"], copy["last_day"], copy["published_from"]) == ("2025-04-01", "2026-03-31", "2025-06-10")
    got = await desk(network, TAX).GetSubject(pb.GetSubjectRequest(institution=TAX, addressee_no=answer.addressee_no))
    assert got.basic_items == person()
    assert got.records[0].local_tax.total_income_yen == 3
    unbound = await interim(network, TAX).ListUnbound(interim_pb2.ListUnboundRequest(institution=TAX))
    assert not unbound.addressee_nos


async def test_an_empty_field_says_why(network: Town) -> None:
    """Fields without a value carry a reason: not applicable, not held, or simply none."""
    await network.people([person()])
    await record(network, TAX, [pb.RecordRequest(reference="a", basic_items=person(), change=tax(2023, 3))])
    content = items_pb2.ItemContent.FromString(copies(network, TAX)[0]["content"])
    reasons = {empty.path: empty.reason for empty in content.empty_fields}
    assert reasons["housing_loan_credit_yen"] == items_pb2.EMPTY_REASON_NOT_HELD
    assert reasons["forest_tax_yen"] == items_pb2.EMPTY_REASON_NOT_APPLICABLE
    assert reasons["taxable_base_yen"] == items_pb2.EMPTY_REASON_NO_VALUE
    assert "total_income_yen" not in reasons


async def test_a_reference_works_once(network: Town) -> None:
    """The same change under the same reference is acknowledged without effect; another change is refused."""
    await network.people([person()])
    request = pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 3))
    other = pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 4))
    answers = [(await record(network, TAX, [one]))[0] for one in (request, request, other)]
    assert [answer.error.reason for answer in answers] == ["", "", Reason.CLIENT_REFERENCE_CHANGED]
    assert answers[0].addressee_no == answers[1].addressee_no
    assert len(copies(network, TAX)) == 1


async def test_a_correction_replaces_and_the_same_values_change_nothing(network: Town) -> None:
    """A corrected assessment is a difference of its copy; the same values again leave the copy as it is."""
    await network.people([person()])
    requests = [
        pb.RecordRequest(reference="first", basic_items=person(), change=tax(2025, 3)),
        pb.RecordRequest(reference="again", basic_items=person(), change=tax(2025, 3)),
        pb.RecordRequest(reference="corrected", basic_items=person(), change=tax(2025, 5, corrected_on="2026-01-15")),
    ]
    answers = await record(network, TAX, requests)
    assert [answer.error.reason for answer in answers] == ["", "", ""]
    (copy,) = copies(network, TAX)
    assert items_pb2.ItemContent.FromString(copy["content"]).local_tax.total_income_yen == 5
    with closing(sqlite3.connect(network.state / "tax" / f"{TAX}.interim.db")) as store, store:
        assert store.execute("SELECT count(*) FROM copy_changes").fetchone() == (2,)


CANNOT_BE = [
    (TAX, qualification("480012", "2020-04-01"), Reason.CLIENT_CHANGE_NOT_KEPT),
    (TAX, pb.Change(), Reason.CLIENT_CHANGE_NOT_KEPT),
    (TAX, tax(2025, 3, municipality="490016"), Reason.CLIENT_MALFORMED),
    (TAX, tax(3000, 3), Reason.CLIENT_MALFORMED),
    (TAX, tax(2025, 3, tax_class=0), Reason.CLIENT_MALFORMED),
    (TAX, tax(2025, 3, municipal_income_levy_yen=9, municipal_per_capita_levy_yen=0), Reason.CLIENT_MALFORMED),
    (TAX, tax(2025, 3, municipal_income_levy_yen=0, municipal_per_capita_levy_yen=9), Reason.CLIENT_MALFORMED),
    (NHI, qualification(INSURER_NUMBER, "2020-04-01"), Reason.CLIENT_MALFORMED),
    (NHI, qualification(NHI_NUMBER, "2020-13-01"), Reason.CLIENT_MALFORMED),
    (NHI, qualification(NHI_NUMBER, "2090-05-01"), Reason.CLIENT_MALFORMED),
    (NHI, qualification(NHI_NUMBER, "2020-04-01", "2020-03-01"), Reason.CLIENT_MALFORMED),
    (NHI, qualification(NHI_NUMBER, "2020-04-01", loss_reason=1), Reason.CLIENT_MALFORMED),
    (CITY, residency("転入", "yesterday"), Reason.CLIENT_MALFORMED),
    (CITY, residency("転入", "2026-04-01", resident_kind=0), Reason.CLIENT_MALFORMED),
    (CITY, residency("転居", "2026-04-01", person(name="")), Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS),
    (CITY, pb.Change(protection=pb.ProtectionChange(manual_review=True)), Reason.CLIENT_MALFORMED),
]


async def test_what_cannot_be_is_refused_and_leaves_nothing(network: Town) -> None:
    """A change of another kind, of another body, or that contradicts itself is refused; nobody becomes known by it."""
    await network.people(person(n) for n in range(len(CANNOT_BE)))
    for n, (institution, change, reason) in enumerate(CANNOT_BE):
        request = pb.RecordRequest(reference=f"r{n}", basic_items=person(n), change=change)
        (answer,) = await record(network, institution, [request])
        assert answer.error.reason == reason, change
        found = await desk(network, institution).FindSubject(
            pb.FindSubjectRequest(institution=institution, basic_items=person(n))
        )
        assert not found.HasField("addressee_no"), change
    assert [copies(network, institution) for institution in KINDS] == [[] for _ in KINDS]


async def test_qualifications_do_not_overlap(network: Town) -> None:
    """Within an insurer a second qualification is refused while the first is open, and accepted from its end on."""
    await network.people([person(40)])
    insured = [
        ("a", qualification(NHI_NUMBER, "2020-04-01"), ""),
        ("b", qualification(NHI_NUMBER, "2022-04-01"), Reason.CLIENT_PERIOD_OVERLAP),
        ("c", qualification(NHI_NUMBER, "2020-04-01", "2022-04-01"), ""),
        ("d", qualification(NHI_NUMBER, "2022-03-31"), Reason.CLIENT_PERIOD_OVERLAP),
        ("e", qualification(NHI_NUMBER, "2022-04-01"), ""),
    ]
    requests = [pb.RecordRequest(reference=ref, basic_items=person(40), change=change) for ref, change, _ in insured]
    answers = await record(network, NHI, requests)
    assert [answer.error.reason for answer in answers] == [reason for *_, reason in insured]
    assert [(c["record_key"], c["last_day"]) for c in copies(network, NHI)] == [
        ("2020-04-01", "2022-03-31"),
        ("2022-04-01", None),
    ]


async def test_at_75_a_qualification_ends_by_itself(network: Town) -> None:
    """The daily job ends an open qualification on the 75th birthday, for another insurance, once."""
    elder = person(0, birth_date="1951-04-05")
    await network.people([elder])
    request = pb.RecordRequest(reference="a", basic_items=elder, change=qualification(NHI_NUMBER, "2020-04-01"))
    await record(network, NHI, [request])
    running = network.running["health_insurance"]
    running.context.clock.set(running.context.clock.network().replace(day=8), stopped=True)
    await running.jobs.settle()
    (copy,) = copies(network, NHI)
    info = items_pb2.ItemContent.FromString(copy["content"]).medical_insurance
    assert (info.disqualified_on, info.loss_reason) == (
        "2026-04-05",
        items_pb2.INSURANCE_LOSS_REASON_OTHER_INSURANCE,
    )


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


async def test_protection_reaches_the_interim_server(network: Town) -> None:
    """Protection flags recorded at the counter stand at the interim server, also for somebody new, and can be lifted."""
    await network.people([person()])

    def protect(reference: str, *, on: bool) -> pb.RecordRequest:
        flags = pb.ProtectionChange(non_disclosure=on, manual_review=on, reason="support measure")
        return pb.RecordRequest(reference=reference, basic_items=person(), change=pb.Change(protection=flags))

    def flags() -> list[tuple[int, ...]]:
        with closing(sqlite3.connect(network.state / "residency" / f"{CITY}.interim.db")) as store, store:
            return store.execute(
                "SELECT non_disclosure, self_disclosure_blocked, manual_review FROM protections"
            ).fetchall()

    (first,) = await record(network, CITY, [protect("on", on=True)])
    assert not first.HasField("error"), first
    assert flags() == [(1, 0, 1)]
    await record(network, CITY, [protect("off", on=False)])
    assert flags() in ([], [(0, 0, 0)])


async def test_markup_in_free_text_stays_text(network: Town) -> None:
    """Markup in names and free text is stored and given back as it was typed."""
    script = "<script>alert(1)</script>"
    odd = person(name=script)
    await network.people([odd])
    change = residency("転入", "2026-04-02", relationship=script, household_id=script)
    (answer,) = await record(network, CITY, [pb.RecordRequest(reference=script, basic_items=odd, change=change)])
    assert (answer.reference, answer.error.reason) == (script, "")
    got = await desk(network, CITY).GetSubject(pb.GetSubjectRequest(institution=CITY, addressee_no=answer.addressee_no))
    info = got.records[0].resident_record
    assert (got.basic_items.name, info.relationship, info.household_id) == (script, script, script)


async def test_local_uses_are_published(network: Town) -> None:
    """An office's list names offices of its own body alone, with a purpose in both languages; an insurer's is empty."""
    uses = (await desk(network, NHI).ListLocalUses(pb.ListLocalUsesRequest(institution=NHI))).uses
    assert {use.provider for use in uses} == {TAX, CITY}
    assert all(use.purpose.ja and use.purpose.en and use.item for use in uses)
    assert not (await desk(network, INSURER).ListLocalUses(pb.ListLocalUsesRequest(institution=INSURER))).uses


async def test_another_institution_gets_nothing(network: Town) -> None:
    """A counter of the same kind and one of another kind are refused, in calls and streams."""
    stub = desk(network, NHI)
    find = pb.FindSubjectRequest(institution=INSURER, basic_items=person())
    assert await reason_of(stub.FindSubject(find), "health_insurance") == Reason.CLIENT_NOT_YOURS
    request = acquaint(person(), "a")
    request.institution = INSURER
    assert await reason_of(stub.Record(iter([request])).read(), "health_insurance") == Reason.CLIENT_NOT_YOURS
    foreign = network.stub(agency_pb2_grpc.AgencyServiceStub, "tax", "counter", NHI)
    find.institution = NHI
    assert await reason_of(foreign.FindSubject(find), "tax") == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_unknown_addressees_and_missing_subjects(network: Town) -> None:
    """An addressee number that nobody has, none at all, and no reference are each refused at their place in the stream."""
    await network.people([person()])
    nobody = acquaint(person(), "a")
    nobody.addressee_no = "123456789012345"
    missing = pb.RecordRequest(reference="b", change=pb.Change(acquaintance=pb.Acquaintance()))
    answers = await record(network, TAX, [nobody, missing, acquaint(person(), ""), acquaint(person(), "c")])
    assert [answer.error.reason for answer in answers] == [
        Reason.CLIENT_ADDRESSEE_UNKNOWN,
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_MALFORMED,
        "",
    ]


@pytest.mark.slow
async def test_a_hundred_thousand_changes_in_one_stream(network: Town) -> None:
    """10^5 changes in one stream are each answered in order, while the party reads ahead no further than a few batches."""
    sent = 0

    async def requests() -> AsyncIterator[pb.RecordRequest]:
        nonlocal sent
        for n in range(100_000):
            sent = n
            yield pb.RecordRequest(institution=TAX, reference=f"r{n}")

    received, ahead = 0, 0
    async for response in desk(network, TAX).Record(requests()):
        assert response.reference == f"r{received}"
        received += 1
        ahead = max(ahead, sent - received)
    assert received == 100_000
    assert ahead < 20_000


async def test_no_agency_holds_codes_of_others_or_numbers(network: Town) -> None:
    """After recording, the business database holds neither an individual number, nor a resident code, nor a linkage code."""
    from town import code_of

    (number,) = await network.people([person()])
    await record(network, TAX, [pb.RecordRequest(reference="a", basic_items=person(), change=tax(2025, 3))])
    with closing(sqlite3.connect(network.state / "tax" / f"{TAX}.interim.db")) as store, store:
        (subject,) = store.execute("SELECT subject FROM addressees").fetchone()
    business = b"".join(path.read_bytes() for path in (network.state / "tax").glob(f"{TAX}.db*"))
    assert subject not in business
    for secret in (number, code_of(0)):
        assert secret.encode() not in held(network, "tax")


async def test_an_exchange_answers_from_what_was_recorded(network: Town) -> None:
    """What the old city's tax office recorded is what the new insurer's interim server is told, and no more than the row releases."""
    row = law.packaged().rows["P10"]
    await network.people([person(40)])
    (provider,) = await record(
        network, TAX, [pb.RecordRequest(reference="a", basic_items=person(40), change=tax(2025, 7))]
    )
    (requester,) = await record(network, INSURER, [acquaint(person(40), "a")])
    assert not provider.HasField("error")
    for kind in ("tax", "health_insurance"):
        await network.running[kind].jobs.settle()
    stub = interim(network, INSURER)
    ask = interim_pb2.InquireRequest(
        institution=INSURER,
        addressee_no=requester.addressee_no,
        provider=TAX,
        affair=row.affair.code,
        procedure=row.procedure.code,
        item=row.item,
        span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
        office="window-1",
        clerk="c-0001",
        consent=exchange_pb2.Consent(given_on="2026-04-06", reference="form-1"),
    )
    receipt = await stub.Inquire(ask)
    collect = interim_pb2.CollectRequest(institution=INSURER, request_id=receipt.request_id, wait_ms=15_000)
    state = (await stub.Collect(collect, timeout=DEADLINE + 15)).inquiry
    if state.fine_outcome == exchange_pb2.FINE_OUTCOME_UNSPECIFIED:  # ordinary answers wait for a clerk too
        release = interim_pb2.ReleaseReviewRequest(
            institution=TAX,
            permit_id=receipt.request_id,
            decision=interim_pb2.REVIEW_DECISION_PROVIDE,
            clerk="c-0002",
        )
        await interim(network, TAX).ReleaseReview(release)
        await network.running["health_insurance"].jobs.settle()
        state = (await stub.Collect(collect, timeout=DEADLINE + 15)).inquiry
    assert state.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED, state
    told = state.records[0].content.local_tax
    assert {field.name for field, _ in told.ListFields()} <= set(row.fields)
    assert state.records[0].record_key == "2025"
    assert "total_income_yen" not in row.fields or told.total_income_yen == 7
