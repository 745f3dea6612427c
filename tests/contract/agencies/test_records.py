"""What is recorded at a counter over real mTLS becomes original data and a copy, or is refused whole."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from contract.agency_desk import (
    INSURER_NUMBER,
    KINDS,
    NHI_NUMBER,
    acquaint,
    copies,
    desk,
    interim,
    qualification,
    record,
    residency,
    tax,
)
from town import CITY, NHI, TAX, Town, person

from warifu.agency.v1 import agency_pb2 as pb
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import Reason


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


async def test_a_withdrawn_record_is_gone_with_its_copy(network: Town) -> None:
    """A record that ought never to have been kept goes, and so does its copy; under its key another is kept later, as new. What is not there is not withdrawn."""
    await network.people([person()])
    gone = pb.Change(withdrawal=pb.Withdrawal(record_key="2025", reason="recorded for somebody else"))
    left = []
    for place, change in enumerate((tax(2025, 3), gone, gone, tax(2025, 3), tax(2025, 4))):
        request = pb.RecordRequest(reference=f"r-{place}", basic_items=person(), change=change)
        (answer,) = await record(network, TAX, [request])
        subject = pb.GetSubjectRequest(institution=TAX, addressee_no=answer.addressee_no or left[0][0])
        kept = [one.local_tax.total_income_yen for one in (await desk(network, TAX).GetSubject(subject)).records]
        left.append((subject.addressee_no, answer.error.reason, kept, len(copies(network, TAX))))
    number = left[0][0]
    assert left == [
        (number, "", [3], 1),
        (number, "", [], 0),
        (number, Reason.CLIENT_MALFORMED, [], 0),
        (number, "", [3], 1),
        (number, "", [4], 1),
    ]


async def test_a_withdrawal_stands_in_its_order_within_a_batch(network: Town) -> None:
    """Recorded, withdrawn and recorded again in one call, twice over, the last one stays, at the counter and as its copy."""
    await network.people([person()])
    gone = pb.Change(withdrawal=pb.Withdrawal(record_key="2025", reason="twice"))
    changes = (tax(2025, 1), gone, tax(2025, 2), gone, tax(2025, 3))
    for call in ("a", "b"):
        requests = [
            pb.RecordRequest(reference=f"{call}-{place}", basic_items=person(), change=change)
            for place, change in enumerate((gone, *changes)[call == "a" :])
        ]
        answers = await record(network, TAX, requests)
        assert [one.error.reason for one in answers] == [""] * len(requests)
    subject = pb.GetSubjectRequest(institution=TAX, addressee_no=answers[0].addressee_no)
    kept = (await desk(network, TAX).GetSubject(subject)).records
    (copy,) = copies(network, TAX)
    content = items_pb2.ItemContent.FromString(copy["content"])
    assert [one.local_tax.total_income_yen for one in (*kept, content)] == [3, 3]


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


def unlike(year: int, income: int) -> pb.Change:
    """An assessment that the business system takes and no copy can be: a kind of return that no contract knows."""
    return tax(year, income, return_kind=99)


GONE = pb.Change(withdrawal=pb.Withdrawal(record_key="2025", reason="x"))

AFTER_A_REFUSED_COPY = [
    ([tax(2025, 4)], ["", 4]),
    ([unlike(2025, 4), tax(2025, 5), tax(2025, 6)], [Reason.CLIENT_MALFORMED, "", "", 6]),
    ([GONE], ["", None]),
    ([tax(2025, 4), GONE], ["", "", None]),
    ([tax(2025, 4), GONE, tax(2025, 7)], ["", "", "", 7]),
]


@pytest.mark.parametrize(("changes", "expected"), AFTER_A_REFUSED_COPY)
async def test_what_follows_a_refused_copy_is_no_change_of_one(network: Town, changes, expected) -> None:
    """When no copy was made of a record, the next that can be is registered as new, and a withdrawal has nothing to delete (BIZ-7.11)."""
    await network.people([person()])
    (first,) = await record(network, TAX, [change_of(0, unlike(2025, 3))])
    assert first.error.reason == Reason.CLIENT_MALFORMED
    told = []
    for place, change in enumerate(changes, 1):  # each by itself
        told += [one.error.reason for one in await record(network, TAX, [change_of(place, change)])]
    found = [items_pb2.ItemContent.FromString(copy["content"]) for copy in copies(network, TAX)]
    assert [*told, *([one.local_tax.total_income_yen for one in found] or [None])] == expected


@pytest.mark.parametrize(("changes", "expected"), AFTER_A_REFUSED_COPY)
async def test_what_follows_a_refused_copy_in_one_call_ends_the_same(network: Town, changes, expected) -> None:
    """Delivered together, the last change says what becomes of the copy that was never made."""
    await network.people([person()])
    together = [unlike(2025, 3), *changes]
    answers = await record(network, TAX, [change_of(place, change) for place, change in enumerate(together)])
    assert {one.error.reason for one in answers} <= {Reason.CLIENT_MALFORMED, ""}
    found = [items_pb2.ItemContent.FromString(copy["content"]) for copy in copies(network, TAX)]
    assert ([one.local_tax.total_income_yen for one in found] or [None]) == expected[-1:]


def change_of(place: int, change: pb.Change) -> pb.RecordRequest:
    """One of several about the same person."""
    return pb.RecordRequest(reference=f"r-{place}", basic_items=person(), change=change)


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
