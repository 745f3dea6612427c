"""By keyboard alone on a page enlarged to 200 %: from the login to a letter that is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from browser.chromium import chromium
from browser.walks import visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.lab import HANA, START, Told
from unit.portal.serving import Served, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ZOOMED = {"device_scale_factor": 2, "reduced_motion": "reduce"}
"""With a window of 640 CSS pixels: what a window of 1280 is at 200 %. Scrolling is at once, so that the focus is where it will be."""
MOST = 120
FOCUSED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  if (at === document.body) return null;
  const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 20), 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 10), 0), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  return {
    name: at.outerHTML.slice(0, 120),
    matches: [at.id, at.dataset.testid || "", at.closest("[data-person]")?.dataset.person || ""],
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    free: !!top && (at.contains(top) || top.contains(at)),
  };
}"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service with two entries."""
    with served(tmp_path_factory.mktemp("keyboard")) as running:
        running.run(running.lab.deliver([Told(START - timedelta(days=day)) for day in (1, 2)]))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium."""
    with chromium() as opened:
        yield opened


def press(page: Page) -> dict | None:
    """One Tab; what has the focus then, seen and marked as such. None when the page was left at its end."""
    page.keyboard.press("Tab")
    at = page.evaluate(FOCUSED)
    if at is not None:
        assert at["marked"], f"no mark of the focus: {at['name']}"
        assert at["inside"], f"the focus is out of sight: {at['name']}"
        assert at["free"], f"the focus is covered: {at['name']}"
    return at


def whole(page: Page) -> None:
    """Tab through all of a page: it ends, and nothing runs out of the window."""
    page.wait_for_load_state()
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth"), f"{page.url} is too wide"
    page.evaluate("document.activeElement.blur()")
    seen = 0
    while press(page) is not None:
        seen += 1
        assert seen < MOST, f"{page.url} does not let go"
    assert seen > 3


def go(page: Page, name: str) -> None:
    """Tab to an id, test id or person's card, and press Enter."""
    for _ in range(MOST):
        at = press(page)
        if at is not None and name in at["matches"]:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab never reached {name} on {page.url}")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_from_the_login_to_a_letter(browser: Browser, network: Served, language: str) -> None:
    """Login, card, history, entry and letter are reached by Tab and Enter at 200 %: the focus is always seen and no page holds it."""
    origin = network.lab.portal_origin
    with visitor(browser, language, 640, **ZOOMED) as context:
        page = context.new_page()
        page.goto(f"{origin}/login")
        whole(page)
        go(page, "to-card")
        page.wait_for_url("**card.localhost**")
        go(page, HANA.person)
        expect(page.locator("#pin")).to_be_focused()
        page.keyboard.type(HANA.pin)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{origin}/history")
        whole(page)
        page.get_by_test_id("entry").first.get_by_role("link").evaluate("link => { link.id = 'newest' }")
        go(page, "newest")
        page.wait_for_url(f"{origin}/history/*")
        whole(page)
        go(page, "history-letter")
        page.wait_for_url("**/letter")
        whole(page)
        for _ in range(MOST):
            at = press(page)
            if at is not None and "text" in at["matches"]:
                break
        page.keyboard.type("なぜですか。")
        go(page, "letter-send")
        expect(page.get_by_test_id("letter-sent")).to_be_visible()
        whole(page)
