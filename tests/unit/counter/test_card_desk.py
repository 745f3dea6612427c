"""Cards at a municipality's counter."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from unit.counter.lab import ADDRESSEE, CARD_CLERK, CHIEF, CITY, CLERK, HANA, Browser, Lab, visible

from warifu.exchange.card_number import draw, written
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.numbering.v1 import numbering_pb2 as pb

CARD, PHONE = (draw(Ids(b"numbers"), scope) for scope in ("card", "phone"))


def card(number: str = CARD, status: int = pb.CERTIFICATE_STATUS_GOOD, form: int = pb.CARD_FORM_CARD) -> pb.Card:
    """A card as the card authority tells of it."""
    made = pb.Card(card_number=number, form=form, status=status)
    made.not_after.FromDatetime(datetime(2035, 6, 12, tzinfo=UTC))
    one = made.certificates.add(kind=pb.CERTIFICATE_KIND_AUTHENTICATION, status=status)
    one.not_after.FromDatetime(datetime(2030, 6, 12, tzinfo=UTC))
    if status == pb.CERTIFICATE_STATUS_SUSPENDED:
        report = made.reports.add(receipt="12345678", by_card_number=True)
        report.reported_at.FromDatetime(datetime(2026, 4, 6, tzinfo=UTC))
    return made


async def window(lab: Lab, *cards: pb.Card) -> Browser:
    """A card clerk with HANA before them, who has these cards."""
    lab.stubs.card_desk.answers |= {
        "FindCards": pb.FindCardsResponse(cards=cards),
        "OrderCard": pb.OrderCardResponse(),
    }
    clerk = Browser(lab)
    await clerk.log_in(CARD_CLERK)
    await clerk.receive()
    return clerk


async def approve(lab: Lab) -> int:
    """The chief approves the first proposal."""
    chief = Browser(lab)
    await chief.log_in(CHIEF)
    page = (await chief.get("/proposals/1")).text
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert seen is not None
    return (await chief.post("/proposals/1/approve", {"seen": seen[1]})).status_code


async def test_unlocking_is_done_at_once_by_one_person(lab: Lab) -> None:
    """The order names card, act and clerk, and the act is on record."""
    clerk = await window(lab, card())
    answer = await clerk.post("/cards", {"visit": "1", "card": CARD, "act": "unlock"})
    assert answer.headers["location"].endswith("/cards?visit=1&done=unlock")
    (order,) = lab.stubs.card_desk.requests("OrderCard")
    assert (order.card_number, order.act, order.clerk, order.approver) == (CARD, pb.CARD_ACT_UNLOCK_PIN, CARD_CLERK, "")
    assert ("unlock-card", CARD_CLERK, CARD, "done") in lab.acts()


@pytest.mark.parametrize(
    ("act", "code"),
    [("release", pb.CARD_ACT_RELEASE), ("reissue", pb.CARD_ACT_REISSUE), ("revoke", pb.CARD_ACT_REVOKE)],
)
async def test_a_second_person_releases(lab: Lab, act: str, code: int) -> None:
    """Nothing is ordered before the chief approves; then the order names both, and the same order again is the same."""
    clerk = await window(lab, card(status=pb.CERTIFICATE_STATUS_SUSPENDED))
    page = visible((await clerk.get("/cards?visit=1")).text)
    assert "12345678" in page
    assert written(CARD) in page
    answer = await clerk.post("/cards", {"visit": "1", "card": CARD, "act": act, "why": "受付番号 12345678"})
    assert answer.headers["location"] == f"/{CITY}/proposals/1"
    assert lab.stubs.card_desk.requests("OrderCard") == []
    assert "承認を待っている" in visible((await clerk.get("/cards?visit=1")).text)
    assert await approve(lab) == 303
    (order,) = lab.stubs.card_desk.requests("OrderCard")
    assert (order.act, order.clerk, order.approver) == (code, CARD_CLERK, CHIEF)


async def test_a_proposal_needs_a_reason(lab: Lab) -> None:
    """Without one the form comes back open, with the problem beside its field."""
    clerk = await window(lab, card(status=pb.CERTIFICATE_STATUS_SUSPENDED))
    answer = await clerk.post("/cards", {"visit": "1", "card": CARD, "act": "release", "why": " "})
    assert answer.status_code == 400
    assert 'id="why-wrong"' in answer.text


async def test_no_clerk_acts_on_another_s_card(lab: Lab) -> None:
    """A number that is not the visitor's, an unknown act and a visit that has ended order nothing."""
    clerk = await window(lab, card())
    assert (await clerk.post("/cards", {"visit": "1", "card": PHONE, "act": "unlock"})).status_code == 404
    for form in ({"act": "burn"}, {"card": "x"}, {"visit": "9"}):
        sent = {"visit": "1", "card": CARD, "act": "unlock"} | form
        assert (await clerk.post("/cards", sent)).status_code == 400
    await clerk.post("/visitors/1/end")
    assert (await clerk.post("/cards", {"visit": "1", "card": CARD, "act": "unlock"})).status_code == 400
    assert lab.stubs.card_desk.requests("OrderCard") == []


async def test_cards_are_found_by_the_particulars_and_on_record(lab: Lab) -> None:
    """The card authority is asked for the identified visitor alone, and each look is an act about their addressee number."""
    clerk = await window(lab, card(), card(PHONE, form=pb.CARD_FORM_PHONE))
    page = (await clerk.get("/cards?visit=1")).text
    assert page.count('data-testid="card"') == 2
    (asked, *_) = lab.stubs.card_desk.requests("FindCards")
    assert asked == pb.FindCardsRequest(institution=CITY, basic_items=HANA)
    assert ("see-cards", CARD_CLERK, ADDRESSEE, "done") in lab.acts()


async def test_whose_work_it_is(lab: Lab) -> None:
    """A window clerk may not; who is nobody logs in first."""
    clerk = Browser(lab)
    await clerk.log_in(CLERK)
    assert (await clerk.get("/cards?visit=1")).status_code == 403
    assert (await Browser(lab).get("/cards?visit=1")).status_code == 303


async def test_a_card_authority_that_is_down_is_said_so(lab: Lab) -> None:
    """The page stays, with the trouble in words."""
    clerk = await window(lab, card())
    lab.stubs.card_desk.answers["FindCards"] = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    answer = await clerk.get("/cards?visit=1")
    assert answer.status_code == 409
    assert 'data-testid="trouble"' in answer.text
