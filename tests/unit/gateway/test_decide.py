"""Step 2: what is decided of an inquiry, on which day, and what a refusal says. The law itself has tests of its own."""

from datetime import date

import pytest
from unit.gateway.samples import PROVIDER, StandingClock, header

from warifu import law
from warifu.exchange.v1.exchange_pb2 import Consent
from warifu.gateway.convert import Converted
from warifu.gateway.decide import Allowed, Decisions, Refused
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2 as pb

BOOK = law.packaged()
SERVES = Converted(person=object(), refused=None)
UNKNOWN = Converted(person=None, refused=Reason.CLIENT_CODE_UNKNOWN)
DAY = date(2026, 6, 1)
NEEDS_CONSENT = {
    "requester": "insurer-06480016",
    "affair": "JM90000000000201",
    "procedure": "JT90000000000201",
    "item": "TM90000000000001",
}
UNTIL_MARCH = {
    "provider": "residency-490016",
    "affair": "JM90000000000801",
    "procedure": "JT90000000000801",
    "item": "TM90000000000002",
}


class Book:
    """A law book in force."""

    def book(self):
        """See `CurrentLaw`."""
        return BOOK


@pytest.fixture
def decisions():
    """Decisions by the shipped law book; the clock stands on 2026-06-01."""
    return Decisions(Book(), StandingClock())


def decide(decisions, asked, converted, day):
    """What is decided of one inquiry."""
    (decided,) = decisions.decide([(asked, converted)], day)
    return decided


def test_what_a_row_allows_is_allowed_by_that_row(decisions):
    """The decision names the row and the version of the table."""
    assert decide(decisions, header(), SERVES, DAY) == Allowed("P07", BOOK.version)


def test_the_day_is_the_exchanges_and_not_the_clocks(decisions):
    """A row that ended in March allows an exchange whose time is in March, whatever the clock says when it is decided."""
    assert decide(decisions, header(**UNTIL_MARCH), SERVES, date(2026, 3, 31)) == Allowed("X01", BOOK.version)
    refused = decide(decisions, header(**UNTIL_MARCH), SERVES, date(2026, 4, 1))
    assert (refused.denial.reason, refused.denial.failed_condition, refused.row) == (
        "CLIENT_NOT_IN_FORCE",
        "date",
        "X01",
    )


@pytest.mark.parametrize(
    ("given_on", "allowed"), [(None, False), ("2026-06-02", False), ("2026-06-01", True), ("2019-01-01", True)]
)
def test_consent_counts_from_the_day_it_was_given(decisions, given_on, allowed):
    """No consent, and consent dated tomorrow, is none today."""
    consent = Consent(given_on=given_on, reference="form 12") if given_on else None
    decision = decide(decisions, header(**NEEDS_CONSENT, consent=consent), SERVES, DAY)
    assert isinstance(decision, Allowed) is allowed
    assert allowed or decision.denial.reason == "CLIENT_CONSENT_MISSING"


def test_a_code_that_does_not_serve_is_refused_in_both_languages(decisions):
    """What the law allows is refused for the code's sake, by no row."""
    refused = decide(decisions, header(), UNKNOWN, DAY)
    assert isinstance(refused, Refused)
    assert (refused.denial.reason, refused.denial.failed_condition) == (Reason.CLIENT_CODE_UNKNOWN, "subject")
    assert refused.denial.message.ja
    assert refused.denial.message.en
    assert refused.row is None


def test_what_the_law_says_goes_before_what_the_code_says(decisions):
    """An inquiry that no row allows is refused by the law, whoever the code names."""
    refused = decide(decisions, header(item="TM99999999999999"), UNKNOWN, DAY)
    assert (refused.denial.reason, refused.row) == ("CLIENT_ITEM_NOT_PERMITTED", "P07")
    assert refused.denial.citation


def test_a_dry_run_is_judged_on_the_networks_day(decisions):
    """May I? is a question of today."""
    asked = pb.DecideRequest(**{"provider": PROVIDER, **UNTIL_MARCH})
    assert decisions.try_out("nhi-480029", asked).denied.reason == "CLIENT_NOT_IN_FORCE"
    asked = pb.DecideRequest(
        provider=PROVIDER, affair=header().affair, procedure=header().procedure, item=header().item
    )
    row = decisions.try_out("nhi-480029", asked).permitted
    assert (row.row, row.effective_from, row.HasField("effective_to")) == ("P07", "2017-11-13", False)
    assert row.citation.ja
    assert row.purpose.en


def test_every_row_of_the_book_is_listed_for_whom_it_allows(decisions):
    """Over all institutions the lists hold each row in force, once for each role that may be asked, and no other.

    Nothing is ruled here, so rows by ordinance are listed for nobody.
    """
    listed = set()
    for code, institution in BOOK.institutions.items():
        rows = decisions.list_permissions(code).rows
        assert {row.requester_role for row in rows} <= {institution.role.code}
        listed |= {(row.row, row.requester_role, row.provider_role) for row in rows}
    expected = {
        (row.id, asking, asked)
        for row in BOOK.rows.values()
        if row.in_force(DAY) and row.origin == "statute"
        for asking in row.requester_roles
        for asked in row.provider_roles
    }
    assert listed == expected


def test_an_institution_that_is_not_registered_is_unknown(decisions):
    """Neither a list nor a party exists for it."""
    for ask in (decisions.list_permissions, decisions.kind_of):
        with pytest.raises(LinkageError) as refused:
            ask("tax-999999")
        assert refused.value.reason == Reason.CLIENT_INSTITUTION_UNKNOWN
    assert decisions.kind_of("nhi-480029") == "health_insurance"
