"""People at the card window: one whose card is locked, and three for whose cards the chief's word is asked, or could be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.acts import Person, Scene, choose_card, receive, staff
from warifu.simulator.tour.visitors import Visitor, entered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser, Page

    from warifu.simulator.state import NetworkFile

CARD_CLERK: Final = "c-0005"
FOUND: Final = "拾得物として届き、本人に返した"
WORN: Final = "券面が汚れて読めない"
TOO_LATE: Final = "交番に届き、本人が受け取った"
_TRIES: Final = 3
_NOBODY: Final = Visitor("passer-by", "", "", "portal")


def lose(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """Somebody mistypes a PIN until the card locks; two have lost cards suspended, and one of them asks for it back at the window; one asks for a new card."""
    assert scene.forgetful is not None
    assert scene.holder is not None
    assert scene.loser is not None
    assert scene.worn is not None
    with entered(browser, network, _NOBODY, "", "") as context:
        page = context.new_page()
        _lock(page, network.urls["portal"], scene.forgetful)
        for who in (scene.holder, scene.loser):
            suspend(page, network.urls["portal"], who.papers)
    with entered(browser, network, staff(scene.card_office, CARD_CLERK), "", "") as context:
        page = context.new_page()
        for who, act, why in ((scene.holder, "release", FOUND), (scene.worn, "reissue", WORN)):
            open_window(page, f"{network.urls['counter']}/{scene.card_office}", who)
            propose(page, act, why)


def suspend(page: Page, portal: str, papers: Mapping[str, str]) -> None:
    """By the help line, with the holder's four items."""
    page.goto(f"{portal}/helpline")
    report(page, papers)


def report(page: Page, papers: Mapping[str, str]) -> None:
    """Fill in the help line's form, and send it."""
    for field, item in (("name", "name"), ("address", "address"), ("birth", "birth_date")):
        page.fill(f"#{field}", papers[item])
    page.locator(f'input[name=sex][value="{papers["sex"]}"]').check()
    page.locator('input[name=lost][value="card"]').check()
    page.get_by_test_id("suspend-holder").click()
    page.get_by_test_id("receipt").first.wait_for()


def open_window(page: Page, base: str, holder: Person) -> None:
    """Receive the holder, and open their cards."""
    receive(page, base, holder.papers)
    page.get_by_test_id("step-cards").click()
    page.get_by_test_id("card").first.wait_for()


def propose(page: Page, act: str, why: str) -> None:
    """Ask the chief for an act on the first card that it can be done to."""
    card = page.get_by_test_id("card").filter(has=page.get_by_test_id(f"propose-{act}")).first
    card.get_by_test_id(f"open-{act}").click()
    card.get_by_test_id(f"why-{act}").fill(why)
    card.get_by_test_id(f"propose-{act}").click()
    page.get_by_test_id("proposal-state").wait_for()


def propose_twice(page: Page, base: str, holder: Person) -> None:
    """Ask for a release in a page that was opened before a colleague, or oneself in another window, asked for it too."""
    open_window(page, base, holder)
    waits = page.get_by_test_id("card-waits")
    if waits.count():
        waits.get_by_role("link").click()
        page.get_by_test_id("proposal-withdraw").click()
        page.wait_for_load_state()
        open_window(page, base, holder)
    other = page.context.new_page()
    open_window(other, base, holder)
    propose(other, "release", TOO_LATE)
    other.close()
    card = page.get_by_test_id("card").filter(has=page.get_by_test_id("propose-release")).first
    card.get_by_test_id("open-release").click()
    card.get_by_test_id("why-release").fill(TOO_LATE)
    card.get_by_test_id("propose-release").click()
    page.get_by_test_id("problem").wait_for()


def _lock(page: Page, portal: str, holder: Person) -> None:
    wrong = f"{(int(holder.pin) + 1) % 10_000:04d}"
    page.goto(f"{portal}/login")
    page.get_by_test_id("to-card").click()
    choose_card(page, holder.person)
    for _ in range(_TRIES):
        if page.locator("#pin").count():
            page.fill("#pin", wrong)
            with page.expect_navigation():  # one that was never sent would be no try
                page.get_by_test_id("sign").click()
    page.get_by_test_id("locked").wait_for()
