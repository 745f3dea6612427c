"""States of the counters' and the supervisor's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.acts import Person, Scene, receive
from warifu.simulator.tour.state import Deed, State, after, origin, press, send
from warifu.simulator.tour.windows import FOUND, WORN, open_window, propose_twice

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WRONG: Final = {"login": "c-0001", "password": "x", "code": "000000"}
_WHY: Final = "三つの基準に合うことを確かめました。"


def counter(scene: Scene) -> tuple[State, ...]:
    """At the counters."""
    desk, provider = f"/{scene.institution}", f"/{scene.provider}"
    _, waiting, _ = scene.letters
    return (
        State("front-desk", "login-refused", f"{desk}/login", send("log-in", **_WRONG)),
        State("front-desk", "login-errors", f"{desk}/login", send("log-in", code="12345")),
        State("front-desk", "off-duty", f"{desk}/login", _off_duty),
        State("clerk", "not-yours", f"{desk}/reviews"),
        State("clerk", "no-such-page", f"{desk}/nowhere"),
        State("clerk", "visitor-errors", f"{desk}/visitors/new", send("visitor-receive")),
        State("clerk", "visitor-received", f"{desk}/visitors/new", lambda page: receive(page, origin(page) + desk, scene.papers)),
        State("clerk", "protection-errors", f"{desk}/visitors/new", lambda page: _protect(page, origin(page) + desk, scene)),
        State("clerk", "case-errors", f"{desk}/cases?all", after(_open_case, _ask_nobody)),
        State("clerk", "decision-errors", f"{desk}/cases?all", after(_open_case, press("case-refuse"))),
        State("clerk", "case-decided", f"{desk}/cases?all", after(_open_case, press("case-grant"))),
        State("reviewer", "withhold-errors", f"{desk}/reviews", _withhold),
        *([State("provider-reviewer", "letter-open", f"{provider}/letters/{waiting}"),
           State("provider-reviewer", "letter-errors", f"{provider}/letters/{waiting}", send("letter-send"))] if scene.provider else []),
        State("welfare-clerk", "application-case", f"/{scene.welfare}/applications?all", _open_application),
        State("welfare-chief", "use-errors", f"/{scene.welfare}/filings/uses/new", send("filing-use-send")),
        State("welfare-chief", "leak-errors", f"/{scene.welfare}/filings/leaks/new", send("filing-leak-send")),
        State("welfare-chief", "reply-errors", f"/{scene.welfare}/filings", send("measure-reply")),
        *(_window(scene) if scene.holder else ()),
    )  # fmt: skip


def _window(scene: Scene) -> tuple[State, ...]:
    """At the card window: first what waits there, then what is done."""
    assert scene.holder is not None
    holder, desk = scene.holder, f"/{scene.card_office}"

    def opened(who: Person | None) -> Deed:
        assert who is not None
        return lambda page: open_window(page, origin(page) + desk, who)

    def too_late(page: Page) -> None:
        assert scene.loser is not None
        propose_twice(page, origin(page) + desk, scene.loser)

    def unlocked(page: Page) -> None:
        opened(scene.forgetful)(page)
        page.get_by_test_id("unlock").first.click()
        page.get_by_test_id("done").wait_for()

    def number(page: Page) -> None:
        receive(page, origin(page) + desk, holder.papers)
        page.get_by_test_id("step-numbers").click()

    def changed(page: Page) -> None:
        number(page)
        page.fill("#number", holder.papers["individual_number"])
        page.fill("#why", "番号を書いた紙が盗まれ、知らない人から電話があった")
        page.check("#judged")
        page.get_by_test_id("number-change").click()
        holder.papers["individual_number"] = page.get_by_test_id("new-number").inner_text()

    new = f"{desk}/visitors/new"
    return (
        State("card-clerk", "lost-card", new, opened(scene.loser)),
        State("card-clerk", "release-errors", new, after(opened(scene.loser), _release_for_nothing)),
        State("card-clerk", "release-waits", new, opened(scene.holder)),
        State("card-clerk", "proposed-too-late", new, too_late),
        State("card-clerk", "unlocked", new, unlocked),
        State("card-clerk", "signature-locked-phone", new, opened(scene.handy)),
        State("card-clerk", "reissue-proposed", new, after(opened(scene.worn), _what_waits)),
        State("card-clerk", "number-errors", new, after(number, send("number-change"))),
        State("card-clerk", "number-given", new, changed),
        State("card-chief", "waiting", f"{desk}/proposals"),
        State("card-chief", "release-waiting", f"{desk}/proposals", _proposal(FOUND)),
        State("card-chief", "release-done", f"{desk}/proposals", after(_proposal(FOUND), press("proposal-approve"))),
        State("card-chief", "reissue-done", f"{desk}/proposals", after(_proposal(WORN), press("proposal-approve"))),
    )


def console(scene: Scene) -> tuple[State, ...]:
    """On the supervisor's console."""
    letter = f"/letters/{scene.letters[2]}"
    return (
        State("public-reader", "login-errors", "/login", send("log-in")),
        State("examiner", "no-such-page", "/nowhere"),
        State("examiner", "search", "/search", send("search")),
        State("examiner", "search-errors", "/search?go=1&institution=nobody&first=2026-05-01&last=2026-04-01"),
        State("examiner", "not-yours", "/measures", _order(scene.welfare)),
        State("director", "measure-errors", "/measures", send("issue")),
        State("director", "stop-errors", "/stops", send("stop")),
        State("director", "stop-in-force", "/stops", _stop),
        State("director", "stop-lifted", "/stops", press("lift")),
        State("director", "letter-errors", letter, send("letter-send")),
        State("director", "ordinance-errors", "/ordinances", after(_first("use"), send("approve"))),
        State("director", "ordinance-decided", "/ordinances", after(_first("use"), _approve)),
    )


def _off_duty(page: Page) -> None:
    """Whoever's hours are in the afternoon, in the morning: there is a mark instead of a button, and the login is refused."""
    told = page.locator("[data-login=c-0002] code")
    page.fill("#login", told.nth(0).inner_text())
    page.fill("#password", told.nth(1).inner_text())
    page.fill("#code", told.nth(2).inner_text())
    page.get_by_test_id("log-in").click()
    page.wait_for_load_state()


def _protect(page: Page, base: str, scene: Scene) -> None:
    receive(page, base, scene.papers)
    page.get_by_test_id("step-protections").click()
    send("protection-propose")(page)


def _first(kind: str) -> Deed:
    return lambda page: page.get_by_test_id(kind).first.get_by_role("link").first.click()


def _open_case(page: Page) -> None:
    _first("case-line")(page)
    page.get_by_test_id("case-reference").wait_for()


def _ask_nobody(page: Page) -> None:
    fold = page.locator("details", has=page.get_by_test_id("ask"))
    if fold.count():
        fold.first.locator("summary").first.click()
    send("ask")(page)


def _open_application(page: Page) -> None:
    button = page.get_by_test_id("application-open")
    (button if button.count() else page.get_by_test_id("application").get_by_role("link")).first.click()
    page.get_by_test_id("case-reference").wait_for()


def _withhold(page: Page) -> None:
    page.get_by_test_id("review").first.locator("summary").click()
    send("review-withhold")(page)


def _release_for_nothing(page: Page) -> None:
    page.get_by_test_id("open-release").first.click()
    send("propose-release")(page)


def _what_waits(page: Page) -> None:
    page.get_by_test_id("card-waits").get_by_role("link").click()
    page.get_by_test_id("proposal-state").wait_for()


def _proposal(why: str) -> Deed:
    def act(page: Page) -> None:
        page.get_by_test_id("proposal").filter(has_text=why).first.get_by_role("link").click()
        page.get_by_test_id("proposal-state").wait_for()

    return act


def _order(institution: str) -> Deed:
    def act(page: Page) -> None:
        page.select_option("#institution", institution)
        page.select_option("#kind", "order")
        send("issue", title="命令", text="命令は監督課長が出します。")(page)

    return act


def _stop(page: Page) -> None:
    if not page.get_by_test_id("lift").count():
        page.locator("#institution").select_option(index=1)
        page.check("#by_hand")
        send("stop", why="訓練のため")(page)


def _approve(page: Page) -> None:
    if page.get_by_test_id("approve").count():
        send("approve", note=_WHY)(page)
