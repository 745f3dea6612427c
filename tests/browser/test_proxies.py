"""Proxies in a real Chromium: two people, each with a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from browser.chromium import chromium
from browser.walks import log_in, look, tab_to, visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.lab import HANA, LONG, SORA, START, Told
from unit.portal.serving import Served, served

from warifu.portal.proxies.queries import GUESS_WINDOW

pytestmark = pytest.mark.browser

TOLD = [Told(START - timedelta(days=day)) for day in (1, 2, 3)]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service with Hana's history."""
    with served(tmp_path_factory.mktemp("browser")) as running:
        running.run(running.lab.deliver(TOLD))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@contextmanager
def two(browser: Browser, network: Served, language: str = "ja", width: int = 1280) -> Iterator[tuple[Page, Page]]:
    """Hana and Sora, logged in at their own machines, wrong words forgotten; what they agreed on is ended afterwards."""
    network.lab.clock.pass_time(GUESS_WINDOW)
    with ExitStack() as stack:
        pages = [stack.enter_context(visitor(browser, language, width)).new_page() for _ in range(2)]
        for page, person in zip(pages, (HANA, SORA), strict=True):
            log_in(page, network, person)
            page.get_by_test_id("nav-proxies").click()
        yield pages[0], pages[1]
        pages[0].goto(f"{network.lab.portal_origin}/proxies")
        for _ in range(pages[0].get_by_test_id("proxy").count()):
            end(pages[0])


def agree(hana: Page, sora: Page) -> None:
    """Hana has a word made, Sora types it."""
    hana.fill("#proxy-label", "母")
    hana.get_by_test_id("make-word").click()
    sora.fill("#word", hana.get_by_test_id("word").text_content() or "")
    sora.fill("#principal-label", "娘")
    sora.get_by_test_id("accept").click()
    expect(sora.get_by_test_id("done")).to_be_visible()


def act(sora: Page) -> None:
    """Sora reads for Hana."""
    sora.get_by_test_id("act").click()
    expect(sora.get_by_test_id("entry")).to_have_count(len(TOLD))


def end(page: Page) -> None:
    """End the first mandate of the page."""
    page.locator("summary").first.click()
    page.get_by_test_id("end").first.click()
    expect(page.get_by_test_id("done")).to_be_visible()


def test_a_daughter_lets_her_mother_read(browser: Browser, network: Served) -> None:
    """From the word to the entry and back, with the banner on every page between, and the record of it at both sides."""
    with two(browser, network) as (hana, sora):
        agree(hana, sora)
        act(sora)
        expect(sora.get_by_role("heading", level=1)).to_have_text("「娘」のやりとりの履歴")
        for _ in range(2):
            expect(sora.get_by_test_id("acting")).to_contain_text("「娘」の代理人として閲覧しています")
            sora.get_by_test_id("entry").first.get_by_role("link").click()
            expect(sora.get_by_test_id("detail")).to_be_visible()
            expect(sora.get_by_test_id("acting")).to_contain_text("「娘」の代理人として閲覧しています")
            sora.get_by_role("link", name="← 履歴の一覧へ").click()
        sora.get_by_test_id("back").click()
        expect(sora.get_by_test_id("acting")).to_have_count(0)
        sora.get_by_test_id("nav-history").click()
        expect(sora.get_by_test_id("empty")).to_be_visible()
        hana.goto(f"{network.lab.portal_origin}/proxies/records")
        read = hana.get_by_test_id("trace")
        expect(read.first).to_contain_text("代理人「母」が、あなたの履歴の一覧を見ました。")
        acts = [trace.get_attribute("data-act") for trace in read.all()]
        assert acts[:7] == ["READ_LIST", "READ_ENTRY", "READ_LIST", "READ_ENTRY", "READ_LIST", "SWITCHED", "REGISTERED"]


def test_ending_is_seen_in_the_running_session(browser: Browser, network: Served) -> None:
    """While the mother reads, the daughter ends it: the mother's next click shows nothing more of hers and a way back."""
    with two(browser, network) as (hana, sora):
        agree(hana, sora)
        act(sora)
        hana.goto(f"{network.lab.portal_origin}/proxies")
        end(hana)
        sora.get_by_test_id("entry").first.get_by_role("link").click()
        expect(sora.get_by_test_id("acting")).to_contain_text("代理の登録が終わりました")
        expect(sora.get_by_test_id("detail")).to_have_count(0)
        sora.get_by_test_id("back").click()
        expect(sora.get_by_test_id("principal")).to_have_count(0)


def test_a_wrong_word_is_announced(browser: Browser, network: Served) -> None:
    """A word that is none is answered by an alert that also describes the field, and the label stays."""
    with two(browser, network) as (_, sora):
        sora.fill("#word", "7777-7777-7777")
        sora.fill("#principal-label", "娘")
        sora.get_by_test_id("accept").click()
        expect(sora.get_by_role("alert")).to_contain_text("この合言葉は使えません")
        expect(sora.locator("#word")).to_have_accessible_description("英字と数字、12文字。大文字と小文字、ハイフンの有無は問いません。 この合言葉は使えません。入力を確かめてください。つくってから10分が過ぎた合言葉や、一度使った合言葉は使えません。その場合は、本人に新しい合言葉をつくってもらってください。")  # fmt: skip
        expect(sora.locator("#principal-label")).to_have_value("娘")
        expect(sora.locator("#word")).to_have_value("")


def test_controls_say_whom_they_are_about(browser: Browser, network: Served) -> None:
    """To a screen reader each button that reads for somebody or ends something names the person, and the banner is a region."""
    with two(browser, network) as (hana, sora):
        agree(hana, sora)
        expect(sora.get_by_role("button", name="「娘」の代理人として見る")).to_be_visible()
        hana.goto(f"{network.lab.portal_origin}/proxies")
        hana.get_by_text("「母」との登録を終える").first.click()
        expect(hana.get_by_role("button", name="「母」との登録を終える")).to_be_visible()
        act(sora)
        expect(sora.get_by_role("region", name="代理人としての閲覧")).to_be_visible()


def test_the_keyboard_suffices(browser: Browser, network: Served) -> None:
    """With Tab, Enter, Space and letters alone one side makes a word, the other types it, reads, goes back and ends it."""
    with two(browser, network) as (hana, sora):
        hana.locator("#proxy-label").focus()
        hana.keyboard.type("母")
        hana.keyboard.press("Enter")
        word = hana.get_by_test_id("word").text_content() or ""
        sora.locator("#word").focus()
        sora.keyboard.type(word)
        sora.keyboard.press("Tab")
        sora.keyboard.type("娘")
        sora.keyboard.press("Enter")
        expect(sora.get_by_test_id("done")).to_be_visible()
        tab_to(sora, "代理人として見る")
        sora.keyboard.press("Enter")
        expect(sora.get_by_test_id("entry")).to_have_count(len(TOLD))
        tab_to(sora, "自分の画面に戻る")
        sora.keyboard.press("Space")
        expect(sora.get_by_test_id("done")).to_be_visible()
        tab_to(sora, "「娘」との登録を終える")
        sora.keyboard.press("Space")
        tab_to(sora, "登録を終える")
        sora.keyboard.press("Enter")
        expect(sora.get_by_test_id("done")).to_contain_text("登録を終えました")


def test_everything_works_without_scripts(browser: Browser, network: Served) -> None:
    """With JavaScript switched off the pages about proxies are the same."""
    with visitor(browser, java_script_enabled=False) as first, visitor(browser, java_script_enabled=False) as second:
        hana, sora = first.new_page(), second.new_page()
        for page, person in ((hana, HANA), (sora, SORA)):
            page.goto(f"{network.lab.portal_origin}/login")
            page.get_by_test_id("to-card").click()
            page.locator(f"[data-person={person.person}] button").click()
            page.fill("#pin", person.pin)
            page.get_by_test_id("sign").click()
            page.get_by_test_id("nav-proxies").click()
        agree(hana, sora)
        act(sora)
        hana.goto(f"{network.lab.portal_origin}/proxies")
        end(hana)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_accessible(browser: Browser, network: Served, language: str, width: int) -> None:
    """Every page and state about proxies, in both languages, on a desk and on a phone, has no finding of axe and needs no sideways scrolling."""
    problems: list[str] = []
    with two(browser, network, language, width) as (hana, sora):
        origin = network.lab.portal_origin
        look(hana, problems)
        hana.goto(f"{origin}/proxies/records")
        look(hana, problems)
        hana.goto(f"{origin}/proxies")
        sora.fill("#word", "x")
        sora.fill("#principal-label", "x")
        sora.get_by_test_id("accept").click()
        expect(sora.get_by_role("alert")).to_be_visible()
        look(sora, problems)
        agree(hana, sora)
        look(hana, problems)
        look(sora, problems)
        act(sora)
        look(sora, problems)
        sora.get_by_test_id("entry").first.get_by_role("link").click()
        expect(sora.get_by_test_id("detail")).to_be_visible()
        look(sora, problems)
        sora.get_by_test_id("nav-proxies").click()
        look(sora, problems)
        hana.goto(f"{origin}/proxies")
        hana.locator("summary").first.click()
        look(hana, problems)
        hana.get_by_test_id("end").first.click()
        look(hana, problems)
        sora.goto(f"{origin}/history")
        look(sora, problems)
        hana.goto(f"{origin}/proxies/records")
        look(hana, problems)
    assert problems == []


@pytest.mark.parametrize("width", [640, 320])
def test_text_at_double_size_still_fits(browser: Browser, network: Served, width: int) -> None:
    """At 200 % zoom of a desk (640 px) and at 320 px nothing about proxies scrolls sideways, also with the longest label in one word."""
    problems: list[str] = []
    longest = "W" * 40
    with visitor(browser, width=width) as first, visitor(browser, width=width) as second:
        hana, lona = first.new_page(), second.new_page()
        log_in(hana, network, HANA)
        log_in(lona, network, LONG)
        for page in (hana, lona):
            page.goto(f"{network.lab.portal_origin}/proxies")
        hana.fill("#proxy-label", longest)
        hana.get_by_test_id("make-word").click()
        lona.fill("#word", hana.get_by_test_id("word").text_content() or "")
        lona.fill("#principal-label", longest)
        _fits(hana, problems)
        lona.get_by_test_id("accept").click()
        _fits(lona, problems)
        lona.get_by_test_id("act").click()
        _fits(lona, problems)
        for path in ("/proxies", "/proxies/records"):
            hana.goto(network.lab.portal_origin + path)
            _fits(hana, problems)
        hana.goto(f"{network.lab.portal_origin}/proxies")
        end(hana)
    assert problems == []


def _fits(page: Page, problems: list[str]) -> None:
    page.wait_for_load_state()
    if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
        problems.append(page.url)
