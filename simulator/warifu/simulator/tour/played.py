"""Deeds on the page of a scenario: play it, slowly or with a fault in it, and wait for its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_PLAYED: Final = 120_000
"""Milliseconds until a play has ended."""


def ended(page: Page) -> None:
    """Wait for the end of what is being played, here or on another scenario's page."""
    page.get_by_test_id("play-button").wait_for(timeout=_PLAYED)


def slowly(page: Page) -> None:
    """Begin it, and look when one inquiry was answered and the next is waited for."""
    ended(page)
    page.check("#slow")
    page.get_by_test_id("play-button").click()
    page.get_by_test_id("play-exchange").first.wait_for()
    page.get_by_test_id("stop-play").wait_for()


def sabotaged(page: Page) -> None:
    """Play it with its fault, to its end."""
    ended(page)
    page.check("#plant")
    page.get_by_test_id("play-button").click()
    page.locator("[data-testid=play][data-state=failed]").wait_for(timeout=_PLAYED)
