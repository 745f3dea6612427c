"""The reviewer's page of answers that wait."""

from __future__ import annotations

from typing import Any

from unit.counter.lab import HANA, REVIEWER, TAX, Browser, Lab, visible

from warifu.agency.v1 import agency_pb2
from warifu.exchange.permit import stamp
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason


def waiting(lab: Lab, *numbers: str) -> None:
    """Answers that wait, about these addressees; of them the business system knows "1"."""
    made = [
        interim_pb2.Review(
            permit_id=f"permit-{number}",
            addressee_no=number,
            requester="nhi-480029",
            procedure="JT90000000000101",
            item="TM90000000000001",
            requested_at=stamp(lab.clock.now),
            review_until=stamp(lab.clock.now),
        )
        for number in numbers
    ]
    lab.stubs.interims.answers["ListReviews"] = interim_pb2.ListReviewsResponse(reviews=made)

    def subject(request: Any) -> agency_pb2.GetSubjectResponse:
        if request.addressee_no != "1":
            raise LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
        return agency_pb2.GetSubjectResponse(basic_items=HANA)

    lab.stubs.agencies.answers["GetSubject"] = subject


async def test_an_answer_about_somebody_unknown_hinders_no_other(lab: Lab) -> None:
    """An answer about somebody whom the business system does not know is listed without a name, beside the others, and can be decided."""
    waiting(lab, "1", "2")
    reviewer = Browser(lab, TAX)
    await reviewer.log_in(REVIEWER)

    page = await reviewer.get("/reviews")

    assert page.status_code == 200
    assert page.text.count('data-testid="review-provide"') == 2
    assert visible(page.text).count(HANA.name) == 1


async def test_while_the_business_system_is_away_the_page_says_so(lab: Lab) -> None:
    """That nobody can be looked up now is no reason to show an answer without a name."""
    waiting(lab, "1")
    lab.stubs.agencies.answers["GetSubject"] = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    reviewer = Browser(lab, TAX)
    await reviewer.log_in(REVIEWER)

    page = await reviewer.get("/reviews")

    assert page.status_code == 502
    assert 'data-reason="PROVIDER_UNAVAILABLE"' in page.text
