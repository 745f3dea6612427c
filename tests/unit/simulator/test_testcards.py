"""Test cards: what they say follows from seed, law book, day and flags alone. That it is true is tests/e2e/test_testcards.py's to show."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.interim import review
from warifu.law import Origin, Rulings
from warifu.simulator.testcards import COLUMNS, Flags, NotThereError, Ruled, Town, card_document, csv_rows, people
from warifu.simulator.testcards.expect import sample_key, sampled

TOWN = (1, 200)
NHI, TAX, WELFARE, PORTAL = "nhi-480029", "tax-480029", "welfare-480011", "portal-main"
BEFORE, PUBLISHED = date(2026, 6, 9), date(2026, 6, 10)


def provided(institution: str, row: str, day: date = BEFORE, **more):
    """The first expectation of a row under which a record comes, with its card."""
    return next(
        (card, one)
        for card in people(TOWN, institution=institution, row=row, day=day, **more)
        for one in card.expected
        if one.records
    )


def test_the_new_tax_year_is_known_from_the_day_of_its_publication() -> None:
    """The day before 10 June there is no record of the year; on that day there is, with its values."""
    card, _ = provided(WELFARE, "P01", PUBLISHED)
    later = {one.provider: one for one in card.expected if one.fine == "PROVIDED" and one.year is None}
    (before,) = (one for one in people(TOWN, institution=WELFARE, row="P01", day=BEFORE) if one.person == card.person)
    for provider, one in later.items():
        assert one.records[0].record_key == "2026"
        assert before.expect("P01", provider).fine == "NO_RECORD"


def test_nothing_but_the_row_s_fields_is_expected() -> None:
    """Values and reasons of empty fields are those of the row, for every row and everybody here."""
    seen = 0
    for institution in Town.of(*TOWN).book.institutions:
        for card in people(TOWN, institution=institution):
            for one in card.expected:
                for told in one.records:
                    content = told.content
                    values = getattr(content, content.WhichOneof("content"))
                    assert {field.name for field, _ in values.ListFields()} <= set(one.row.fields)
                    assert {empty.path for empty in content.empty_fields} <= set(one.row.fields)
                    seen += 1
    assert seen > 300


def test_manual_review_makes_the_same_answer_wait() -> None:
    """With 自動応答不可 the answer is PENDING without records, and what a clerk provides is the answer of before."""
    card, one = provided(WELFARE, "P01")
    ruled = Ruled(flags={(one.provider, card.person): Flags(manual_review=True)})
    (again,) = (
        found
        for found in people(TOWN, institution=WELFARE, row="P01", day=BEFORE, ruled=ruled)
        if found.person == card.person
    )
    waiting = again.expect("P01", one.provider, one.year)
    assert (waiting.outcome, waiting.fine, waiting.records) == ("PENDING", "PENDING", ())
    assert waiting.released is not None
    assert (waiting.released.outcome, waiting.released.records) == ("ANSWERED", one.records)


def test_whom_nothing_is_told_of_themselves_gets_nothing_and_offices_do() -> None:
    """自己情報提供不可 withholds from the person's own requests alone; 不開示 marks offices' exchanges alone."""
    card, own = provided(PORTAL, "S01")
    ruled = Ruled(flags={(own.provider, card.person): Flags(non_disclosure=True, self_disclosure_blocked=True)})
    oracle = Town.of(*TOWN).oracle(BEFORE, ruled)
    blocked = oracle.expect(card.person, PORTAL, own.row, own.provider, own.span)
    assert (blocked.fine, blocked.records, blocked.non_disclosure) == ("WITHHELD", (), False)
    office = next(code for code in ("welfare-480011", "welfare-490016") if code[-6:] != own.provider[-6:])
    (row,) = (one for one in oracle.rows(office) if one.id == "P01")
    asked = oracle.expect(card.person, office, row, own.provider, own.span)
    assert (asked.fine, asked.non_disclosure) == ("PROVIDED", True)


def test_a_row_that_needs_consent_is_denied_without() -> None:
    """Consent is taken as given where a row needs it; without it the denial says so."""
    oracle = Town.of(*TOWN).oracle()
    (row,) = (one for one in oracle.rows("insurer-06480016") if one.id == "P10")
    without = oracle.expect("p-000018", "insurer-06480016", row, TAX, consent=False)
    assert (without.outcome, without.reason) == ("DENIED", "CLIENT_CONSENT_MISSING")
    assert oracle.expect("p-000018", "insurer-06480016", row, TAX).outcome == "ANSWERED"


def test_an_ordinance_s_row_opens_with_its_approval() -> None:
    """Denied as a network begins; answered once the supervisor has approved it for that office."""
    oracle = Town.of(*TOWN).oracle()
    (row,) = (one for one in oracle.rows(WELFARE) if one.id == "P27")
    assert row.origin is Origin.ORDINANCE
    assert oracle.expect("p-000018", WELFARE, row, TAX).reason == "CLIENT_ORDINANCE_NOT_APPROVED"
    approved = Ruled(Rulings(approvals={(WELFARE, "P27"): date(2026, 4, 1)}))
    assert Town.of(*TOWN).oracle(ruled=approved).expect("p-000018", WELFARE, row, TAX).outcome == "ANSWERED"


@given(st.uuids(version=4))
def test_the_sample_is_the_provider_s(request_id: uuid.UUID) -> None:
    """Worked out anew from PROTO §6, the sample names the same inquiries as the interim server does."""
    key = sample_key(7, TAX)
    assert sampled(key, str(request_id)) == review.sampled(key, str(request_id))


def test_an_inquiry_s_own_expectation_knows_whether_it_waits() -> None:
    """Of many request ids about one in 40 waits, and every one is certain."""
    _, one = provided(WELFARE, "P01")
    asked = [one.asked_as(str(uuid.UUID(int=number))) for number in range(2000)]
    waiting = [each for each in asked if each.outcome == "PENDING"]
    assert 25 < len(waiting) < 80
    assert not any(each.sampled_too for each in asked)
    assert all(each.released is not None and each.released.records == one.records for each in waiting)


def test_who_turns_75_leaves_the_other_insurers() -> None:
    """On the birthday the open qualification is ended with its reason, and the day after nothing is left to provide about the day."""
    town = Town.of(*TOWN)
    handle, held = next(
        (handle, holdings)
        for code, holdings in town.holdings.items()
        if code.startswith("nhi")
        for handle in holdings.born
        if any(copy.about[1] == date.max for copy in holdings.copies(handle, BEFORE))
    )
    birthday = held.born[handle].replace(year=held.born[handle].year + 75)
    (before,) = [
        copy for copy in held.copies(handle, date.fromordinal(birthday.toordinal() - 1)) if copy.about[1] == date.max
    ]
    (after,) = [copy for copy in held.copies(handle, birthday) if copy.record_key == before.record_key]
    assert after.about[1] == date.fromordinal(birthday.toordinal() - 1)
    assert after.content.medical_insurance.disqualified_on == birthday.isoformat()


def test_cards_are_documents_too() -> None:
    """JSON holds the card whole; CSV has a row for each expectation, under columns that are all known."""
    cards = people(TOWN, "nhi", NHI, limit=2)
    assert json.loads(json.dumps(card_document(cards[0])))["expected"][0]["row"] == cards[0].expected[0].row.id
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(csv_rows(cards))
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == sum(len(card.expected) for card in cards)
    assert {row["addressee_no"] for row in rows} == {card.addressees[NHI] for card in cards}


def test_numbers_that_cannot_be_known_are_not_made_up() -> None:
    """Where people come in more than one chunk their addressee numbers are not told beforehand."""
    few = Town.of(*TOWN)
    assert all(number for card in people(TOWN) for number in card.addressees.values())
    assert Town(1, 2500).card(few.people[0], few.oracle(), None).addressees
    assert not any(Town(1, 2500).card(few.people[0], few.oracle(), None).addressees.values())


@pytest.mark.parametrize(
    "words", [{"trait": "no-such"}, {"institution": "no-such"}, {"institution": NHI, "row": "P01"}]
)
def test_what_is_not_there_is_named(words: dict[str, str]) -> None:
    """An unknown trait or institution, or a row under which the institution cannot ask, is an error that names it and what there is."""
    with pytest.raises(NotThereError, match=r"(no-such|P01)\. There are: \w"):
        people(TOWN, **words)
