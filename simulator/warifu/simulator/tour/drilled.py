"""Three drills: one under way, with a hint taken and a task done; one graded before anything was done in it; and one passed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.state import until
from warifu.simulator.tour.visitors import Visitor, entered
from warifu.simulator.tour.windows import suspend

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from warifu.simulator.state import NetworkFile
    from warifu.simulator.tour.acts import Scene

UNDER_WAY, GRADED, SOLVED = "lost-card", "curious-insider", "altered-log"
PROOF: Final = "commitment-broken"
"""Which finding of a reconciliation proves that a record was altered."""
_NAMED: Final = "basis-differs"
"""Which one names the exchange."""
_REQUEST: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ASKED: Final = "この記録はログと合うと出ます"
"""What the citizen of that drill asks the supervisor."""
_ANSWER: Final = "あなたの履歴にある記録は正しいものです。書き換えられていたのは、ゲートウェイの側の記録です。"
_PLANTING: Final = 180_000
"""Milliseconds until an incident is planted, or a drill graded."""


def lead(browser: Browser, network: NetworkFile, _scene: Scene) -> None:
    """Begin both, act in the one and grade the other."""
    stage = network.urls["stage"]
    with entered(browser, network, Visitor("trainer", "", "", "stage"), "", "") as context:
        page = context.new_page()
        _begin(page, stage, UNDER_WAY)
        page.get_by_test_id("hint-stop").click()
        task = page.locator("[data-testid=drill-task][data-task=stop]")
        slip = task.get_by_test_id("way-slip").first.get_attribute("href") or ""
        page.goto(stage + slip)
        suspend(page, network.urls["portal"], _read(page))
        _begin(page, stage, GRADED)
        page.get_by_test_id("drill-grade-button").click()
        page.get_by_test_id("drill-debrief").wait_for(timeout=_PLANTING)


def solve(browser: Browser, network: NetworkFile, _scene: Scene) -> None:
    """Find the altered record as an examiner does, answer the citizen and the trainer, and have it graded."""
    stage, examiner = network.urls["stage"], Visitor("examiner", "", "", "watchdog", staff="examiner")
    with (
        entered(browser, network, Visitor("trainer", "", "", "stage"), "", "") as room,
        entered(browser, network, examiner, "", "") as office,
    ):
        page, desk = room.new_page(), office.new_page()
        _begin(page, stage, SOLVED)
        altered = _reconciled(desk, network.urls["watchdog"])
        _answer_citizen(desk, network.urls["watchdog"])
        page.fill("#answer-exchange", altered)
        _answer(page, "exchange")
        for task, value in (("party", "gateway"), ("proof", PROOF)):
            page.check(f"#answer-{task}-{value}")
            _answer(page, task)
        page.get_by_test_id("drill-grade-button").click()
        page.locator("[data-testid=drill-grade][data-passed=yes]").wait_for(timeout=_PLANTING)


def _reconciled(page: Page, console: str) -> str:
    """Reconcile, and read off which exchange's record was altered."""
    page.goto(f"{console}/reconciliations")
    page.get_by_test_id("begin").click()
    until("[data-testid=run]")(page)
    page.get_by_test_id("run").first.get_by_role("link").click()
    said = page.get_by_test_id("found-one").filter(has_text=_NAMED).first.inner_text()
    found = _REQUEST.search(said)
    return found[0] if found else ""


def _answer(page: Page, task: str) -> None:
    page.get_by_test_id(f"answer-{task}").click()
    page.locator(f"[data-testid=task-state][data-task={task}]:not([data-state=open])").wait_for()


def _answer_citizen(page: Page, console: str) -> None:
    page.goto(f"{console}/letters")
    until("[data-testid=letter]", lambda _: page.get_by_text(_ASKED).count() > 0)(page)
    page.get_by_test_id("letter").filter(has_text=_ASKED).first.get_by_role("link").click()
    if page.locator("#text").count():
        page.fill("#text", _ANSWER)
        page.get_by_test_id("letter-send").click()
    until("[data-testid=letter-answer] .mark.good")(page)


def _begin(page: Page, stage: str, name: str) -> None:
    page.goto(f"{stage}/drills/{name}")
    if page.get_by_test_id("drill-begin").count():
        page.get_by_test_id("drill-begin").click()
    page.get_by_test_id("drill-briefing").wait_for(timeout=_PLANTING)


def _read(page: Page) -> dict[str, str]:
    """A visitor's slip, as the help line wants it."""
    items = {"name": "name", "address": "address", "birth_date": "birth"}
    told = {item: page.get_by_test_id(f"slip-{part}").inner_text() for item, part in items.items()}
    sex = page.get_by_test_id("slip-sex").inner_text()
    return {**told, "sex": "male" if sex in {"男", "Male"} else "female"}
