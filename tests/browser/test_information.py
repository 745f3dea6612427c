"""Own information in a real Chromium: every page and state as axe sees it, by keyboard, narrow and in both languages; the whole network's walk is in tests/e2e."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browser.chromium import chromium
from browser.walks import log_in, look, tab_to, visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.lab import SORA, START
from unit.portal.paper_requester import tax_record
from unit.portal.serving import Served, served

from warifu.kernel.instants import milliseconds
from warifu.portal.information.requester import Answer, State

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NOW = milliseconds(START)
ANSWERS = {
    "WAITING": Answer(State.WAITING),
    "CHECKING": Answer(State.CHECKING),
    "ARRIVED": Answer(State.ARRIVED, NOW, [tax_record(), tax_record(tax_year=2024)]),
    "NOTHING": Answer(State.NOTHING, NOW),
    "FAILED": Answer(State.FAILED, reason="CLIENT_STOPPED"),
}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service."""
    with served(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@contextmanager
def citizen(browser: Browser, network: Served, language: str = "ja", width: int = 1280) -> Iterator[Page]:
    """Sora, logged in."""
    with visitor(browser, language, width) as context:
        page = context.new_page()
        log_in(page, network, SORA)
        yield page


def send_for(page: Page, network: Served) -> str:
    """Ask one tax office; the request id. The requester has it."""
    page.goto(f"{network.lab.portal_origin}/information/ask/S01")
    page.get_by_test_id("information-provider").first.check()
    page.get_by_test_id("information-consent").check()
    page.get_by_test_id("information-ask").click()
    expect(page.get_by_test_id("information-asked")).to_be_visible()
    network.run(network.lab.portal.jobs["information"]())
    return (page.get_by_test_id("information-open").first.get_attribute("href") or "").rpartition("/")[2]


def test_from_the_choice_to_the_saved_file(browser: Browser, network: Served) -> None:
    """Chosen, asked, told by an unread notice that leads to it, read in words and saved; the operation history has both."""
    with citizen(browser, network) as page:
        request_id = send_for(page, network)
        network.lab.requester.provide(request_id, NOW)
        network.run(network.lab.portal.jobs["information"]())
        page.reload()
        expect(page.get_by_test_id("nav-unread")).to_be_visible()
        page.get_by_test_id("nav-notices").click()
        page.get_by_test_id("notice-open").first.click()
        expect(page.locator("[data-path=total_income_yen] td")).to_have_text("3,210,400円")
        expect(page.get_by_test_id("information-until")).to_contain_text("2026年4月13日")
        expect(page.get_by_test_id("nav-unread")).to_have_count(0)
        with page.expect_download() as saved:
            page.get_by_test_id("information-csv").click()
        assert saved.value.suggested_filename == f"warifu-{request_id}.csv"
        page.get_by_test_id("nav-notices").click()
        page.get_by_test_id("to-operations").click()
        acts = [one.get_attribute("data-act") for one in page.get_by_test_id("operation").all()]
        assert acts[:2] == ["information-export", "information-ask"]


def test_the_form_is_filled_by_keyboard_alone(browser: Browser, network: Served) -> None:
    """From the menu to the request with Tab, space and Enter; what is missing is said beside the form, and nothing is lost."""
    with citizen(browser, network) as page:
        tab_to(page, "自分の情報")
        page.keyboard.press("Enter")
        page.wait_for_url("**/information")
        page.get_by_test_id("information-choose").first.focus()
        page.keyboard.press("Enter")
        page.get_by_test_id("information-provider").first.focus()
        page.keyboard.press("Space")
        tab_to(page, "取り寄せる")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("information-problem")).to_be_visible()
        expect(page.get_by_test_id("information-provider").first).to_be_checked()
        page.get_by_test_id("information-consent").focus()
        page.keyboard.press("Space")
        tab_to(page, "取り寄せる")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("information-asked")).to_be_visible()


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_state_is_sound_to_axe_and_fits(browser: Browser, network: Served, language: str, width: int) -> None:
    """List, form, refused form, each state of an answer, notices, operations and the parent's page have no finding and are no wider than the window."""
    problems: list[str] = []
    origin = network.lab.portal_origin
    with citizen(browser, network, language, width) as page:
        for state, answer in ANSWERS.items():
            request_id = send_for(page, network)
            network.lab.requester.answers[request_id] = answer
            network.run(network.lab.portal.jobs["information"]())
            page.goto(f"{origin}/information/{request_id}")
            expect(page.get_by_test_id("information-state")).to_have_attribute("data-state", state)
            look(page, problems)
            if state in ("WAITING", "CHECKING"):
                network.lab.requester.answers[request_id] = ANSWERS["NOTHING"]
                network.run(network.lab.portal.jobs["information"]())
        for path in ("/information", "/information/ask/S01", "/notices", "/operations", "/proxies", "/proxies/child"):
            page.goto(origin + path)
            look(page, problems)
        page.goto(f"{origin}/information/ask/S02")
        page.get_by_test_id("information-ask").click()
        look(page, problems)
    assert not problems, "\n".join(problems)
