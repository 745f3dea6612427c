"""States that no link leads to: forms with errors, refusals, and pages of which a crawl takes one and there are several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.acts import Person, Scene, choose_card, draft
from warifu.simulator.tour.clock import later
from warifu.simulator.tour.drilled import GRADED, SOLVED, UNDER_WAY
from warifu.simulator.tour.played import ended, sabotaged, slowly
from warifu.simulator.tour.staffed import console, counter
from warifu.simulator.tour.state import Deed, State, after, origin, press, send
from warifu.simulator.tour.windows import report

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SIGNATURES: Final = 5
"""Wrong passwords until a card signs nothing more."""
_WRONG: Final = "MACHIGAI1"
_PINS: Final = ("7351", "7352")


def states(scene: Scene) -> tuple[State, ...]:
    """All of them."""
    return (
        *_stage(scene),
        *_drills(),
        *_portal(scene),
        *_proxy(scene),
        *_card(scene),
        *counter(scene),
        *console(scene),
        *later(scene),
    )


def _stage(scene: Scene) -> tuple[State, ...]:
    steps = [State("trainer", f"step-{n}", f"/exchange/{scene.answered}?step={n}") for n in range(1, 8)]
    return (
        *steps,
        State("trainer", "refused-step-2", f"/exchange/{scene.refused}?step=2"),
        State("trainer", "play-under-way", "/scenarios/refused", slowly),
        State("trainer", "play-elsewhere", "/scenarios/refused", after(slowly, _go("/"))),
        State("trainer", "play-result", "/scenarios/refused", ended),
        State("trainer", "play-with-fault", "/scenarios/refused", sabotaged),
        State("trainer", "projector", "/?projector=1"),
        State("trainer", "projector-step-3", f"/exchange/{scene.answered}?step=3&projector=1"),
        State("trainer", "fault-errors", "/faults", after(_too_often, press("fault-plant"))),
        State("trainer", "fault-in-force", "/faults", _plant),
        State("trainer", "fault-lifted", "/faults", press("fault-lift-all", "fault-lift")),
        State("trainer", "clock-errors", "/clock", send("clock-go", day="2020-01-01")),
        State("trainer", "nobody-found", "/people?q=zzzz"),
        State("trainer", "no-such-exchange", "/exchange?id=1"),
        State("trainer", "no-such-page", "/nowhere"),
    )


def _drills() -> tuple[State, ...]:
    return (
        State("drill-leader", "drills", "/drills"),
        State("drill-leader", "under-way", f"/drills/{UNDER_WAY}"),
        State("drill-leader", "answer-errors", f"/drills/{UNDER_WAY}", send("answer-used")),
        State("drill-leader", "sheet", f"/drills/{UNDER_WAY}/sheet"),
        State("drill-leader", "script", f"/drills/{UNDER_WAY}/script"),
        State("drill-leader", "graded", f"/drills/{GRADED}"),
        State("drill-leader", "passed", f"/drills/{SOLVED}"),
    )


def _portal(scene: Scene) -> tuple[State, ...]:
    answered, waiting, supervisor = scene.letters
    entry = f"/history/{scene.answered}"
    account = {"branch": "001", "number": "7654321", "holder": "シオミ　ハナ"}
    return (
        State("passer-by", "no-such-page", "/nowhere"),
        State("passer-by", "helpline-errors", "/helpline", send("suspend-finder", number="WF 1")),
        State("passer-by", "helpline-holder-errors", "/helpline", send("suspend-holder")),
        *([State("passer-by", "helpline-done", "/helpline", _lost(scene.loser))] if scene.loser else []),
        State("passer-by", "kiosk", "/kiosk"),
        State("citizen", "no-such-page", "/nowhere"),
        State("citizen", "entry-answered", entry),
        State("citizen", "nothing-found", "/history?outcome=EXPIRED"),
        State("citizen", "filters", "/history", _unfold),
        State("citizen", "letter-answered", f"/letters/{answered}"),
        State("citizen", "letter-waiting", f"/letters/{waiting}"),
        State("citizen", "letter-to-supervisor", f"/letters/{supervisor}"),
        State("citizen", "letter-errors", f"{entry}/letter", send("letter-send")),
        State("citizen", "information-errors", "/information/ask/S01", send("information-ask")),
        State("citizen", "mandate-pending", "/proxies", send("make-word", **{"proxy-label": "母"})),
        State("citizen", "mandate-errors", "/proxies", send("accept", word="7777-7777-7777", **{"principal-label": "娘"})),
        State("citizen", "child-errors", "/proxies/child", send("child-begin")),
        State("citizen", "application-errors", "/procedures/JT90000000000501/apply", send("procedures-confirm")),
        State("citizen", "application-draft", "/applications", lambda page: draft(page, origin(page), scene)),
        State("citizen", "application-sign", "/applications", _signing(scene)),
        State("citizen", "application-sign-errors", "/applications", after(_signing(scene), send("sign-application", password="x"))),  # noqa: S106 - a wrong one
        *([State("citizen", "signature-locked", "/applications", _mistyped(scene, scene.handy))] if scene.handy else []),
        State("citizen", "benefits-errors", "/benefits", send("benefits-set")),
        State("citizen", "benefits-registered", "/benefits", _registered("benefits-set", account)),
        State("citizen", "insurance-errors", "/insurance", send("insurance-set")),
        State("citizen", "insurance-registered", "/insurance", _registered("insurance-set", {"number": "12-3456"})),
        State("citizen", "clinic-result", "/clinic", _at_clinic(scene)),
    )  # fmt: skip


def _proxy(scene: Scene) -> tuple[State, ...]:
    entry = f"/history/{scene.answered}"
    return (
        State("proxy", "proxies", "/proxies", press("back")),
        State("proxy", "acting", "/proxies", after(press("back"), _go("/proxies"), press("act"), _go("/history"))),
        State("proxy", "acting-entry", entry),
        State("proxy", "acting-information", "/information"),
        State("proxy", "not-as-proxy", "/letters"),
        State("proxy", "records", "/proxies/records", after(press("back"), _go("/proxies/records"))),
    )


def _card(scene: Scene) -> tuple[State, ...]:
    told = [
        State("login", "card-chosen", "/login", _choose(scene.person)),
        State("login", "login-refused", "/login", _refused(scene.person)),
        State("card-holder", "nobody-found", "/?q=zzzz"),
        State("card-holder", "pin-errors", f"/cards/{scene.person}", _change_pin),
    ]
    if scene.forgetful is not None:
        told.append(State("login", "card-locked", "/login", _choose(scene.forgetful.person, "locked")))
    if scene.expired is not None:
        told.append(State("login", "card-expired", "/login", _expired(scene.expired)))
        told.append(State("card-holder", "card-expired", f"/cards/{scene.expired.person}"))
    if scene.handy is not None:
        told.append(State("card-holder", "phone-errors", f"/cards/{scene.handy.person}", _no_phone))
        told.append(State("card-holder", "phone-added", f"/cards/{scene.handy.person}", _phone(scene.handy)))
        told.append(State("card-holder", "phone", f"/cards/{scene.handy.person}.phone"))
    told.append(State("login", "kiosk-history", "/kiosk", _at_kiosk(scene)))  # the last: it stays logged in
    return tuple(told)


def _unfold(page: Page) -> None:
    page.get_by_test_id("history-filters").locator("summary").click()


def _go(path: str) -> Deed:
    return lambda page: (page.goto(origin(page) + path), None)[1]


def _too_often(page: Page) -> None:
    page.evaluate("for (const form of document.forms) form.noValidate = true")
    page.locator("[data-testid=fault] input[name=count]").first.fill("99999")


def _plant(page: Page) -> None:
    if page.get_by_test_id("fault-none").count():
        page.locator("[data-fault=provider-slow]").get_by_test_id("fault-plant").click()
        page.get_by_test_id("fault-planted").first.wait_for()


def _lost(holder: Person) -> Deed:
    return lambda page: report(page, holder.papers)


def _registered(button: str, typed: dict[str, str]) -> Deed:
    return after(lambda page: page.check("#consent"), send(button, **typed))


def _signing(scene: Scene) -> Deed:
    def act(page: Page) -> None:
        draft(page, origin(page), scene)
        page.get_by_test_id("draft-sign").click()
        choose_card(page, scene.person)
        page.locator("#password").wait_for()

    return act


def _sign_in(page: Page, pin: str) -> None:
    page.fill("#pin", pin)
    page.get_by_test_id("sign").click()
    page.wait_for_load_state()


def _mistyped(scene: Scene, who: Person) -> Deed:
    def act(page: Page) -> None:
        draft(page, origin(page), scene)
        page.get_by_test_id("draft-sign").click()
        there = page.locator("#q, #password, [data-testid=signature-locked]").first
        there.wait_for()
        if page.locator("#password").count():  # another's card, from before
            page.locator("form[action='/signature'] a").click()
            page.locator("#q").wait_for()
        if page.locator("#q").count():
            choose_card(page, who.person)
        for _ in range(_SIGNATURES):
            there.wait_for()
            if page.locator("#password").count():
                send("sign-application", password=_WRONG)(page)
        page.get_by_test_id("signature-locked").wait_for()

    return act


def _at_clinic(scene: Scene) -> Deed:
    def act(page: Page) -> None:
        page.get_by_test_id("clinic-read").click()
        choose_card(page, scene.person)
        _sign_in(page, scene.pin)
        page.get_by_test_id("clinic-result").wait_for()

    return act


def _at_kiosk(scene: Scene) -> Deed:
    def act(page: Page) -> None:
        page.get_by_test_id("kiosk-login").click()
        page.get_by_test_id("to-card").click()
        choose_card(page, scene.person)
        _sign_in(page, scene.pin)
        page.get_by_test_id("kiosk-finish").wait_for()

    return act


def _choose(person: str, shown: str = "sign") -> Deed:
    def act(page: Page) -> None:
        page.get_by_test_id("to-card").click()
        choose_card(page, person)
        page.get_by_test_id(shown).wait_for()

    return act


def _expired(who: Person) -> Deed:
    def act(page: Page) -> None:
        _choose(who.person)(page)
        _sign_in(page, who.pin)
        page.get_by_test_id("login-problem").wait_for()

    return act


def _refused(person: str) -> Deed:
    def act(page: Page) -> None:
        _choose(person)(page)
        send("sign", pin="12")(page)
        page.get_by_test_id("pin-malformed").wait_for()

    return act


def _no_phone(page: Page) -> None:
    page.get_by_test_id("add-phone").locator("summary").click()
    send("add-phone-submit", **{"phone-old": "", "phone-new": "1", "phone-again": "2"})(page)


def _phone(who: Person) -> Deed:
    other = next(pin for pin in _PINS if pin != who.pin)

    def act(page: Page) -> None:
        page.get_by_test_id("add-phone").locator("summary").click()
        send("add-phone-submit", **{"phone-old": who.pin, "phone-new": other, "phone-again": other})(page)
        page.get_by_test_id("care-done").wait_for()

    return act


def _change_pin(page: Page) -> None:
    page.get_by_test_id("change-pin").locator("summary").click()
    send("change-pin-submit")(page)
