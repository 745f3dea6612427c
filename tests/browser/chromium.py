"""Finds a Chromium and opens it. Without one the browser tests are reported as not run, which is a failure in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30_000
"""Milliseconds that a page may take on a busy machine; what is waited for is a condition, never this time."""
ADVICE = "no Chromium: apt install chromium fonts-noto-cjk, or set WARIFU_CHROMIUM"


def executable() -> str | None:
    """$WARIFU_CHROMIUM, or the first of the usual names on the path."""
    named = os.environ.get("WARIFU_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser while the block lasts."""
    path = executable()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # --no-sandbox: CI and containers run as root, where Chromium's own sandbox cannot.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
