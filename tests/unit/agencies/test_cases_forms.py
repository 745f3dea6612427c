"""Forms of procedures agree with the law book, and what is allowed follows from it."""

from __future__ import annotations

from datetime import date

import pytest

from warifu import law
from warifu.agencies.cases import kept
from warifu.agencies.cases.forms import form_of, forms
from warifu.agencies.cases.procedures import find, handled
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.procedures import catalogue

DESKS = ("nhi", "employees_insurer", "late_elderly_union", "tax", "welfare")
TODAY = date(2026, 4, 6)
NHI = "nhi-480011"


def test_every_procedure_of_a_desk_has_a_form_and_no_other() -> None:
    """Every procedure that an agency's role may ask in has a form, and there is no form without such a procedure."""
    rows = law.packaged().rows.values()
    asked = {row.procedure.code for row in rows if set(row.requester_roles) & set(DESKS)}
    assert set(forms()) == asked


@pytest.mark.parametrize("procedure", sorted(forms()))
def test_an_answer_fills_only_what_its_row_releases(procedure: str) -> None:
    """A place that an answer fills names a row of the form's procedures and a field that this row releases; every row fills some place."""
    rows, form = law.packaged().rows, form_of(procedure)
    own = {row.id for row in rows.values() if row.procedure.code in {procedure, *form.together}}
    filled = [place for place in form.places if place.HasField("row")]
    assert all(place.row in own and place.field in rows[place.row].fields for place in filled)
    assert {place.row for place in filled} == own
    assert all(place.label.ja and place.label.en for place in form.places)


def test_a_clerk_reads_every_answer_of_an_application_in_words() -> None:
    """Whatever the portal's form asks an applicant has a place, and so a label, in the form of the desk that gets the application."""
    asked = {(offer.code, place.name) for offer in catalogue.read().offers.values() for place in offer.places}
    placed = {(code, place.name) for code in forms() for place in form_of(code).places}
    assert asked
    assert not asked - placed


def test_an_ended_row_is_not_offered() -> None:
    """The invented row that ended on 2026-03-31 is allowed on that day and its procedure is gone on the next."""
    book = law.packaged()
    assert [one.row.id for one in find(book, NHI, date(2026, 3, 31), "JT90000000000801").allowed] == ["X01"]
    assert find(book, NHI, date(2026, 4, 1), "JT90000000000801") is None


def test_a_case_asks_nobody_of_its_own_body() -> None:
    """No procedure names a provider of the institution's own body."""
    book = law.packaged()
    for institution in book.institutions.values():
        for one in handled(book, institution.code, TODAY):
            bodies = {provider.operator.code for askable in one.allowed for provider in askable.providers}
            assert institution.operator.code not in bodies


def test_joining_asks_for_the_premium_too() -> None:
    """A case of joining national health insurance may ask under the premium's row, one of the premium not under the other."""
    book = law.packaged()
    assert {one.row.id for one in find(book, NHI, TODAY, "JT90000000000102").allowed} == {"P07", "P08"}
    assert {one.row.id for one in find(book, NHI, TODAY, "JT90000000000101").allowed} == {"P07"}


@pytest.mark.parametrize(
    "reference", ["", "c-", "c-1", "000001", "c-０00001", "c-00001x", "c-0000001", "c-" + "9" * 30]
)
def test_a_reference_is_read_as_it_is_written_alone(reference: str) -> None:
    """Anything but the one way of writing a case's number is an unknown case."""
    with pytest.raises(LinkageError) as refused:
        kept.position_of(reference)
    assert refused.value.reason == Reason.CLIENT_CASE_UNKNOWN
    assert kept.position_of(kept.reference_of(1)) == 1
    assert kept.position_of(kept.reference_of(12345678)) == 12345678
