"""Procedures in a real Chromium: a citizen applies in the real network, a clerk's case answers, and each reads the effect on the other's side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser.chromium import chromium
from browser.staged import provide_what_waits
from browser.walks import log_in, look, tab_to, visitor
from playwright.sync_api import Browser, Page, expect
from running import Running
from unit.portal.lab import Told
from unit.portal.serving import Served, served

from warifu.law import packaged

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BOOK = packaged()
ALLOWANCE, OFFICE, CLERK = "JT90000000000501", "welfare-480011", "c-0001"
APPLICANT = "p-000005"
"""Lives in another city, and earned there last year: who just moved to the office's city is like that."""
HOME = {"P01": "tax-490016", "P02": "residency-490016"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service without the others."""
    with served(tmp_path_factory.mktemp("procedures")) as running:
        running.run(running.lab.deliver([Told()]))
        yield running


def enter(page: Page, portal: str, person: str) -> None:
    """Log in with somebody's card, whose PIN the tray shows."""
    page.goto(f"{portal}/login")
    page.get_by_test_id("to-card").click()
    page.locator(f"[data-person={person}] button").first.click()
    page.fill("#pin", page.locator("code.shown").first.inner_text())
    page.get_by_test_id("sign").click()
    page.wait_for_url(f"{portal}/history")


def fill_in(page: Page) -> None:
    """The allowance's form."""
    page.select_option("#institution", OFFICE)
    page.fill("#child_name", "入江　杏")
    page.fill("#child_birth_date", "2011-05-30")
    page.locator("input[name=lives_together][value='0']").check()
    page.select_option("#january_1_municipality", "490016")
    page.get_by_test_id("procedures-confirm").click()


def sign(page: Page) -> None:
    """At the card service: the same fingerprint, the password that the page shows, and back."""
    shown = page.get_by_test_id("draft-fingerprint").inner_text()
    page.get_by_test_id("draft-sign").click()
    expect(page.get_by_test_id("signature-fingerprint")).to_have_text(shown)
    page.fill("#password", page.get_by_test_id("password-shown").inner_text())
    page.get_by_test_id("sign-application").click()


def reach(page: Page, state: str) -> None:
    """Look at the application until its state is told."""
    expect_state = page.get_by_test_id("application-state")
    for _ in range(60):
        if expect_state.get_attribute("data-state") == state:
            return
        page.wait_for_timeout(500)
        page.reload()
    expect(expect_state).to_have_attribute("data-state", state)


def test_an_application_is_answered_and_its_inquiries_are_in_the_history(network: Running, browser: Browser) -> None:
    """The citizen applies and signs; the clerk opens the case, asks tax and residency, decides; the citizen sees papers saved and who asked."""
    portal, counter = network.file.urls["portal"], network.file.urls["counter"]
    with visitor(browser) as at_home, visitor(browser) as at_work:
        citizen, clerk = at_home.new_page(), at_work.new_page()
        enter(citizen, portal, APPLICANT)
        citizen.goto(f"{portal}/procedures?event=birth")
        citizen.locator(f"[data-code={ALLOWANCE}] a").click()
        citizen.get_by_test_id("procedures-apply").click()
        fill_in(citizen)
        sign(citizen)
        expect(citizen.get_by_test_id("application")).to_be_visible()
        application = citizen.url.split("/")[-1].split("?")[0]
        reach(citizen, "RECEIVED")

        clerk.goto(f"{counter}/{OFFICE}")
        clerk.locator(f"[data-login={CLERK}]").get_by_test_id("quick-login").click()
        clerk.goto(f"{counter}/{OFFICE}/applications")
        ours = clerk.locator(f"[data-application='{application}']")
        expect(ours).to_contain_text("入江　杏")
        ours.get_by_test_id("application-open").click()
        case = clerk.url
        for row, provider in HOME.items():
            line = clerk.locator(f"[data-row={row}]")
            line.locator("select[name=provider]").select_option(provider)
            line.get_by_test_id("ask").click()
            clerk.goto(case)
        for _ in range(60):
            if clerk.get_by_test_id("case-under-way").count() == 0:
                break
            provide_what_waits(network, HOME.values())
            clerk.wait_for_timeout(500)
            clerk.goto(case)
        clerk.fill("#note", "認定します。")
        clerk.get_by_test_id("case-grant").click()

        reach(citizen, "GRANTED")
        saved = citizen.get_by_test_id("application-saved")
        for row in HOME:
            expect(saved).to_contain_text(BOOK.rows[row].papers[0].ja)
        expect(citizen.get_by_test_id("application-note")).to_have_text("認定します。")
        inquiries = citizen.get_by_test_id("application-inquiry")
        for _ in range(60):  # an inquiry shows once the gateway has delivered it
            if inquiries.count() == len(HOME):
                break
            citizen.wait_for_timeout(500)
            citizen.reload()
        expect(inquiries).to_have_count(len(HOME))
        inquiries.first.click()
        expect(citizen.get_by_test_id("detail")).to_contain_text(BOOK.institutions[OFFICE].name.ja)
        expect(citizen.get_by_test_id("detail")).to_contain_text("児童手当の認定の請求")
        citizen.goto(f"{portal}/notices")
        expect(citizen.locator("[data-kind=application]").first).to_contain_text("認められました")


@pytest.mark.parametrize(("language", "width"), [("ja", 1280), ("ja", 390), ("en", 390)])
def test_every_page_is_whole_for_everyone(paper: Served, browser: Browser, language: str, width: int) -> None:
    """From the search to the sent application, refused form included, axe finds nothing and nothing runs out of a narrow window."""
    problems: list[str] = []
    origin = paper.lab.portal_origin
    with visitor(browser, language, width) as context:
        page = context.new_page()
        log_in(page, paper)
        for path in ("/procedures", "/procedures?q=zzz", "/procedures/JT90000000000503", "/applications"):
            page.goto(origin + path)
            look(page, problems)
        page.goto(f"{origin}/procedures/JT90000000000503/apply")
        page.get_by_test_id("procedures-confirm").click()
        expect(page.get_by_test_id("form-problems")).to_be_visible()
        look(page, problems)
        page.goto(f"{origin}/procedures/{ALLOWANCE}/apply")
        look(page, problems)
        fill_in(page)
        look(page, problems)
        sign(page)
        look(page, problems)
        page.goto(f"{origin}/applications")
        look(page, problems)
    assert problems == []


def test_applying_needs_neither_script_nor_mouse(paper: Served, browser: Browser) -> None:
    """With scripts switched off a procedure is reached by keyboard alone, and its form filled in, signed and sent."""
    with visitor(browser, java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, paper)
        for link, leads_to in (
            ("手続・申請", "/procedures"),
            ("児童手当を申請する", f"/procedures/{ALLOWANCE}"),
            ("申請に進む", f"/procedures/{ALLOWANCE}/apply"),
        ):
            tab_to(page, link)
            page.keyboard.press("Enter")
            page.wait_for_url(paper.lab.portal_origin + leads_to)
        fill_in(page)
        tab_to(page, "カードで署名する")
        sign(page)
        expect(page.get_by_test_id("done")).to_be_visible()


def test_a_mistake_leads_to_its_place(paper: Served, browser: Browser) -> None:
    """Each line of the summary leads to the place that it is about, where the mistake stands in words."""
    with visitor(browser) as context:
        page = context.new_page()
        log_in(page, paper)
        page.goto(f"{paper.lab.portal_origin}/procedures/{ALLOWANCE}/apply")
        page.get_by_test_id("procedures-confirm").click()
        summary = page.get_by_test_id("form-problems").locator("a")
        targets = [link.get_attribute("href") for link in summary.all()]
        assert targets == [
            "#institution",
            "#child_name",
            "#child_birth_date",
            "#lives_together",
            "#january_1_municipality",
        ]
        for target in targets:
            expect(page.locator(target)).to_have_attribute("aria-invalid", "true")
            expect(page.locator(f"{target}-problem")).to_be_visible()
