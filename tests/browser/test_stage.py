"""The trainer's walk in a real Chromium over a real network: a play, its picture, the citizen's entry, a fault that others feel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser.chromium import chromium
from browser.walks import look, visitor
from playwright.sync_api import Browser, Page, expect
from running import Running

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/scenarios",
    "/scenarios/moved-household",
    "/scenarios/moved-household/script",
    "/scenarios/moved-household/sheet",
    "/scenarios/protected-person",
    "/clock",
    "/clock?problem=busy",
    "/faults",
    "/people",
    "/people?q=nobody-has-this-name",
    "/slip/p-000001",
    "/differs",
    "/nothing",
)
LARGER = ("/?projector=1", "/faults", "/clock?projector=0")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A Japanese trainer at a desk, whose pages report nothing wrong."""
    with visitor(browser) as context:
        opened = context.new_page()
        wrong: list[str] = []
        opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        yield opened
        assert not [text for text in wrong if "503" not in text]


def play(page: Page, network: Running, name: str, *, fault: bool = False) -> None:
    """Press the button and watch the play to its end."""
    page.goto(f"{network.file.urls['stage']}/scenarios/{name}")
    if fault:
        page.get_by_test_id("plant-fault").check()
    page.get_by_test_id("play-button").click()
    expect(page.get_by_test_id("play")).not_to_have_attribute("data-state", "running")
    page.wait_for_load_state()


def test_a_trainer_shows_how_a_paper_disappears(page: Page, network: Running) -> None:
    """From the stage's first page to a play with all checks green, on to the exchange's picture, and by quick login to the citizen's entry."""
    urls = network.file.urls
    page.goto(urls["stage"])
    page.locator("[data-scenario=moved-household] a").click()
    page.get_by_test_id("play-button").click()
    expect(page.get_by_test_id("play")).to_have_attribute("data-state", "passed")
    page.wait_for_load_state()
    expect(page.get_by_test_id("play-check")).not_to_have_count(0)
    expect(page.locator('[data-testid="play-check"][data-passed="no"]')).to_have_count(0)
    asked = page.get_by_test_id("play-exchange").first
    item, request_id = asked.locator(".item").inner_text(), (asked.locator("a").get_attribute("href") or "")[10:]
    page.get_by_test_id("to-picture").click()
    expect(page).to_have_url(f"{urls['stage']}/exchange/{request_id}")
    expect(page.locator("h1")).to_have_count(1)
    page.go_back()
    page.get_by_test_id("to-citizen").click()
    page.get_by_test_id("card").get_by_role("button").click()
    page.fill("#pin", page.get_by_test_id("pin-shown").inner_text())
    page.get_by_test_id("sign").click()
    expect(page).to_have_url(f"{urls['portal']}/history")
    page.locator(f'a[href="/history/{request_id}"]').first.click()
    expect(page.locator("main")).to_contain_text(item)


def test_the_checks_notice_a_planted_fault(page: Page, network: Running) -> None:
    """With the box ticked the play fails at its checks, and the page says that they noticed."""
    play(page, network, "refused", fault=True)
    expect(page.get_by_test_id("play")).to_have_attribute("data-state", "failed")
    expect(page.locator('[data-testid="play-check"][data-passed="no"]')).not_to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="検査が誤りに気づきました")).to_be_visible()


def test_a_fault_is_felt_at_the_portal_and_told_by_a_play(page: Page, network: Running) -> None:
    """With the portal stopped by name its pages are gone, a play says so and names it; lifted, the same play passes."""
    urls = network.file.urls
    page.goto(f"{urls['stage']}/faults")
    page.locator('[data-testid=fault][data-fault="portal-down"]').get_by_test_id("fault-plant").click()
    expect(page.get_by_test_id("fault-planted")).to_have_attribute("data-fault", "portal-down")
    try:
        answer = page.goto(urls["portal"])
        assert answer is not None
        assert answer.status == 503
        play(page, network, "same-city")
        expect(page.get_by_test_id("play-broken")).to_contain_text("portal")
    finally:
        page.goto(f"{urls['stage']}/faults")
        page.get_by_test_id("fault-lift-all").click()
    expect(page.get_by_test_id("fault-none")).to_be_visible()
    play(page, network, "same-city")
    expect(page.get_by_test_id("play")).to_have_attribute("data-state", "passed")


def test_a_play_needs_no_script(browser: Browser, network: Running) -> None:
    """Without JavaScript the button plays, and reading the page anew shows how it went."""
    with visitor(browser, "en", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{network.file.urls['stage']}/scenarios/dependant-check")
        page.get_by_test_id("play-button").click()
        while page.get_by_test_id("play").get_attribute("data-state") == "running":
            page.get_by_role("link", name="Read the progress again").click()
            page.reload()
        expect(page.get_by_test_id("play")).to_have_attribute("data-state", "passed")


def test_a_visitor_s_slip_is_found_by_role(page: Page, network: Running) -> None:
    """Somebody with a role is found, and the slip has what a counter asks for."""
    page.goto(f"{network.file.urls['stage']}/people")
    page.select_option("#trait", "cast:protected-twin")
    page.get_by_role("button", name="さがす").click()
    page.get_by_test_id("person-slip").click()
    for part in ("name", "address", "birth", "sex", "number"):
        expect(page.get_by_test_id(f"slip-{part}")).not_to_be_empty()


@pytest.mark.parametrize(
    ("language", "width", "axe"), [("ja", 1280, True), ("en", 390, True), ("en", 1280, False), ("ja", 390, False)]
)
def test_every_page_is_accessible_and_fits(
    browser: Browser, network: Running, language: str, width: int, *, axe: bool
) -> None:
    """On desk and phone, in both languages, and larger for a room, nothing runs out of the window; axe finds nothing in either language."""
    problems: list[str] = []
    with visitor(browser, language, width) as context:
        page = context.new_page()
        for path in (*PAGES, *(LARGER if width > 1000 else ())):
            page.goto(network.file.urls["stage"] + path)
            if axe:
                look(page, problems)
            elif page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
                problems.append(f"{path}: wider than the window")
    assert not problems, "\n".join(problems)
