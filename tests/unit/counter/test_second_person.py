"""What needs a second person is done by two people, once, exactly as it was approved."""

from __future__ import annotations

import asyncio
import re

import pytest
from unit.counter.lab import ADDRESSEE, CHIEF, CLERK, REVIEWER, Browser, Lab, visible

from warifu.counter.proposals.queries import Proposals, State
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason

WHY = "支援措置の申出（令和8年第12号）"
FORM = {"visit": "1", "flags": ["non_disclosure", "manual_review"], "why": WHY}


async def proposed(lab: Lab) -> Browser:
    """A clerk who received HANA and proposed her protection."""
    clerk = Browser(lab)
    await clerk.log_in()
    await clerk.receive()
    response = await clerk.post("/protections", FORM)
    assert response.headers["location"] == "/residency-480011/proposals/1"
    return clerk


async def chief_of(lab: Lab) -> Browser:
    """The chief."""
    chief = Browser(lab)
    await chief.log_in(CHIEF)
    return chief


async def approve(browser: Browser, number: int = 1) -> int:
    """Approve what the page shows."""
    page = (await browser.get(f"/proposals/{number}")).text
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    return (await browser.post(f"/proposals/{number}/approve", {"seen": seen[1] if seen else ""})).status_code


def state(lab: Lab, number: int = 1) -> str:
    """Where a proposal stands."""
    row = lab.bench().proposals.one(number)
    assert row is not None
    return row.state


async def test_a_protection_is_set_when_the_chief_approves_it(lab: Lab) -> None:
    """Nothing is told before; then the interim server is told exactly what was proposed, and both people are on record."""
    await proposed(lab)
    assert lab.stubs.interims.asked == []
    chief = await chief_of(lab)
    assert "1 件" in visible((await chief.get("")).text)
    assert await approve(chief) == 303
    (request,) = lab.stubs.interims.requests("SetProtection")
    assert request == interim_pb2.SetProtectionRequest(
        institution="residency-480011", addressee_no=ADDRESSEE, non_disclosure=True, manual_review=True, reason=WHY
    )
    assert state(lab) == State.DONE
    acts = lab.acts()
    assert ("propose", CLERK, ADDRESSEE, "done") in acts
    assert acts[-2:] == [("approve", CHIEF, "proposal-1", "done"), ("protect", CHIEF, ADDRESSEE, "done")]


async def test_without_a_visitor_no_protection_is_proposed(lab: Lab) -> None:
    """No visit, an ended one and nonsense lead to where a visitor is received; nothing is proposed."""
    clerk = Browser(lab)
    await clerk.log_in()
    for visit in ("", "1", "x"):
        assert (await clerk.post("/protections", FORM | {"visit": visit})).status_code == 400
    await clerk.receive()
    await clerk.post("/visitors/1/end")
    response = await clerk.post("/protections", FORM)
    assert 'data-testid="empty"' in response.text
    assert lab.bench().proposals.waiting() == 0


async def test_a_reason_is_needed(lab: Lab) -> None:
    """Without a reason on one line the form comes back with the ticks as they were."""
    clerk = Browser(lab)
    await clerk.log_in()
    await clerk.receive()
    for why in ("", "a\nb", "x" * 201):
        response = await clerk.post("/protections", FORM | {"why": why})
        assert response.status_code == 400
        assert response.text.count(" checked") == 2
        assert 'data-testid="why-wrong"' in response.text


async def test_nobody_approves_their_own(lab: Lab) -> None:
    """A chief who proposes is refused the approval and the refusal, by the page and by a form sent without it."""
    clerk = await proposed(lab)
    chief = await chief_of(lab)
    await chief.post("/protections", FORM)
    assert 'data-testid="proposal-approve"' not in (await chief.get("/proposals/2")).text
    row = lab.bench().proposals.one(2)
    assert row is not None
    for what in ("approve", "refuse"):
        assert (await chief.post(f"/proposals/2/{what}", {"seen": "0" * 64})).status_code == 403
    assert (await clerk.post("/proposals/1/approve")).status_code == 403
    assert lab.stubs.interims.asked == []


async def test_what_was_not_seen_is_not_approved(lab: Lab) -> None:
    """An approval names the bytes that were shown; one of other bytes is refused."""
    await proposed(lab)
    chief = await chief_of(lab)
    response = await chief.post("/proposals/1/approve", {"seen": "0" * 64})
    assert response.status_code == 409
    assert (state(lab), lab.stubs.interims.asked) == (State.WAITING, [])


async def test_of_two_who_approve_at_once_one_does_it(lab: Lab) -> None:
    """Sent twice at once, the approval is carried out once."""
    await proposed(lab)
    chief = await chief_of(lab)
    await asyncio.gather(*(approve(chief) for _ in range(4)))
    assert len(lab.stubs.interims.requests("SetProtection")) == 1


async def test_a_decided_proposal_is_not_decided_again(lab: Lab) -> None:
    """After a refusal an approval has no effect, and the proposer cannot take it back."""
    clerk = await proposed(lab)
    chief = await chief_of(lab)
    await chief.post("/proposals/1/refuse")
    await clerk.post("/proposals/1/withdraw")
    await approve(chief)
    row = lab.bench().proposals.one(1)
    assert row is not None
    assert (await chief.post("/proposals/1/approve", {"seen": _seen(row.content)})).status_code == 303
    assert (state(lab), lab.stubs.interims.asked) == (State.REFUSED, [])


async def test_what_could_not_be_told_is_done_later(lab: Lab) -> None:
    """While the interim server is away the proposal stays approved, and is done when the chief tries again."""
    await proposed(lab)
    chief, answer = await chief_of(lab), lab.stubs.interims.answers["SetProtection"]
    lab.stubs.interims.answers["SetProtection"] = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    await approve(chief)
    assert state(lab) == State.APPROVED
    assert 'data-testid="proposal-again"' in (await chief.get("/proposals/1")).text
    lab.stubs.interims.answers["SetProtection"] = answer
    assert (await chief.post("/proposals/1/again")).status_code == 303
    assert state(lab) == State.DONE
    await chief.post("/proposals/1/again")
    assert len(lab.stubs.interims.requests("SetProtection")) == 2


async def test_what_was_done_before_a_crash_is_done_when_it_is_tried_again(lab: Lab, monkeypatch) -> None:
    """When the process ends between telling and noting it down, the chief tries again: the same bytes are sent, and the proposal is done."""
    await proposed(lab)
    chief, close = await chief_of(lab), Proposals.close

    async def killed(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(Proposals, "close", killed)
    await approve(chief)
    monkeypatch.setattr(Proposals, "close", close)
    assert state(lab) == State.APPROVED
    await chief.post("/proposals/1/again")
    assert state(lab) == State.DONE
    first, second = lab.stubs.interims.requests("SetProtection")
    assert first == second


async def test_an_older_approval_undoes_no_newer_one(lab: Lab) -> None:
    """What stayed approved while a later proposal about the same person was done is not carried out any more, and says so."""
    clerk = await proposed(lab)
    chief, answer = await chief_of(lab), lab.stubs.interims.answers["SetProtection"]
    lab.stubs.interims.answers["SetProtection"] = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    await approve(chief)
    lab.stubs.interims.answers["SetProtection"] = answer
    await clerk.post("/protections", FORM | {"flags": []})
    await approve(chief, 2)
    told = len(lab.stubs.interims.requests("SetProtection"))
    await chief.post("/proposals/1/again")
    assert (state(lab), state(lab, 2)) == (State.OVERTAKEN, State.DONE)
    assert len(lab.stubs.interims.requests("SetProtection")) == told
    assert 'data-state="overtaken"' in (await chief.get("/proposals/1")).text


async def test_what_is_refused_for_good_is_told_and_not_tried_again(lab: Lab) -> None:
    """A refusal by the interim server ends the proposal; its reason is on the page and on record."""
    await proposed(lab)
    lab.stubs.interims.answers["SetProtection"] = LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
    chief = await chief_of(lab)
    await approve(chief)
    assert state(lab) == State.FAILED
    assert 'data-reason="CLIENT_ADDRESSEE_UNKNOWN"' in (await chief.get("/proposals/1")).text
    assert lab.acts()[-1] == ("protect", CHIEF, ADDRESSEE, "CLIENT_ADDRESSEE_UNKNOWN")


async def test_a_proposer_takes_their_own_back(lab: Lab) -> None:
    """The proposer withdraws what waits; somebody else cannot."""
    clerk = await proposed(lab)
    chief = await chief_of(lab)
    assert (await chief.post("/proposals/1/withdraw")).status_code == 404
    await clerk.post("/proposals/1/withdraw")
    assert state(lab) == State.WITHDRAWN


async def test_others_see_only_their_own_proposals(lab: Lab) -> None:
    """A reviewer finds neither the proposal nor its line; the clerk finds both; the chief finds all."""
    clerk = await proposed(lab)
    reviewer, chief = Browser(lab), await chief_of(lab)
    await reviewer.log_in(REVIEWER)
    assert (await reviewer.get("/proposals/1")).status_code == 403
    assert 'data-testid="proposal"' not in (await reviewer.get("/proposals")).text
    for browser in (clerk, chief):
        assert (await browser.get("/proposals/1")).status_code == 200
        assert 'data-testid="proposal"' in (await browser.get("/proposals")).text
    assert (await chief.get("/proposals/2")).status_code == 404


async def test_the_form_begins_with_what_was_set_last(lab: Lab) -> None:
    """A later proposal shows the flags in force here ticked, so that none is lifted unseen; lifting all says so."""
    clerk = await proposed(lab)
    chief = await chief_of(lab)
    await approve(chief)
    text = (await clerk.get("/protections?visit=1")).text
    assert re.findall(r'value="(\w+)"[^>]* checked', text) == ["non_disclosure", "manual_review"]
    await clerk.post("/protections", FORM | {"flags": []})
    assert "なし（すべて解除）" in visible((await chief.get("/proposals/2")).text)
    await approve(chief, 2)
    assert not lab.stubs.interims.requests("SetProtection")[-1].non_disclosure


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_every_state_has_its_page(lab: Lab, language: str) -> None:
    """Waiting, done, refused and withdrawn proposals are shown in both languages, each state in words."""
    clerk = await proposed(lab)
    chief = Browser(lab, language=language)
    await chief.log_in(CHIEF)
    for _ in range(3):
        await clerk.post("/protections", FORM)
    await approve(chief, 2)
    await chief.post("/proposals/3/refuse")
    await clerk.post("/proposals/4/withdraw")
    text = (await chief.get("/proposals")).text
    assert re.findall(r'data-state="(\w+)"', text) == ["withdrawn", "refused", "done", "waiting"]


def _seen(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()
