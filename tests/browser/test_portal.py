"""The citizen's way through card service and portal in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser.chromium import chromium
from browser.walks import choose, log_in, look, tab_to, type_pin, visitor
from playwright.sync_api import Browser, Page, expect
from unit.portal.lab import HANA, LONG, PEOPLE, SORA, START, Told
from unit.portal.serving import Served, served

from warifu.exchange.v1 import exchange_pb2

pytestmark = pytest.mark.browser

MIO = replace(SORA, person="p000010", name="灯台 澪", traits=("locked",))
NOEL = replace(SORA, person="p000011", name="灯台 野恵", traits=("locked",))
SCRIPT = "<script>document.title='taken'</script>"
TOLD = [
    Told(START - timedelta(days=1)),
    Told(START - timedelta(days=2), row="P08", provider="insurer-06480016"),
    Told(START - timedelta(days=3), outcome=exchange_pb2.OUTCOME_DENIED),
    Told(START - timedelta(days=4), outcome=exchange_pb2.OUTCOME_EXPIRED),
    Told(START - timedelta(days=5), outcome=exchange_pb2.OUTCOME_ERROR),
    *(Told(START - timedelta(days=40 + day)) for day in range(21)),
]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service with Hana's history."""
    folder: Path = tmp_path_factory.mktemp("browser")
    with served(folder, (*PEOPLE, MIO, NOEL)) as running:
        running.run(running.lab.deliver(TOLD))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A Japanese visitor on a desk."""
    with visitor(browser) as context:
        yield context.new_page()


def expect_entries(page: Page, told: list[Told]) -> None:
    """Wait for exactly these entries, in this order: a page that is still arriving shows fewer."""
    entries = page.get_by_test_id("entry")
    expect(entries).to_have_count(len(told))
    for place, one in enumerate(told):
        expect(entries.nth(place)).to_have_attribute("data-request-id", one.request_id)


def test_a_citizen_logs_in_reads_and_logs_out(page: Page, network: Served) -> None:
    """From the front page to an entry's details and out again, with the asking site shown at the card."""
    page.goto(network.lab.portal_origin)
    page.get_by_role("link", name="カードでログイン").click()
    page.get_by_test_id("to-card").click()
    page.fill("#q", "しおみ")
    page.get_by_role("button", name="さがす").click()
    expect(page.get_by_test_id("card")).to_have_count(1)
    page.get_by_role("button", name="汐見 花のカードを使う").click()
    expect(page.get_by_test_id("asking-origin")).to_contain_text(network.lab.portal_origin)
    type_pin(page, HANA.pin)
    expect(page.get_by_role("heading", level=1)).to_have_text("やりとりの履歴")
    page.get_by_role("link", name="榧野町 住民課（国民健康保険）が青凪市 市民税課に問い合わせました").first.click()
    expect(page.get_by_test_id("detail")).to_contain_text("保険料（税）の算定・軽減の判定")
    expect(page.get_by_test_id("papers")).to_contain_text("この記録からはわかりません")
    page.get_by_test_id("logout").click()
    expect(page.get_by_test_id("logged-out")).to_be_visible()
    page.goto(f"{network.lab.portal_origin}/history")
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_everything_works_without_scripts(browser: Browser, network: Served) -> None:
    """With JavaScript switched off the login and the history are the same."""
    with visitor(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{network.lab.portal_origin}/login")
        page.get_by_test_id("to-card").click()
        page.locator(f"[data-person={HANA.person}] button").click()
        type_pin(page, HANA.pin)
        expect(page.get_by_test_id("entry")).to_have_count(20)


def test_three_wrong_pins_lock_the_card(page: Page, network: Served) -> None:
    """Each wrong PIN is counted aloud, the third locks, and a new start finds the card locked."""
    choose(page, network, MIO)
    type_pin(page, "0000")
    expect(page.get_by_role("alert")).to_contain_text("あと2回")
    type_pin(page, "０９０８")
    expect(page.get_by_role("alert")).to_contain_text("半角の数字4桁")
    type_pin(page, "0001")
    expect(page.get_by_role("alert")).to_contain_text("あと1回")
    type_pin(page, "0002")
    expect(page.get_by_test_id("locked")).to_be_visible()
    expect(page.locator("#pin")).to_have_count(0)
    page.goto(f"{network.lab.portal_origin}/login")
    page.get_by_test_id("to-card").click()
    expect(page.locator(f"[data-person={MIO.person}]")).to_contain_text("ロック中")
    page.locator(f"[data-person={MIO.person}] button").click()
    expect(page.get_by_test_id("locked")).to_be_visible()


def test_the_history_reads_in_both_languages(page: Page, network: Served) -> None:
    """The same entry in Japanese and English: who, whom, why, the law of that day and its mark."""
    log_in(page, network)
    entry = page.get_by_test_id("entry").first
    for words in ("榧野町", "青凪市", "安くなるかどうかを確かめるため", "第9号第2条の表", "要確認", "回答あり"):
        expect(entry).to_contain_text(words)
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    entry = page.get_by_test_id("entry").first
    for words in (
        "Kayano Town",
        "asked",
        "Aonagi City",
        "whether it can be reduced",
        "Article 19(viii)",
        "to be verified",
        "Answered",
    ):
        expect(entry).to_contain_text(words)


def test_pages_lead_to_the_end_and_back(page: Page, network: Served) -> None:
    """Newest first, twenty a page, older and newer, and no total anywhere."""
    log_in(page, network)
    expect_entries(page, TOLD[:20])
    page.get_by_test_id("older").click()
    expect_entries(page, TOLD[20:])
    expect(page.get_by_test_id("older")).to_have_count(0)
    page.get_by_test_id("newer").click()
    expect_entries(page, TOLD[:20])
    expect(page.get_by_test_id("newer")).to_have_count(0)


def test_an_empty_history_says_so(page: Page, network: Served) -> None:
    """Who has no entries reads a sentence."""
    log_in(page, network, SORA)
    expect(page.get_by_test_id("empty")).to_contain_text("表示できるやりとりはありません")


def test_somebody_else_s_entry_is_missing(page: Page, network: Served) -> None:
    """Another person's entry is a page that does not exist."""
    log_in(page, network, SORA)
    response = page.goto(f"{network.lab.portal_origin}/history/{TOLD[0].request_id}")
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("ページが見つかりません")


def test_another_site_cannot_act_for_the_citizen(page: Page, network: Served) -> None:
    """A form on another site that posts to the portal ends nothing: the browser says where it comes from."""
    log_in(page, network)
    page.route("http://evil.localhost/", lambda route: route.fulfill(
        content_type="text/html",
        body=f'<form method="post" action="{network.lab.portal_origin}/logout"><button>win</button></form>',
    ))  # fmt: skip
    page.goto("http://evil.localhost/")
    page.get_by_role("button", name="win").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("この操作は受け付けられません")
    page.goto(f"{network.lab.portal_origin}/history")
    expect(page.get_by_test_id("entry").first).to_be_visible()


def test_another_site_cannot_frame_a_page(page: Page, network: Served) -> None:
    """Neither portal nor card service shows in a frame of another site."""
    for origin in (network.lab.portal_origin, network.lab.card_origin):
        page.route("http://evil.localhost/", lambda route, origin=origin: route.fulfill(
            content_type="text/html", body=f'<iframe src="{origin}/"></iframe>'
        ))  # fmt: skip
        page.goto("http://evil.localhost/")
        page.wait_for_load_state()
        frame = page.frames[1]
        assert "わりふ" not in frame.content()
        assert "カード" not in frame.content()
        page.unroute("http://evil.localhost/")


def test_markup_in_records_and_searches_stays_text(page: Page, network: Served) -> None:
    """Markup in a record's texts or a search never runs."""
    told = [
        Told(outcome=exchange_pb2.OUTCOME_DENIED, **{field: SCRIPT})
        for field in ("requester", "provider", "affair", "procedure", "item")
    ]
    network.run(network.lab.deliver(told, LONG))
    log_in(page, network, LONG)
    expect(page.get_by_test_id("entry")).to_have_count(5)
    assert page.title() != "taken"
    for one in told:
        page.goto(f"{network.lab.portal_origin}/history/{one.request_id}")
        assert page.title() != "taken"
        expect(page.get_by_test_id("detail")).to_contain_text(SCRIPT) if one.requester == SCRIPT else None
    page.goto(f"{network.lab.card_origin}/?q={SCRIPT}")
    assert page.title() != "taken"


def test_nothing_comes_from_outside(page: Page, network: Served) -> None:
    """From the front page to an entry every request goes to the two faces, and no page reports an error."""
    hosts: set[str] = set()
    troubles: list[str] = []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: troubles.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(network.lab.portal_origin)
    log_in(page, network)
    page.goto(f"{network.lab.portal_origin}/history/{TOLD[0].request_id}")
    assert hosts == {urlsplit(origin).netloc for origin in (network.lab.portal_origin, network.lab.card_origin)}
    assert troubles == []


def test_the_keyboard_suffices(page: Page, network: Served) -> None:
    """With Tab, Enter and letters alone one skips to the content, finds a card, types the PIN and opens an entry."""
    page.goto(f"{network.lab.portal_origin}/login")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("本文へ移動")
    page.keyboard.press("Enter")
    tab_to(page, "カードを選ぶ画面へ進む")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("card").first).to_be_visible()
    tab_to(page, "このカードを使う")
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(HANA.pin)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{network.lab.portal_origin}/history")
    tab_to(page, "榧野町 住民課（国民健康保険）が青凪市 市民税課に問い合わせました")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("detail")).to_be_visible()


def _states(network: Served) -> list[str]:
    """Addresses of pages that need a session."""
    entries = [f"/history/{told.request_id}" for told in TOLD[:5]]
    return [network.lab.portal_origin + path for path in ("/history", *entries, "/nothing", "/")]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_accessible(browser: Browser, network: Served, language: str, width: int) -> None:
    """Every page and state, in both languages, on a desk and on a phone, has no finding of axe and needs no sideways scrolling."""
    problems: list[str] = []
    with visitor(browser, language, width) as context:
        page = context.new_page()
        for path in ("/", "/login", "/login?problem=challenge", "/login?out"):
            page.goto(network.lab.portal_origin + path)
            look(page, problems)
        page.goto(network.lab.card_origin)
        look(page, problems)
        page.goto(f"{network.lab.card_origin}/?q=nobody")
        look(page, problems)
        choose(page, network)
        look(page, problems)
        for wrong, said in (("0000", "pin-wrong"), ("x", "pin-malformed")):
            type_pin(page, wrong)
            expect(page.get_by_test_id(said)).to_be_visible()
            look(page, problems)
        type_pin(page, HANA.pin)
        expect(page).to_have_url(f"{network.lab.portal_origin}/history")
        for url in _states(network):
            page.goto(url)
            look(page, problems)
    assert problems == []


def test_a_locked_card_is_accessible_too(page: Page, network: Served) -> None:
    """The page of a locked card and the tray with it have no finding of axe."""
    problems: list[str] = []
    choose(page, network, NOEL)
    for tries_left in (2, 1):
        type_pin(page, "0000")
        expect(page.get_by_role("alert")).to_contain_text(f"あと{tries_left}回")
    type_pin(page, "0000")
    expect(page.get_by_test_id("locked")).to_be_visible()
    look(page, problems)
    page.goto(f"{network.lab.card_origin}/?trait=locked")
    look(page, problems)
    assert problems == []


@pytest.mark.parametrize("width", [640, 320])
def test_text_at_double_size_still_fits(browser: Browser, network: Served, width: int) -> None:
    """At 200 % zoom of a desk (640 px) and at 320 px no page scrolls sideways, also with the longest name and codes open."""
    problems: list[str] = []
    with visitor(browser, width=width) as context:
        page = context.new_page()
        log_in(page, network)
        for url in [*_states(network), f"{network.lab.card_origin}/?q=MARIA"]:
            page.goto(url)
            if page.locator("summary").count():
                page.locator("summary").click()
            if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
                problems.append(url)
    assert problems == []
