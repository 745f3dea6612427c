"""Every state of the marks can be read by everyone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.proofs.checking import (
    TARGET,
    expect_all,
    history,
    lie,
)
from browser.proofs.test_rows import ROW_LIES
from browser.walks import visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.serving import Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_state_is_accessible(
    browser: Browser, session: dict[str, Any], network: Served, language: str, width: int
) -> None:
    """Each state of the marks, the alarm and the explanation has no finding of axe, in both languages, and none scrolls sideways."""
    problems: list[str] = []
    log = network.lab.log

    def look(page: Page, state: str) -> None:
        found = Axe().run(page).response["violations"]
        problems.extend(f"{state}: {one['id']}: {[node['html'] for node in one['nodes']]}" for one in found)
        if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
            problems.append(f"{state}: wider than the window")

    with visitor(browser, language, width, storage_state=session) as context:
        page = context.new_page()
        for state, changed in (
            ("checked", {}),
            ("silent", {"silent_since": datetime.now(UTC) - timedelta(hours=1)}),
            ("unavailable", {"down": True}),
        ):
            with log.changed(**changed):
                for path in ("/history", f"/history/{TARGET}"):
                    page.goto(network.lab.portal_origin + path)
                    expect_all(page, state)
                    look(page, state)
        page.goto(f"{network.lab.portal_origin}/checks")
        look(page, "explanation")
        for name in ("another entry's proof", "another salt"):
            lie(page, ROW_LIES[name][1])
            history(page, network)
            expect(page.get_by_role("alert")).to_be_visible()
            look(page, name)
            page.unroute_all()
    assert problems == []
