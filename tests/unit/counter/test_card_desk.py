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


async def test_while_one_proposal_waits_no_other_is_made_about_the_card(lab: Lab) -> None:
    """The page says so and offers what one person may do alone; a form from before is refused in words; when it is withdrawn, all is offered again."""
    clerk = await window(lab, card(), card(PHONE, form=pb.CARD_FORM_PHONE))
    first = {"visit": "1", "card": CARD, "act": "reissue", "why": "券面が読めない"}
    await clerk.post("/cards", first)
    page = (await clerk.get("/cards?visit=1")).text
    waits, phone = page.split('data-testid="card"')[1:]
    assert 'data-testid="card-waits"' in waits
    assert f'href="/{CITY}/proposals/1"' in waits
    assert 'data-testid="unlock"' in waits
    assert "propose-" not in waits
    assert 'data-testid="propose-revoke"' in phone
    again = await clerk.post("/cards", first | {"act": "revoke"})
    assert again.status_code == 409
    assert written(CARD) in re.split('data-testid="problem"', again.text)[1].partition("</div>")[0]
    assert lab.bench().proposals.waiting() == 1
    await clerk.post("/proposals/1/withdraw")
    assert 'data-testid="propose-reissue"' in (await clerk.get("/cards?visit=1")).text
    assert (await clerk.post("/cards", first)).headers["location"].endswith("/proposals/2")


async def test_of_two_clerks_who_propose_at_once_one_does(lab: Lab) -> None:
    """Whoever comes second gets the number of the one that waits; about another card, or when a kind bears several, there is one more."""
    await window(lab)
    proposals, account = lab.bench().proposals, lab.bench().accounts.find(CARD_CLERK)
    assert account is not None
    adds = [
        proposals.add(account, "card", b"", about, "-", alone=alone)
        for about, alone in ((CARD, True), (CARD, True), (PHONE, True), (CARD, False))
    ]
    assert [await one for one in adds] == [1, 1, 2, 3]


async def test_a_proposal_of_somebody_else_is_said_and_not_linked(lab: Lab) -> None:
    """Another clerk reads that one waits; only who asked, and who decides, gets the way to it."""
    clerk = await window(lab, card())
    other = lab.bench().accounts.find(CLERK)
    assert other is not None
    await lab.bench().proposals.add(other, "card", b"", CARD, "-")
    page = (await clerk.get("/cards?visit=1")).text
    assert 'data-testid="card-waits"' in page
    assert "/proposals/1" not in page
