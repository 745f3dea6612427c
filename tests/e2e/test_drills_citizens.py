"""Drills around one person, on a whole network: who does nothing, who does the wrong thing, and who does it right through the faces' forms.

What they find is read by the drills' own checks; the ground truth comes from where the drills keep it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from e2e.acting import CARD_CLERK, CHIEF, REVIEWER, Acting
from running import Running

from warifu.simulator.doors import doors
from warifu.simulator.drills import answer, begin, grade, running
from warifu.simulator.drills.registry import DRILLS
from warifu.simulator.scenarios.stage import Stage

T = TypeVar("T")
slow = pytest.mark.slow
WHY = "拾得物として届き、本人に返した"


@dataclass
class Drilled:
    """A drill that has begun on a network."""

    acting: Acting
    name: str

    @property
    def facts(self) -> dict[str, Any]:
        """What was planted."""
        return dict(running(self.acting.network.state, self.name).facts)

    def answer(self, **given: str) -> None:
        """Answer questions."""
        for task, value in given.items():
            answer(self.acting.network.state, self.name, task, value)

    def grade(self) -> dict[str, str | None]:
        """What was missed: detail in English by task, None where it is done."""
        made = on_stage(self.acting.network, lambda stage: grade(stage, self.name))
        assert made["passed"] is all(one["done"] for one in made["findings"])
        assert all(one["detail"]["ja"] and one["detail"]["en"] for one in made["findings"])
        return {one["task"]: None if one["done"] else one["detail"]["en"] for one in made["findings"]}


def on_stage(network: Running, act: Callable[[Stage], Awaitable[T]]) -> T:
    """Do something with the network's doors open, as the command does."""

    async def run() -> T:
        async with doors(network.file) as opened:
            return await act(Stage(network.file, network.state, opened))

    return asyncio.run(run())


@pytest.fixture(scope="module")
def acting(network: Running) -> Acting:
    """Everyone at the network."""
    return Acting(network)


@pytest.fixture
def drilled(acting: Acting, request: pytest.FixtureRequest) -> Drilled:
    """The drill that the test names, begun with somebody new."""
    name = request.param
    on_stage(acting.network, lambda stage: begin(stage, name, again=True))
    return Drilled(acting, name)


LEAKED = pytest.mark.parametrize("drilled", ["leaked-number"], indirect=True)
LOST = pytest.mark.parametrize("drilled", ["lost-card"], indirect=True)
SHARED = pytest.mark.parametrize("drilled", ["shared-terminal"], indirect=True)


@pytest.mark.parametrize("drilled", ["leaked-number", "lost-card", "shared-terminal"], indirect=True)
def test_who_does_nothing_misses_everything(drilled: Drilled) -> None:
    """Every task is named as missed, each with a reason of its own, and nothing of the truth stands in it."""
    missed = drilled.grade()
    assert list(missed) == [task.id for task in DRILLS[drilled.name].tasks]
    assert all(missed.values()), missed
    acts = [missed[task.id] for task in DRILLS[drilled.name].tasks if not task.question]
    assert len(set(acts)) == len(acts)


# --- leaked-number --------------------------------------------------------------------------------------------------


def change_number(acting: Acting, facts: dict[str, Any]) -> str:
    """Card clerk: receive the person and have a new number assigned; it."""
    clerk, visit = acting.visit(facts["office"], CARD_CLERK, facts["person"])
    form = {"visit": visit, "number": facts["old_number"], "why": "誤送付のあと不審な電話", "judged": "1"}
    found = re.search(r'data-testid="new-number">([0-9]{12})<', clerk.post("/numbers", form, expected=200))
    assert found is not None
    return found[1]


@slow
@LEAKED
def test_a_leaked_number_handled_wrongly(drilled: Drilled) -> None:
    """A report that counts wrongly and sees no wrongful purpose, wrong answers, and a number that nobody changed are each named."""
    facts = drilled.facts
    drilled.acting.report(facts["office"], persons=2, wrongful=False)
    drilled.answer(codes="all", history="99")
    missed = drilled.grade()
    assert "still identified" in (missed["number"] or "")
    assert "No code" in (missed["codes"] or "") or "no institution" in (missed["codes"] or "")
    assert "99" in (missed["history"] or "")
    assert "no answer" in (missed["letter"] or "")
    assert "2 person" in (missed["report"] or "")


@LEAKED
def test_a_leaked_number_handled_right(drilled: Drilled) -> None:
    """A new number at the counter, the letter answered, the leak reported, and two questions answered: nothing was missed.

    The person's slip has the new number from then on, and somebody who names another person in the report misses that.
    """
    acting, facts = drilled.acting, drilled.facts
    new = change_number(acting, facts)
    reviewer = acting.staff(facts["office"], REVIEWER)
    reviewer.eventually("/letters", facts["letter"])
    reviewer.post(f"/letters/{facts['letter']}", {"text": "番号を変えました。履歴は変わりません。"})
    page = acting.citizen(facts["person"]).history()
    drilled.answer(codes="none", history=f"{len(page)}件")
    acting.report(facts["office"], persons=1, wrongful=True, what=f"{facts['name']}さんの書類を誤って送った")
    assert "name a person" in (drilled.grade()["report"] or "")
    acting.report(facts["office"], persons=1, wrongful=True)
    assert drilled.grade() == dict.fromkeys(("number", "codes", "history", "letter", "report"))
    assert acting.number(facts["person"]) == new


# --- lost-card ------------------------------------------------------------------------------------------------------


def order(acting: Acting, facts: dict[str, Any], act: str) -> None:
    """Card clerk and section chief: do something with the card that was found."""
    clerk, visit = acting.visit(facts["office"], CARD_CLERK, facts["person"])
    proposal = clerk.post("/cards", {"visit": visit, "card": facts["card"], "act": act, "why": WHY})
    acting.staff(facts["office"], CHIEF).approve(proposal)


@slow
@LOST
def test_a_lost_card_handled_wrongly(drilled: Drilled) -> None:
    """Stopped and then revoked, with wrong answers: only the stop counts, and the card that was found is lost for good."""
    drilled.acting.suspend(drilled.facts["person"])
    order(drilled.acting, drilled.facts, "revoke")
    drilled.answer(used="nothing", report="office")
    missed = drilled.grade()
    assert missed["stop"] is None
    assert "revoked" in (missed["release"] or "")
    assert "PIN" in (missed["pin"] or "")
    assert "saved" in (missed["used"] or "")
    assert "No institution" in (missed["report"] or "")


@slow
@LOST
def test_a_lost_card_handled_right(drilled: Drilled) -> None:
    """Stopped at the help line, which ends the finder's session; released by two; PIN changed; and what was done is found in the operations."""
    acting, facts = drilled.acting, drilled.facts
    acting.suspend(facts["person"])
    early = drilled.grade()
    assert (early["stop"], "still suspended" in (early["release"] or "")) == (None, True)
    order(acting, facts, "release")
    acting.change_pin(facts["person"])
    acts = [one["act"] for one in acting.citizen(facts["person"]).document("/api/v1/operations")["operations"]]
    assert "history-exported" in acts
    drilled.answer(used="exported", report="nobody")
    assert drilled.grade() == dict.fromkeys(("stop", "release", "pin", "used", "report"))


# --- shared-terminal ------------------------------------------------------------------------------------------------


@slow
@SHARED
def test_a_session_left_open_handled_wrongly(drilled: Drilled) -> None:
    """Only the mandate is ended, the stranger is counted wrongly, and the report sees no wrongful purpose: the rest is named."""
    acting, facts = drilled.acting, drilled.facts
    acting.citizen(facts["person"]).submit("/proxies/end", {"mandate": facts["mandate"]})
    drilled.answer(read="3", prevent="poster")
    acting.report(facts["office"], persons=1, wrongful=False)
    missed = drilled.grade()
    assert missed["mandate"] is None
    assert "still open" in (missed["sessions"] or "")
    assert "PIN" in (missed["pin"] or "")
    assert "was 3" in (missed["read"] or "")
    assert "shared terminal" in (missed["prevent"] or "")
    assert "wrongful" in (missed["reported"] or "")


@slow
@SHARED
def test_a_session_left_open_handled_right(drilled: Drilled) -> None:
    """Mandate ended, logged out everywhere, PIN changed, what was read counted from the traces, and reported: nothing was missed."""
    acting, facts = drilled.acting, drilled.facts
    own = acting.citizen(facts["person"])
    (proxy,) = own.document("/api/v1/proxies")["proxies"]
    own.submit("/proxies/end", {"mandate": proxy["mandate"]})
    records = own.document("/api/v1/proxies/records")["records"]
    read = sum(one["act"] == "READ_ENTRY" and one["mandate"] == proxy["mandate"] for one in records)
    own.submit("/logout/everywhere", {})
    acting.change_pin(facts["person"])
    drilled.answer(read=str(read), prevent="kiosk")
    acting.report(facts["office"], persons=1, wrongful=True, what="待合の端末の画面を他人に見られた")
    assert drilled.grade() == dict.fromkeys(("sessions", "mandate", "pin", "read", "prevent", "reported"))
