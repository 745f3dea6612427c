"""How visitors go about: they come with cookies of their own, log in, press Tab, and look at each page as axe does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from browser.chromium import PATIENCE
from playwright.sync_api import Browser, BrowserContext, Page, expect
from unit.portal.lab import HANA, DemoPerson
from unit.portal.serving import Served

LANGUAGES = {"ja": "ja-JP", "en": "en-GB"}


@contextmanager
def visitor(browser: Browser, language: str = "ja", width: int = 1280, **more: object) -> Iterator[BrowserContext]:
    """Someone with cookies of their own."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=LANGUAGES[language], **more)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def choose(page: Page, network: Served, person: DemoPerson = HANA) -> None:
    """From the portal's login to the PIN of someone's card."""
    page.goto(f"{network.lab.portal_origin}/login")
    page.get_by_test_id("to-card").click()
    page.locator(f"[data-person={person.person}] button").click()
    expect(page.locator("#pin")).to_be_focused()


def type_pin(page: Page, pin: str) -> None:
    """Type a PIN and sign."""
    page.fill("#pin", pin)
    page.get_by_test_id("sign").click()


def log_in(page: Page, network: Served, person: DemoPerson = HANA) -> None:
    """The whole way in."""
    choose(page, network, person)
    type_pin(page, person.pin)
    expect(page).to_have_url(f"{network.lab.portal_origin}/history")
    page.wait_for_load_state()


def tab_to(page: Page, text: str) -> None:
    """Press Tab until what says `text` has the focus."""
    page.wait_for_load_state()
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.locator(":focus").text_content() or "").strip() == text:
            return
    raise AssertionError(f"Tab never reached {text}")


def look(page: Page, problems: list[str]) -> None:
    """Look at one page, once it is whole, as axe does, and for text that runs out of the window."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    problems += [f"{page.url}: {one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]
    if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
        problems.append(f"{page.url}: wider than the window")
