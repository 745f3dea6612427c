"""One portal with a deep log, one Chromium, and Hana logged in, for all tests of the browser's checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.chromium import chromium
from browser.proofs.checking import (
    TOLD,
)
from browser.walks import log_in, visitor
from playwright.sync_api import Browser, BrowserContext, Page
from unit.portal.serving import Served, served


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal whose entries lie deep in a log of some hundred leaves."""
    folder: Path = tmp_path_factory.mktemp("proofs")
    with served(folder) as running:
        running.lab.log.fill(300)
        running.run(running.lab.deliver(TOLD))
        running.lab.log.fill(41)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def session(browser: Browser, network: Served) -> dict[str, Any]:
    """Hana's cookies: every test begins with them and with an empty memory."""
    with visitor(browser) as context:
        log_in(context.new_page(), network)
        state = context.storage_state()
    return {"cookies": state["cookies"], "origins": []}


@pytest.fixture
def context(browser: Browser, session: dict[str, Any]) -> Iterator[BrowserContext]:
    """Hana, logged in, in Japanese."""
    with visitor(browser, storage_state=session) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Hana's window."""
    return context.new_page()
