"""What is seen when the clock has moved on past the day by which letters were to be answered. The tour ends with it: a clock never goes back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.acts import Scene
from warifu.simulator.tour.state import State, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

TERM: Final = timedelta(days=35)
"""More than either term for an answer: 14 days for a question, 30 for an objection."""
_WORKDAYS: Final = 5


def later(scene: Scene) -> tuple[State, ...]:
    """The stage's clock when it has moved, then whoever sees what is overdue."""
    _, waiting, supervisor = scene.letters
    at_institution = (
        State("reviewer-later", "letters-overdue", f"/{scene.provider}/letters"),
        State("reviewer-later", "letter-overdue", f"/{scene.provider}/letters/{waiting}"),
    )
    return (
        State("trainer-later", "clock-moved", "/clock", _move),
        *(at_institution if scene.provider else ()),
        State("citizen-later", "letter-overdue", f"/letters/{waiting}"),
        State("examiner-later", "front-overdue", "/", until("[data-testid=n-late-letters] strong", lambda n: n != "0")),
        State("examiner-later", "letters-overdue", "/letters/overdue"),
        State("examiner-later", "own-letters-overdue", "/letters"),
        State("examiner-later", "own-letter-overdue", f"/letters/{supervisor}"),
    )


def _move(page: Page) -> None:
    """To the morning of a working day after the term, and let the work of the days in between be done."""
    day = date.fromisoformat(page.locator("#day").get_attribute("min") or "") + TERM
    while day.weekday() >= _WORKDAYS:
        day += timedelta(days=1)
    page.fill("#day", day.isoformat())
    page.get_by_test_id("clock-go").click()
    page.wait_for_load_state()
    until("body", lambda _: not page.get_by_test_id("clock-working").count())(page)
