"""States that no link leads to: forms with errors, refusals, and pages of which a crawl takes one and there are several kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.acts import Scene, choose_card, receive

if TYPE_CHECKING:
    from playwright.sync_api import Page


_WRONG: Final = {"login": "c-0001", "password": "x", "code": "000000"}


@dataclass(frozen=True, slots=True)
class State:
    """One picture more, for one visitor."""

    who: str
    name: str
    path: str
    act: Callable[[Page], None] | None = None


def states(scene: Scene) -> tuple[State, ...]:
    """All of them."""
    return (*_stage(scene), *_portal(scene), *_card(scene), *_counter(scene), *_console())


def _stage(scene: Scene) -> tuple[State, ...]:
    steps = [State("trainer", f"step-{n}", f"/exchange/{scene.answered}?step={n}") for n in range(1, 8)]
    return (
        *steps,
        State("trainer", "refused-step-2", f"/exchange/{scene.refused}?step=2"),
        State("trainer", "play-result", "/scenarios/refused"),
        State("trainer", "nobody-found", "/people?q=zzzz"),
        State("trainer", "no-such-exchange", "/exchange?id=1"),
        State("trainer", "no-such-page", "/nowhere"),
    )


def _portal(scene: Scene) -> tuple[State, ...]:
    answered, waiting, supervisor = scene.letters
    entry = f"/history/{scene.answered}"
    return (
        State("passer-by", "no-such-page", "/nowhere"),
        State("passer-by", "helpline-errors", "/helpline", _send("suspend-finder", number="WF 1")),
        State("passer-by", "helpline-holder-errors", "/helpline", _send("suspend-holder")),
        State("passer-by", "kiosk", "/kiosk"),
        State("citizen", "entry-answered", entry),
        State("citizen", "nothing-found", "/history?outcome=EXPIRED"),
        State("citizen", "filters", "/history", _unfold),
        State("citizen", "letter-answered", f"/letters/{answered}"),
        State("citizen", "letter-waiting", f"/letters/{waiting}"),
        State("citizen", "letter-to-supervisor", f"/letters/{supervisor}"),
        State("citizen", "letter-errors", f"{entry}/letter", _send("letter-send")),
        State("citizen", "information-errors", "/information/ask/S01", _send("information-ask")),
        State("citizen", "mandate-pending", "/proxies", _send("make-word", **{"proxy-label": "母"})),
        State("citizen", "mandate-errors", "/proxies", _send("accept", word="7777-7777-7777", **{"principal-label": "娘"})),
        State("citizen", "application-errors", "/procedures/JT90000000000501/apply", _send("procedures-confirm")),
        State("citizen", "benefits-errors", "/benefits", _send("benefits-set")),
        State("citizen", "insurance-errors", "/insurance", _send("insurance-set")),
    )  # fmt: skip


def _card(scene: Scene) -> tuple[State, ...]:
    return (
        State("login", "card-chosen", "/login", _choose(scene.person)),
        State("login", "login-refused", "/login", _refused(scene.person)),
        State("card-holder", "nobody-found", "/?q=zzzz"),
        State("card-holder", "pin-errors", f"/cards/{scene.person}", _change_pin),
    )


def _counter(scene: Scene) -> tuple[State, ...]:
    desk = f"/{scene.institution}"
    return (
        State("front-desk", "login-refused", f"{desk}/login", _send("log-in", **_WRONG)),
        State("clerk", "visitor-errors", f"{desk}/visitors/new", _send("visitor-receive")),
        State("clerk", "visitor-received", f"{desk}/visitors/new", lambda page: receive(page, _base(page, desk), scene.papers)),
        State("clerk", "protection-errors", f"{desk}/visitors/new", lambda page: _protect(page, _base(page, desk), scene)),
        State("welfare-chief", "leak-errors", f"/{scene.welfare}/filings/leaks/new", _send("filing-leak-send")),
    )  # fmt: skip


def _console() -> tuple[State, ...]:
    return (
        State("examiner", "search", "/search", _send("search")),
        State("director", "stop-errors", "/stops", _send("stop")),
    )


def _send(button: str, **typed: str) -> Callable[[Page], None]:
    """Type, and send past the browser's own checks, so that the server's are seen."""

    def act(page: Page) -> None:
        page.evaluate("for (const form of document.forms) form.noValidate = true")
        for field, value in typed.items():
            page.fill(f"#{field}", value)
        page.get_by_test_id(button).first.click()
        page.wait_for_load_state()

    return act


def _unfold(page: Page) -> None:
    page.get_by_test_id("history-filters").locator("summary").click()


def _choose(person: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_test_id("to-card").click()
        choose_card(page, person)
        page.locator("#pin").wait_for()

    return act


def _refused(person: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        _choose(person)(page)
        page.fill("#pin", "12")
        page.evaluate("for (const form of document.forms) form.noValidate = true")
        page.get_by_test_id("sign").click()
        page.get_by_test_id("pin-malformed").wait_for()

    return act


def _change_pin(page: Page) -> None:
    page.get_by_test_id("change-pin").locator("summary").click()
    _send("change-pin-submit")(page)


def _protect(page: Page, base: str, scene: Scene) -> None:
    receive(page, base, scene.papers)
    page.get_by_test_id("step-protections").click()
    _send("protection-propose")(page)


def _base(page: Page, desk: str) -> str:
    return page.url.partition(desk)[0] + desk
