"""Two people at the card window: one whose card is locked, and one whose lost card was suspended, found, and waits for the chief's word."""

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
_TRIES: Final = 3
_NOBODY: Final = Visitor("passer-by", "", "", "portal")


def lose(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """Somebody mistypes a PIN until the card locks; somebody else has a lost card suspended, and asks for it back at the window, or a new one."""
    assert scene.holder is not None
    assert scene.forgetful is not None
    with entered(browser, network, _NOBODY, "", "") as context:
        page = context.new_page()
        _lock(page, network.urls["portal"], scene.forgetful)
        suspend(page, network.urls["portal"], scene.holder.papers)
    with entered(browser, network, staff(scene.card_office, CARD_CLERK), "", "") as context:
        page = context.new_page()
        for act, why in (("release", FOUND), ("reissue", WORN)):
            open_window(page, f"{network.urls['counter']}/{scene.card_office}", scene.holder)
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


def _lock(page: Page, portal: str, holder: Person) -> None:
    wrong = f"{(int(holder.pin) + 1) % 10_000:04d}"
    page.goto(f"{portal}/login")
    page.get_by_test_id("to-card").click()
    choose_card(page, holder.person)
    for _ in range(_TRIES):
        if page.locator("#pin").count():
            page.fill("#pin", wrong)
            page.get_by_test_id("sign").click()
            page.wait_for_load_state()
    page.get_by_test_id("locked").wait_for()
