"""A new individual number at a residency counter."""

from __future__ import annotations

import pytest
from unit.counter.lab import ADDRESSEE, CARD_CLERK, CITY, CLERK, NUMBER, TAX, Browser, Lab, visible

from warifu.agency.v1 import agency_pb2
from warifu.kernel.errors import LinkageError, Reason

NEW = "999158388100"
WHY = "誤送付のあと、番号を知る者から電話があった"
FORM = {"visit": "1", "number": NUMBER, "why": WHY, "judged": "1"}


async def window(lab: Lab) -> Browser:
    """A card clerk with HANA before them; the numbering body gives NEW."""
    given = agency_pb2.ChangeIndividualNumberResponse(individual_number=NEW)
    lab.stubs.agencies.answers["ChangeIndividualNumber"] = given
    clerk = Browser(lab)
    await clerk.log_in(CARD_CLERK)
    await clerk.receive()
    return clerk


async def test_a_new_number_is_shown_once_and_kept_nowhere(lab: Lab) -> None:
    """The request has the old number and the reason; the page shows the new one; the acts have neither."""
    clerk = await window(lab)
    assert 'data-testid="step-numbers"' in (await clerk.get("/visitors/1")).text
    answer = await clerk.post("/numbers", FORM)
    assert answer.status_code == 200
    assert NEW in visible(answer.text)
    assert answer.headers["cache-control"] == "no-store"
    (asked,) = lab.stubs.agencies.requests("ChangeIndividualNumber")
    assert asked == agency_pb2.ChangeIndividualNumberRequest(
        institution=CITY, addressee_no=ADDRESSEE, individual_number=NUMBER, reason=WHY
    )
    assert ("change-number", CARD_CLERK, ADDRESSEE, "done") in lab.acts()
    assert not {NUMBER, NEW} & {about for _, _, about, _ in lab.acts()}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "999000000009"}, "number"),
        ({"number": ""}, "number"),
        ({"why": " "}, "why"),
        ({"why": "一\n二"}, "why"),
        ({"judged": ""}, "judged"),
    ],
)
async def test_nothing_is_asked_before_all_is_said(lab: Lab, change: dict[str, str], field: str) -> None:
    """What is missing or wrong is told beside its field, the typed number is not shown again, and nobody is asked."""
    clerk = await window(lab)
    answer = await clerk.post("/numbers", FORM | change)
    assert answer.status_code == 400
    assert f'id="{field}-wrong"' in answer.text
    assert NUMBER not in answer.text
    assert lab.stubs.agencies.requests("ChangeIndividualNumber") == []


async def test_a_refusal_is_told_in_words(lab: Lab) -> None:
    """A number that is retired already, as after sending the page twice, changes nothing and is said to be so."""
    clerk = await window(lab)
    lab.stubs.agencies.answers["ChangeIndividualNumber"] = LinkageError(Reason.CLIENT_NUMBER_RETIRED)
    answer = await clerk.post("/numbers", FORM)
    assert answer.status_code == 409
    assert 'data-reason="CLIENT_NUMBER_RETIRED"' in answer.text
    assert ("change-number", CARD_CLERK, ADDRESSEE, "CLIENT_NUMBER_RETIRED") in lab.acts()


async def test_whose_work_it_is_and_for_whom(lab: Lab) -> None:
    """Only a residency office's card clerk may; without a visit that counts the page says where to begin."""
    clerk = await window(lab)
    await clerk.post("/visitors/1/end")
    assert 'data-testid="empty"' in (await clerk.get("/numbers?visit=1")).text
    assert (await clerk.post("/numbers", FORM)).status_code == 400
    assert lab.stubs.agencies.requests("ChangeIndividualNumber") == []
    other = Browser(lab)
    await other.log_in(CLERK)
    assert (await other.get("/numbers")).status_code == 403
    elsewhere = Browser(lab, TAX)
    await elsewhere.log_in(CLERK)
    assert (await elsewhere.get("/numbers")).status_code == 403


async def test_a_form_from_elsewhere_changes_nothing(lab: Lab) -> None:
    """Another site's form with the clerk's cookie is refused before anything is looked at."""
    clerk = await window(lab)
    assert (await clerk.post("/numbers", FORM, origin="http://evil.example")).status_code == 403
    assert lab.stubs.agencies.requests("ChangeIndividualNumber") == []
