"""A use by ordinance in a real Chromium, from the office that files it over the supervisor who approves it to the citizen who reads its ground."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from browser.chromium import chromium
from browser.test_cards import log_in
from browser.test_cases import answered, on_stage, place, work_at
from browser.test_counter import receive
from browser.walks import visitor
from playwright.sync_api import Browser, Page, expect
from running import Running
from unit.counter.lab import CHIEF, CLERK

from warifu.law import packaged
from warifu.simulator.people import People
from warifu.simulator.population import Person
from warifu.simulator.scenarios.stage import Stage
from warifu.simulator.translate import tax_info

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BOOK = packaged()
SUBSIDY, ROW, YEAR = "JT90000000000503", "P27", 2025
OFFICE, OTHER_CITY = "welfare-480011", "490016"
TAX = f"tax-{OTHER_CITY}"
ORDINANCE = "青凪市子どもの医療費の助成に関する条例（平成20年条例第5号）"
TESTS = {
    "same_aim": "子どもの医療費の負担を軽くする趣旨が同じ。",
    "similar_content": "親の所得を確かめる内容が似ている。",
    "no_wider": "提供する機関も情報も、法定の事務より広くない。",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as opened:
        yield opened


def parent(network: Running) -> Person:
    """Somebody who was taxed in another city, from the end, since plays take theirs from the beginning."""
    return next(
        one
        for one in reversed(People.of(network.file).all())
        if one.present is not None
        and one.present.municipality == OTHER_CITY
        and (assessed := one.assessed(YEAR)) is not None
        and assessed.municipality == OTHER_CITY
        and not any(trait.startswith("cast:") for trait in one.traits)
    )


def open_case(page: Page, base: str, network: Running, person: Person) -> str:
    """Receive the parent and open a case of the subsidy; its address."""
    people = People.of(network.file)
    receive(page, base, people.items(person.person), people.demo(person.person).individual_number)
    page.get_by_test_id("step-cases-new").click()
    page.locator(f"[data-procedure={SUBSIDY}] input").check()
    page.get_by_test_id("case-open").click()
    expect(page.get_by_test_id("case-person")).to_be_visible()
    return page.url


def ask(page: Page, case: str, count: int) -> str:
    """Ask the other city's tax office under the row, with consent; the state of this inquiry, the `count`-th, once it left."""
    page.goto(case)
    line = page.locator(f"article[data-row={ROW}]")
    if count > 1:
        line.get_by_text("もう一度、または別の機関に照会する").click()
    line.get_by_label("照会先").select_option(TAX)
    line.get_by_label("年度").select_option(str(YEAR))
    line.locator("input[name=consent]").check()
    line.get_by_test_id("ask").click()
    made = page.locator(f"article[data-row={ROW}]").get_by_test_id("inquiry")
    expect(made).to_have_count(count)
    for _ in range(20):
        state = str(made.last.get_attribute("data-state"))
        if state != "sent":
            break
        page.reload()
    return state


def file_use(page: Page, base: str) -> None:
    """The chief files the use with its three tests."""
    page.get_by_test_id("menu-filings").click()
    page.get_by_test_id("filing-use").click()
    page.select_option("#row", ROW)
    page.fill("#ordinance", ORDINANCE)
    page.locator("#statutory_affair").select_option(index=1)
    for field, text in TESTS.items():
        page.fill(f"#{field}", text)
    page.get_by_test_id("filing-use-send").click()
    expect(page).to_have_url(f"{base}/filings?done=use")
    expect(page.get_by_test_id("use").first).to_contain_text(ROW)


def decide(page: Page, network: Running, decision: str, note: str) -> None:
    """The supervisor's director decides on the filing; the network hears it."""
    page.goto(f"{network.file.urls['watchdog']}/ordinances")
    page.get_by_role("link", name=ORDINANCE).first.click()
    page.fill("#note", note)
    page.get_by_test_id(decision).click()
    expect(page.get_by_test_id("done")).to_contain_text("ゲートウェイに伝わりました")

    async def heard(stage: Stage) -> None:
        await stage.doors.settle()

    on_stage(network, heard)


@contextmanager
def director(browser: Browser, network: Running) -> Iterator[Page]:
    """The supervisor's director at the console."""
    with visitor(browser) as office:
        page = office.new_page()
        page.goto(f"{network.file.urls['watchdog']}/login")
        page.get_by_test_id("demo-account").filter(has_text="director").get_by_test_id("quick-login").click()
        expect(page.get_by_test_id("whoami")).to_be_visible()
        yield page


def allowed(page: Page, case: str) -> None:
    """Look at the case until the approval has come to the office."""
    for _ in range(30):
        page.goto(case)
        if page.get_by_test_id("awaits-approval").count() == 1:  # the other row by the ordinance still waits
            return
        page.wait_for_timeout(500)
    raise AssertionError("the approval never came to the office")


def test_a_use_by_ordinance_is_filed_approved_and_read_by_the_citizen(browser: Browser, network: Running) -> None:
    """What an ordinance allows is refused until the office filed it and the supervisor approved it; then it is answered.

    The citizen finds both inquiries and reads under the one that was answered which provision it stood on. Once the approval is
    withdrawn the next inquiry is refused again.
    """
    person, counter = parent(network), network.file.urls["counter"]
    truth = person.assessed(YEAR)
    assert truth is not None
    with visitor(browser) as at_window, visitor(browser) as at_desk, director(browser, network) as console:
        clerk, chief = at_window.new_page(), at_desk.new_page()
        base = work_at(clerk, counter, OFFICE, CLERK)
        case = open_case(clerk, base, network, person)
        expect(clerk.get_by_test_id("awaits-approval").first).to_be_visible()
        assert ask(clerk, case, 1) == "denied"
        expect(clerk.get_by_test_id("refusal")).to_have_attribute("data-reason", "CLIENT_ORDINANCE_NOT_APPROVED")
        denied = last_request(clerk)

        work_at(chief, counter, OFFICE, CHIEF)
        file_use(chief, base)
        decide(console, network, "approve", "三つの要件を満たしている。")
        chief.reload()
        expect(chief.get_by_test_id("use").first).to_contain_text("三つの要件を満たしている。")

        allowed(clerk, case)
        ask(clerk, case, 2)
        answered(clerk, browser, counter, ROW, TAX)
        request_id = last_request(clerk)
        expect(place(clerk, "total_income")).to_have_attribute("data-request-id", request_id)
        expect(place(clerk, "total_income").get_by_test_id("value")).to_have_text(
            f"{tax_info(truth).total_income_yen:,}円"
        )
        read(browser, network, person, denied, request_id)
        decide(console, network, "withdraw", "条例が改められた。")
        assert ask(clerk, case, 3) == "denied"


def last_request(page: Page) -> str:
    """Request id of the newest inquiry of the row."""
    made = page.locator(f"article[data-row={ROW}]").get_by_test_id("inquiry").last
    return str(made.get_attribute("data-request-id"))


def read(browser: Browser, network: Running, person: Person, denied: str, request_id: str) -> None:
    """The citizen's side: both inquiries are in the history, the answered one with the provision of its day."""
    with visitor(browser) as home:
        page = home.new_page()
        log_in(page, network, person.person, People.of(network.file).demo(person.person).pin)
        for _ in range(60):  # an entry shows once the gateway has delivered it
            page.goto(f"{network.file.urls['portal']}/history/{request_id}")
            if page.get_by_test_id("detail").count():
                break
            page.wait_for_timeout(500)
        detail = page.get_by_test_id("detail")
        citation = next(one for one in BOOK.rows[ROW].citations if one.valid_to is None)
        expect(detail).to_contain_text(citation.text.ja)
        expect(detail).to_contain_text(BOOK.institutions[OFFICE].name.ja)
        expect(detail).to_contain_text(BOOK.institutions[TAX].name.ja)
        page.goto(f"{network.file.urls['portal']}/history/{denied}")
        expect(page.get_by_test_id("outcome-words")).to_contain_text("認められませんでした")
