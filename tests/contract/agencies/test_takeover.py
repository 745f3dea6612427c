"""Taking over in bulk: it checks the same and leaves the same as one change after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from contract.agency_desk import KINDS, NHI_NUMBER, acquaint, desk, qualification, record, residency, tax
from tiny import reason_of
from town import CITY, NHI, TAX, Town, person

from warifu.agencies.deliver import Delivery
from warifu.agencies.office import Business
from warifu.agencies.takeover import Takeover
from warifu.agency.v1 import agency_pb2 as pb
from warifu.interim.copies import Copies
from warifu.interim.v1 import interim_pb2 as interim
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering.v1 import numbering_pb2 as numbering

PEOPLE = 6


def records(index: int, *changes: pb.Change, reference: str = "r") -> pb.PersonRecords:
    """One person's changes, with references of their own."""
    one = pb.PersonRecords(basic_items=person(index))
    for n, change in enumerate(changes):
        one.changes.add(reference=f"{reference}-{index}-{n}", change=change)
    return one


def singly(institution: str, people: Sequence[pb.PersonRecords]) -> list[pb.RecordRequest]:
    """The same changes, one by one."""
    return [
        pb.RecordRequest(
            institution=institution, reference=one.reference, basic_items=each.basic_items, change=one.change,
            published_from=one.published_from if one.HasField("published_from") else None,
        )
        for each in people
        for one in each.changes
    ]  # fmt: skip


async def take(network: Town, institution: str, people: Sequence[pb.PersonRecords]) -> pb.RecordManyResponse:
    """Take them over."""
    return await desk(network, institution).RecordMany(pb.RecordManyRequest(institution=institution, people=people))


def rows(network: Town, institution: str, suffix: str, query: str) -> list[tuple[object, ...]]:
    """What lies in one of an institution's files."""
    with closing(sqlite3.connect(network.state / KINDS[institution] / f"{institution}{suffix}")) as store, store:
        return store.execute(query).fetchall()


_LEFT = {
    ".db": (
        "SELECT name, kana, address, birth_date, sex, s.digest, enrolled FROM subject s ORDER BY name",
        "SELECT name, record_key, content, first_day, last_day, published_from, revision FROM original JOIN subject USING (addressee_no) ORDER BY 1, 2",
        "SELECT reference, c.digest, name, record_key, content FROM change c JOIN subject USING (addressee_no) ORDER BY reference",
        "SELECT count(*) FROM due",
    ),
    ".interim.db": (
        "SELECT subject, item, record_key, layout_version, published_from, first_day, last_day, content FROM copies JOIN addressees USING (addressee_no) ORDER BY subject, record_key",
        "SELECT count(*) FROM copy_changes",
        "SELECT count(*) FROM enrolments",
    ),
}


def left(network: Town, institution: str) -> list[list[tuple[object, ...]]]:
    """All that an institution keeps of people, but for its numbers for them and the times."""
    return [rows(network, institution, suffix, query) for suffix, queries in _LEFT.items() for query in queries]


def of_tax() -> list[pb.PersonRecords]:
    """Some people with three years each, one with a day of publication of their own."""
    found = [records(n, tax(2023, n), tax(2024, 2 * n), tax(2025, 3 * n)) for n in range(PEOPLE)]
    found[0].changes[2].published_from = "2026-06-10"
    return found


def of_city() -> list[pb.PersonRecords]:
    """Somebody who moved in, somebody who moved out, and a birth."""
    return [
        records(0, residency("転入", "2020-04-02", previous_municipality="490016")),
        records(1, residency("転出", "2021-04-02", resident_since="2020-01-01", removed_on="2021-04-02")),
        records(2, residency("出生", "2022-03-04")),
    ]


def of_nhi() -> list[pb.PersonRecords]:
    """A qualification after another one."""
    return [
        records(n, qualification(NHI_NUMBER, "2020-04-01", "2021-04-01"), qualification(NHI_NUMBER, "2022-04-01"))
        for n in range(3)
    ]


@pytest.mark.parametrize(("institution", "made"), [(TAX, of_tax), (CITY, of_city), (NHI, of_nhi)])
async def test_both_ways_leave_the_same(network: Town, tmp_path_factory, institution: str, made) -> None:
    """Original data, history, copies and bindings are the same whether people came in bulk or change by change, and nothing is owed."""
    from contract.agencies.conftest import town_of

    people = made()
    await network.people([person(n) for n in range(PEOPLE)])
    answer = await take(network, institution, people)
    assert (answer.recorded, list(answer.failures)) == (sum(len(one.changes) for one in people), [])
    async with town_of(tmp_path_factory.mktemp("other")) as other:
        await other.people([person(n) for n in range(PEOPLE)])
        assert not any(one.HasField("error") for one in await record(other, institution, singly(institution, people)))
        assert left(network, institution) == left(other, institution)


async def test_the_same_again_has_no_effect(network: Town) -> None:
    """Whoever is taken over twice, in bulk or singly, is there once; other values under the same reference are refused."""
    people = of_tax()
    await network.people([person(n) for n in range(PEOPLE)])
    await take(network, TAX, people)
    before = left(network, TAX)
    assert not (await take(network, TAX, people)).failures
    assert not any(one.HasField("error") for one in await record(network, TAX, singly(TAX, people)))
    assert left(network, TAX) == before
    people[1].changes[0].change.CopyFrom(tax(2023, 77))
    answer = await take(network, TAX, people)
    assert [(one.reference, one.error.reason) for one in answer.failures] == [
        ("r-1-0", Reason.CLIENT_REFERENCE_CHANGED)
    ]
    assert answer.recorded == 3 * PEOPLE - 1


async def test_what_is_wrong_is_refused_alone(network: Town) -> None:
    """A refused change, a person nobody registered, and one with too few items are told each; everybody else is taken over."""
    await network.people([person(n) for n in range(PEOPLE)])
    people = [
        records(0, tax(2024, 1), tax(2025, 1, municipality="490016")),
        records(1, tax(2024, 1)),
        records(40, tax(2024, 1)),
        records(2, tax(2024, 1), pb.Change(protection=pb.ProtectionChange(non_disclosure=True, reason="x"))),
    ]
    people.append(records(3, tax(2024, 1)))
    people[4].basic_items.address = ""
    answer = await take(network, TAX, people)
    assert {one.reference: one.error.reason for one in answer.failures} == {
        "r-0-1": Reason.CLIENT_MALFORMED,
        "r-40-0": Reason.CLIENT_PERSON_NOT_MATCHED,
        "r-3-0": Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS,
    }
    assert answer.recorded == 4
    assert rows(network, TAX, ".db", "SELECT count(*) FROM subject WHERE enrolled") == [(3,)]
    assert rows(network, TAX, ".interim.db", "SELECT non_disclosure FROM protections") == [(1,)]


async def test_one_person_twice_is_one_addressee(network: Town) -> None:
    """Who comes twice in a call, or is known already, is one addressee with all that was told."""
    await network.people([person(0), person(1)])
    await record(network, TAX, [acquaint(person(1), "before")])
    people = [
        records(0, tax(2024, 1)), records(0, tax(2025, 1), reference="again"), records(1, tax(2025, 1)),
    ]  # fmt: skip
    assert not (await take(network, TAX, people)).failures
    counts = rows(
        network, TAX, ".db", "SELECT name, count(*) FROM subject JOIN original USING (addressee_no) GROUP BY name"
    )
    assert counts == [(person(0).name, 2), (person(1).name, 1)]


async def test_a_reference_that_somebody_else_has_is_found(network: Town) -> None:
    """A newcomer under a reference that was used for another person is refused, and those who came along are not."""
    await network.people([person(n) for n in range(3)])
    await take(network, TAX, [records(0, tax(2024, 1))])
    wrong = records(1, tax(2024, 1))
    wrong.changes[0].reference = "r-0-0"
    answer = await take(network, TAX, [wrong, records(2, tax(2024, 1))])
    assert [one.error.reason for one in answer.failures] == [Reason.CLIENT_REFERENCE_CHANGED]
    assert rows(network, TAX, ".db", "SELECT count(*) FROM original") == [(2,)]


async def test_copies_that_were_owed_are_made_again(network: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a process ends between its own commit and the interim server's, the copies are made from the records afterwards."""
    await network.people([person(n) for n in range(PEOPLE)])

    class EndError(Exception):
        """The process ends here."""

    def end(self: Takeover, *_: object) -> None:
        raise EndError

    with monkeypatch.context() as cut:
        cut.setattr("warifu.agencies.deliver.Delivery.deliver_now", end)
        await reason_of(desk(network, TAX).RecordMany(pb.RecordManyRequest(institution=TAX, people=of_tax())), "tax")
    assert rows(network, TAX, ".interim.db", "SELECT count(*) FROM copies") == [(0,)]
    assert not (await take(network, TAX, of_tax())).failures
    assert rows(network, TAX, ".interim.db", "SELECT count(*) FROM copies") == [(3 * PEOPLE,)]
    assert rows(network, TAX, ".db", "SELECT count(*) FROM due") == [(0,)]


class Out:
    """The interim server's registration of copies: out of order until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken, register = True, Copies._register

        async def registered(copies: Copies, requests: Sequence[interim.RegisterCopiesRequest]) -> object:
            if not self.broken:
                return await register(copies, requests)
            error = LinkageError(Reason.PROVIDER_UNAVAILABLE).failure()
            return [interim.RegisterCopiesResponse(record_id=one.record_id, error=error) for one in requests]

        monkeypatch.setattr(Copies, "_register", registered)


def as_owed(network: Town) -> tuple[object, object]:
    """Original records as they stand and the copies, in one form."""
    return (
        rows(network, TAX, ".db", "SELECT addressee_no, record_key, content FROM original ORDER BY 1, 2"),
        rows(network, TAX, ".interim.db", "SELECT addressee_no, record_key, content FROM copies ORDER BY 1, 2"),
    )


async def test_what_changes_before_the_first_copies_are_made_is_a_difference_to_them(
    network: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Corrections, withdrawals and what comes after one reach the interim server behind the copies that a takeover still owes, and nothing is refused."""
    await network.people([person(n) for n in range(PEOPLE)])
    out = Out(monkeypatch)
    people = of_tax()
    assert {one.error.reason for one in (await take(network, TAX, people)).failures} == {Reason.PROVIDER_UNAVAILABLE}
    gone = pb.Change(withdrawal=pb.Withdrawal(record_key="2024", reason="twice"))
    later = [
        records(0, tax(2024, 70), reference="corrected"),
        records(1, gone, reference="withdrawn"),
        records(2, gone, tax(2024, 72), reference="anew"),
        records(3, pb.Change(protection=pb.ProtectionChange(manual_review=True, reason="x")), reference="protected"),
    ]
    answers = await record(network, TAX, singly(TAX, later))
    assert {one.error.reason for one in answers} <= {Reason.PROVIDER_UNAVAILABLE, ""}
    out.broken = False
    assert not (await take(network, TAX, [*people, *later])).failures
    original, copied = as_owed(network)
    assert original == copied
    assert rows(network, TAX, ".interim.db", "SELECT count(*) FROM copies") == [(3 * PEOPLE - 1,)]
    assert rows(network, TAX, ".db", "SELECT * FROM due") == []


async def test_a_change_during_a_delivery_of_what_was_owed_is_not_overtaken(
    network: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction that is recorded while owed copies are on their way is sent after them, and neither is refused."""
    await network.people([person(n) for n in range(PEOPLE)])
    out, people = Out(monkeypatch), of_tax()
    await take(network, TAX, people)
    enrol, deliver, written, correcting = Delivery._enrol, Delivery.deliver, asyncio.Event(), []

    async def corrected_meanwhile(self: Delivery, *rest: object) -> None:
        if not correcting:
            correction = records(0, tax(2024, 70), reference="corrected")
            correcting.append(asyncio.ensure_future(record(network, TAX, singly(TAX, [correction]))))
            await written.wait()
            out.broken = False
        await enrol(self, *rest)

    async def delivered(self: Delivery, numbers: Collection[str]) -> object:
        if correcting:
            written.set()  # the correction is recorded, and waits for its turn
        return await deliver(self, numbers)

    monkeypatch.setattr(Delivery, "_enrol", corrected_meanwhile)
    monkeypatch.setattr(Delivery, "deliver", delivered)
    assert not (await take(network, TAX, people)).failures
    assert not any(one.HasField("error") for one in await correcting[0])
    original, copied = as_owed(network)
    assert original == copied
    assert rows(network, TAX, ".db", "SELECT * FROM due") == []


async def test_copies_that_are_made_again_have_the_layout_of_their_day(
    network: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies that were registered without the business system hearing of it are the same bytes when they are made again under a later layout."""
    await network.people([person(n) for n in range(PEOPLE)])
    office = Business.office
    monkeypatch.setattr("warifu.agencies.kind.Records.layout", lambda _, day: day.strftime("%Y-%m"))

    class EndError(Exception):
        """The process ends here."""

    def end(*_: object) -> None:
        raise EndError

    with monkeypatch.context() as cut:
        cut.setattr("warifu.agencies.errands.settle", end)
        await reason_of(desk(network, TAX).RecordMany(pb.RecordManyRequest(institution=TAX, people=of_tax())), "tax")
        assert rows(network, TAX, ".interim.db", "SELECT count(*) FROM copies") == [(3 * PEOPLE,)]
        assert rows(network, TAX, ".db", "SELECT count(*) FROM due") == [(PEOPLE,)]
        monkeypatch.setattr(
            Business, "office", lambda one: replace(now := office(one), today=now.today + timedelta(40))
        )
    assert not (await take(network, TAX, of_tax())).failures
    assert rows(network, TAX, ".db", "SELECT * FROM due") == []


async def test_numbers_of_one_call_are_close_and_tell_nothing_more(network: Town) -> None:
    """Numbers are 15 digits, none twice, not in the order in which people came, and above those of an earlier thousand."""
    await network.people([person(n) for n in range(40)])
    await take(network, TAX, [records(n, tax(2024, 1)) for n in range(40)])
    found = rows(network, TAX, ".db", "SELECT addressee_no, reference FROM change ORDER BY addressee_no")
    assert len({number for number, _ in found}) == 40
    assert all(len(str(number)) == 15 for number, _ in found)
    assert [reference for _, reference in found] != [f"r-{n}-0" for n in range(40)]


async def test_too_many_at_once_are_refused_whole(network: Town) -> None:
    """A thousand and one people, or none, are refused by every call that takes many, before anything is done."""
    many = [pb.PersonRecords()] * 1001
    call = desk(network, TAX).RecordMany(pb.RecordManyRequest(institution=TAX, people=many))
    assert await reason_of(call, "tax") == Reason.CLIENT_TOO_MANY_ITEMS
    assert (
        await reason_of(desk(network, TAX).RecordMany(pb.RecordManyRequest(institution=TAX)), "tax")
        == Reason.CLIENT_MALFORMED
    )
    newcomers = numbering.RegisterManyRequest(people=[numbering.RegisterRequest(institution="simulator")] * 1001)
    assert await reason_of(network.register().RegisterMany(newcomers), "numbering") == Reason.CLIENT_TOO_MANY_ITEMS
    enrolments = numbering.EnrolManyRequest(enrolments=[numbering.EnrolRequest(institution=TAX)] * 1001)
    assert (
        await reason_of(network.numbering("tax", TAX).EnrolMany(enrolments), "numbering")
        == Reason.CLIENT_TOO_MANY_ITEMS
    )


async def test_nobody_enrols_or_registers_many_for_others(network: Town) -> None:
    """A call with many is refused when one item names another institution, and a loader's without a simulation."""
    enrolments = [numbering.EnrolRequest(institution=code, acquisition_number=bytes(16)) for code in (TAX, NHI)]
    call = network.numbering("tax", TAX).EnrolMany(numbering.EnrolManyRequest(enrolments=enrolments))
    assert await reason_of(call, "numbering") == Reason.CLIENT_NOT_YOURS
    newcomers = [
        numbering.RegisterRequest(institution=code, basic_items=person()) for code in (CITY, "residency-490016")
    ]
    call_ = network.register("residency", CITY).RegisterMany(numbering.RegisterManyRequest(people=newcomers))
    assert await reason_of(call_, "numbering") == Reason.CLIENT_NOT_YOURS
