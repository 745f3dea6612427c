"""The history in a real Chromium: filtered, told simply, taken away, judged; a correction that is altered is seen by the browser itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.chromium import chromium
from browser.proofs.checking import flipped, truth
from browser.walks import log_in, look, tab_to, visitor
from playwright.sync_api import Browser, Page, Route, expect
from unit.portal.corrected import Corrected
from unit.portal.lab import START, Told
from unit.portal.serving import Served, served

from warifu.exchange.v1 import exchange_pb2

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SAID = "照会先の市を誤りました。"
TOLD = [
    Told(START - timedelta(days=1)),
    Told(START - timedelta(days=2), outcome=exchange_pb2.OUTCOME_DENIED),
    Told(START - timedelta(days=40), row="P08", provider="insurer-06480016"),
]
ALTERED: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "the event": ("unlogged", lambda part: part.update(event=flipped(part["event"], 20))),
    "the salt": ("unlogged", lambda part: part.update(salt=flipped(part["salt"]))),
    "the place": ("unlogged", lambda part: part.update(index=part["index"] - 1)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal with a few entries."""
    with served(tmp_path_factory.mktemp("history")) as running:
        running.run(running.lab.deliver(TOLD))
        yield running


@pytest.fixture(scope="module")
def corrected(network: Served) -> Corrected:
    """An entry with a correction."""
    one = Corrected(network.lab, Told(START))
    one.correct(SAID)
    network.run(one.deliver())
    return one


@pytest.fixture
def page(browser: Browser, network: Served) -> Iterator[Page]:
    """Hana, logged in."""
    with visitor(browser) as context:
        page = context.new_page()
        log_in(page, network)
        yield page


def altered(page: Page, change: Callable[[dict[str, Any]], None]) -> None:
    """Let the portal answer another proof of the correction."""

    def lie(route: Route) -> None:
        headers, body = truth(route)
        answer = json.loads(body)
        for entry in answer["entries"].values():
            for part in entry["corrections"]:
                change(part)
        route.fulfill(headers=headers, body=json.dumps(answer))

    page.route("**/api/v1/proofs?*", lie)


def test_a_correction_is_checked_by_the_browser(page: Page, network: Served, corrected: Corrected) -> None:
    """Correction and record each get their mark from the log, and nothing alarms."""
    page.goto(f"{network.lab.portal_origin}/history/{corrected.request_id}")
    expect(page.get_by_test_id("history-correction")).to_have_attribute("data-proof", "checked")
    expect(page.get_by_test_id("detail")).to_have_attribute("data-proof", "checked")
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("name", ALTERED)
def test_a_false_proof_of_a_correction_is_seen(page: Page, network: Served, corrected: Corrected, name: str) -> None:
    """When the proof of a correction does not fit, the correction and its entry fail, with the alarm."""
    kind, change = ALTERED[name]
    altered(page, change)
    page.goto(f"{network.lab.portal_origin}/history/{corrected.request_id}")
    expect(page.get_by_test_id("history-correction")).to_have_attribute("data-proof", "failed")
    expect(page.get_by_test_id("detail")).to_have_attribute("data-proof", "failed")
    expect(page.get_by_role("alert").locator(f"[data-kind={kind}]").first).to_be_visible()


@pytest.mark.parametrize(
    ("true", "false"),
    [(SAID, "記録は正しいです。"), ('data-institution="nhi-480029"', 'data-institution="tax-480011"')],
)
def test_a_correction_in_other_words_is_seen(
    page: Page, network: Served, corrected: Corrected, true: str, false: str
) -> None:
    """When the page shows other words or another institution than the logged correction, it fails and both are told."""

    def rewritten(route: Route) -> None:
        headers, body = truth(route)
        assert true in body
        route.fulfill(headers=headers, body=body.replace(true, false))

    page.route(f"**/history/{corrected.request_id}", rewritten)
    page.goto(f"{network.lab.portal_origin}/history/{corrected.request_id}")
    expect(page.get_by_test_id("history-correction")).to_have_attribute("data-proof", "failed")
    expect(page.get_by_role("alert").locator("[data-report=difference]")).to_have_count(1)


def test_a_correction_that_is_kept_back_from_the_proofs_is_seen(
    page: Page, network: Served, corrected: Corrected
) -> None:
    """A correction on the page for which the portal gives no proof fails as missing."""

    def without(route: Route) -> None:
        headers, body = truth(route)
        answer = json.loads(body)
        for entry in answer["entries"].values():
            entry["corrections"] = []
        route.fulfill(headers=headers, body=json.dumps(answer))

    page.route("**/api/v1/proofs?*", without)
    page.goto(f"{network.lab.portal_origin}/history/{corrected.request_id}")
    expect(page.get_by_test_id("history-correction")).to_have_attribute("data-proof", "failed")
    expect(page.get_by_role("alert").locator("[data-kind=missing]").first).to_be_visible()


def test_the_history_is_filtered_and_taken_away(page: Page, network: Served, corrected: Corrected) -> None:
    """A refused inquiry is found by its result, its page says why it was not allowed, and the file holds that one entry."""
    del corrected
    page.goto(f"{network.lab.portal_origin}/history")
    page.get_by_test_id("history-filters").locator("summary").click()
    page.select_option("#outcome", "DENIED")
    page.get_by_test_id("history-filter").click()
    expect(page.get_by_test_id("entry")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_test_id("history-csv").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(TOLD[1].request_id)
    page.get_by_test_id("entry").locator("h3 a").click()
    page.get_by_test_id("history-allowed").click()
    expect(page.get_by_test_id("allowed-verdict")).to_have_attribute("data-verdict", "denied")


def test_easy_japanese_is_a_choice_that_stays(page: Page, network: Served) -> None:
    """The link changes the words and not the records, stays for the next page, is checked all the same, and can be taken back."""
    page.goto(f"{network.lab.portal_origin}/history")
    page.get_by_test_id("easy").locator("a").click()
    expect(page.get_by_test_id("proof-summary")).to_have_attribute("data-state", "checked")
    page.goto(f"{network.lab.portal_origin}/history/{TOLD[0].request_id}")
    expect(page.get_by_test_id("history-story")).to_contain_text("何（なに）が ありましたか")
    expect(page.get_by_test_id("detail")).to_have_attribute("data-proof", "checked")
    page.get_by_test_id("easy").locator("a").click()
    expect(page.get_by_test_id("history-story")).to_contain_text("何があったか")


def test_the_keyboard_reaches_the_answer_without_scripts(browser: Browser, network: Served) -> None:
    """With scripts switched off and by keyboard alone one comes from the list to the row that allowed an exchange."""
    with visitor(browser, java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, network)
        page.goto(f"{network.lab.portal_origin}/history/{TOLD[0].request_id}")
        tab_to(page, "この問い合わせは認められていましたか")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("allowed-verdict")).to_have_attribute("data-verdict", "allowed")


@pytest.mark.parametrize(("language", "width"), [("ja", 1280), ("ja", 390), ("en", 390)])
def test_every_page_is_whole_for_everyone(
    browser: Browser, network: Served, corrected: Corrected, language: str, width: int
) -> None:
    """List with filters, nothing found, entry with correction and both answers have no finding of axe, and nothing runs out of the window."""
    problems: list[str] = []
    origin = network.lab.portal_origin
    with visitor(browser, language, width) as context:
        page = context.new_page()
        log_in(page, network)
        for path in (
            "/history?outcome=DENIED",
            "/history?outcome=ERROR",
            f"/history/{corrected.request_id}",
            f"/history/{corrected.request_id}/allowed",
            f"/history/{TOLD[1].request_id}/allowed",
            "/history?easy=1",
            f"/history/{corrected.request_id}",
        ):
            page.goto(origin + path)
            look(page, problems)
    assert problems == []
