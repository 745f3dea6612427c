"""Two drills: one under way, with a hint taken and a task done, and one graded before anything was done in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.visitors import Visitor, entered
from warifu.simulator.tour.windows import suspend

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from warifu.simulator.state import NetworkFile
    from warifu.simulator.tour.acts import Scene

UNDER_WAY, GRADED = "lost-card", "curious-insider"
_PLANTING: Final = 60_000
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
