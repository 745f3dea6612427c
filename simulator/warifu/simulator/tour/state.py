"""One state of a page that no link leads to, and how forms are sent into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import Error

if TYPE_CHECKING:
    from playwright.sync_api import Page

_LOOKS, _BETWEEN = 60, 3_000
"""How often a page is read anew, and after how many milliseconds."""
Deed = Callable[["Page"], None]
"""What is done on a page before its picture is taken: once in each language, so it bears being done twice."""


@dataclass(frozen=True, slots=True)
class State:
    """One picture more, for one visitor."""

    who: str
    name: str
    path: str
    act: Deed | None = None


def send(button: str, **typed: str) -> Deed:
    """Type, and send past the browser's own checks, so that the server's are seen."""

    def act(page: Page) -> None:
        page.get_by_test_id(button).first.wait_for()  # else the page before this one may still be the document
        page.evaluate("for (const form of document.forms) form.noValidate = true")
        for field, value in typed.items():
            page.fill(f"#{field}", value)
        page.get_by_test_id(button).first.click()
        page.wait_for_load_state()

    return act


def press(*buttons: str) -> Deed:
    """Press what is there of these, one after another: what was done already is there no more."""

    def act(page: Page) -> None:
        for button in buttons:
            there = page.get_by_test_id(button)
            if there.count():
                there.first.click()
                page.wait_for_load_state()

    return act


def after(*deeds: Deed) -> Deed:
    """One deed after another."""

    def act(page: Page) -> None:
        for deed in deeds:
            deed(page)

    return act


def until(selector: str, told: Callable[[str], bool] = lambda _: True) -> Deed:
    """Read the page anew until something is there and says what it should: what others do in the background takes its time."""

    def act(page: Page) -> None:
        for _ in range(_LOOKS):
            there = page.locator(selector)
            if there.count() and told(there.first.inner_text()):
                return
            page.wait_for_timeout(_BETWEEN)
            page.reload()
        page.locator(selector).first.wait_for(timeout=1)
        raise Error(f"{selector} does not say what it should")

    return act


def origin(page: Page) -> str:
    """Where the face of a page is."""
    parts = page.url.split("/", 3)
    return "/".join(parts[:3])
