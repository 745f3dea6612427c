"""Letters and corrections in a real Chromium and the real network: a citizen asks, institution and supervisor answer, what is wrong is corrected.

What is left unanswered shows at the supervisor's. No record changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from browser.chromium import chromium
from browser.staged import on_stage
from browser.walks import log_in, look, tab_to, visitor
from playwright.sync_api import Browser, Page, expect
from running import Running
from unit.counter.lab import REVIEWER
from unit.portal.lab import Told
from unit.portal.serving import Served, served

from warifu.law import packaged
from warifu.simulator.scenarios.stage import NotPlayableError, Stage, tax_year

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BOOK = packaged()
QUESTION = "なぜ、この市に問い合わせたのですか。"
OBJECTION = "この市に住んだことはありません。"
TO_SUPERVISOR = "この問い合わせが正しかったか、見てください。"
ANSWER = "転入前の市を取り違えて照会しました。おわびします。"
CORRECTION = "照会先の市を誤りました。正しい照会先は別の市です。"
RULED = "機関に確認しました。訂正が記録されています。"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@dataclass(frozen=True)
class Asked:
    """An exchange about somebody."""

    person: str
    requester: str
    provider: str
    request_id: str


async def asked(stage: Stage) -> Asked:
    """A health insurance asks another city's tax office about one of its people, who has it in their history when this returns."""
    for person in stage.people.all():
        if any(trait.startswith("cast:") for trait in person.traits):
            continue
        for insurance in person.insurance:
            if not insurance.institution.startswith("nhi-") or insurance.institution.endswith("490016"):
                continue
            requester, provider = insurance.institution, "tax-490016"
            addressee = await stage.clerk(requester).find(stage.people.items(person.person))
            if addressee is None:
                continue
            exchange = await stage.ask(requester, addressee, stage.question("P07", provider, tax_year(2025)))
            for _ in range(60):
                if exchange.request_id in {entry["request_id"] for entry in await stage.history(person.person)}:
                    return Asked(person.person, requester, provider, exchange.request_id)
                await asyncio.sleep(0.5)
    raise NotPlayableError("だれもいません。", "nobody")


def enter(page: Page, portal: str, person: str) -> None:
    """Log in with somebody's card, whose PIN the tray shows."""
    page.goto(f"{portal}/login")
    page.get_by_test_id("to-card").click()
    page.fill("#q", person)
    page.keyboard.press("Enter")
    page.locator(f"[data-person={person}] button").first.click()
    page.fill("#pin", page.locator("code.shown").first.inner_text())
    page.get_by_test_id("sign").click()
    page.wait_for_url(f"{portal}/history")


def write(page: Page, portal: str, what: Asked, addressee: str, text: str, *, objection: bool = False) -> str:
    """Write a letter about the entry; its address."""
    page.goto(f"{portal}/history/{what.request_id}")
    page.get_by_test_id("history-letter").click()
    page.locator(f"input[name=addressee][value='{addressee}']").check()
    page.locator("#kind-objection" if objection else "#kind-question").check()
    page.fill("#text", text)
    page.get_by_test_id("letter-send").click()
    expect(page.get_by_test_id("letter-sent")).to_be_visible()
    return page.url.split("?")[0]


def document(page: Page, what: Asked) -> dict[str, Any]:
    """The entry as the portal's API tells it to this very page."""
    path = f"/api/v1/history/{what.request_id}"
    told: dict[str, Any] = page.evaluate("path => fetch(path).then((answer) => answer.json())", path)
    return told


def until(page: Page, url: str, what: Callable[[], bool]) -> None:
    """Open a page until something is there: jobs carry letters between the parties."""
    for _ in range(60):
        page.goto(url)
        if what():
            return
        page.wait_for_timeout(500)
    raise AssertionError(f"{url}: {page.locator('main').inner_text()}")


def test_a_citizen_asks_and_is_answered(network: Running, browser: Browser) -> None:
    """The institution answers and corrects, the supervisor answers, what stays unanswered is overdue at the supervisor's; the record is what it was."""
    urls, what = network.file.urls, on_stage(network, asked)
    portal, counter, console = urls["portal"], urls["counter"], urls["watchdog"]
    with visitor(browser) as at_home, visitor(browser) as at_work, visitor(browser) as at_the_supervisor:
        citizen, clerk, examiner = at_home.new_page(), at_work.new_page(), at_the_supervisor.new_page()
        enter(citizen, portal, what.person)
        entry = f"{portal}/history/{what.request_id}"
        citizen.goto(entry)
        before = document(citizen, what)
        question = write(citizen, portal, what, what.requester, QUESTION)
        write(citizen, portal, what, what.provider, OBJECTION, objection=True)
        concern = write(citizen, portal, what, "watchdog", TO_SUPERVISOR)

        # The institution answers, and says what is wrong in the record.
        clerk.goto(f"{counter}/{what.requester}/login")
        clerk.locator(f"[data-login={REVIEWER}]").get_by_test_id("quick-login").click()
        expect(clerk.get_by_test_id("whoami")).to_contain_text(REVIEWER)
        line = clerk.get_by_test_id("letter-line").filter(has_text=QUESTION)
        until(clerk, f"{counter}/{what.requester}/letters", lambda: line.count() == 1)
        assert OBJECTION not in clerk.locator("main").inner_text()
        line.locator("a").click()
        expect(clerk.get_by_test_id("letter-text")).to_have_text(QUESTION)
        assert what.person not in clerk.content()
        clerk.fill("#text", ANSWER)
        clerk.check("#corrects")
        clerk.fill("#correction", CORRECTION)
        clerk.get_by_test_id("letter-send").click()
        expect(clerk.get_by_test_id("letter-answer")).to_have_text(ANSWER)

        # The citizen reads the answer, and finds the correction with its own proof beside the record that is as it was.
        until(citizen, question, lambda: ANSWER in citizen.get_by_test_id("letter-answer").inner_text())
        citizen.goto(f"{portal}/notices")
        expect(citizen.locator("[data-kind=letter-answered]").first).to_be_visible()
        correction = citizen.get_by_test_id("history-correction")
        until(citizen, entry, lambda: correction.count() == 1)
        expect(correction).to_contain_text(CORRECTION)
        expect(correction).to_contain_text(BOOK.institutions[what.requester].name.ja)
        expect(correction).to_have_attribute("data-proof", "checked")
        expect(citizen.get_by_test_id("detail")).to_have_attribute("data-proof", "checked")
        after = document(citizen, what)
        assert [one["statement"] for one in after.pop("corrections")] == [CORRECTION]
        before.pop("corrections")
        assert after == before

        # The supervisor answers, and does not see who wrote.
        examiner.goto(f"{console}/login")
        examiner.fill("#login", "examiner")
        examiner.fill(
            "#password",
            examiner.get_by_test_id("demo-account").filter(has_text="examiner").locator("code").nth(1).inner_text(),
        )
        examiner.get_by_test_id("log-in").click()
        ours = examiner.get_by_test_id("letter").filter(has_text=TO_SUPERVISOR)
        until(examiner, f"{console}/letters", lambda: ours.count() == 1)
        ours.locator("h2 a").click()
        assert what.person not in examiner.content()
        examiner.fill("#text", RULED)
        examiner.get_by_test_id("letter-send").click()
        expect(examiner.get_by_test_id("letter-answer")).to_contain_text(RULED)
        until(citizen, concern, lambda: RULED in citizen.get_by_test_id("letter-answer").inner_text())

        # A month later the objection that nobody answered is the supervisor's to see.
        async def a_month_later(stage: Stage) -> None:
            await stage.at_least((await stage.clock()).date() + timedelta(days=31))

        on_stage(network, a_month_later)
        late = examiner.locator(f"[data-testid=overdue][data-institution='{what.provider}']").filter(
            has_text=what.request_id
        )
        until(examiner, f"{console}/letters/overdue", lambda: late.count() == 1)
        expect(late).to_contain_text("異議")
        assert OBJECTION not in examiner.content()


@pytest.mark.parametrize(("language", "width"), [("ja", 1280), ("ja", 390), ("en", 390)])
def test_every_page_is_whole_for_everyone(browser: Browser, paper: Served, language: str, width: int) -> None:
    """List, form, refused form and letter have no finding of axe, and nothing runs out of a narrow window."""
    problems: list[str] = []
    origin = paper.lab.portal_origin
    told = Told()
    paper.run(paper.lab.deliver([told]))
    with visitor(browser, language, width) as context:
        page = context.new_page()
        log_in(page, paper)
        page.goto(f"{origin}/letters")
        look(page, problems)
        page.goto(f"{origin}/history/{told.request_id}/letter")
        look(page, problems)
        page.evaluate("document.querySelector('form.sheet').noValidate = true")
        page.get_by_test_id("letter-send").click()
        expect(page.get_by_test_id("letter-problem")).to_be_visible()
        look(page, problems)
        page.fill("#text", QUESTION)
        page.get_by_test_id("letter-send").click()
        expect(page.get_by_test_id("letter-sent")).to_be_visible()
        look(page, problems)
        page.goto(f"{origin}/letters")
        look(page, problems)
    assert problems == []


def test_the_keyboard_suffices_without_scripts(browser: Browser, paper: Served) -> None:
    """With scripts switched off and by keyboard alone a letter is written and sent."""
    told = Told()
    paper.run(paper.lab.deliver([told]))
    with visitor(browser, java_script_enabled=False) as context:
        page = context.new_page()
        log_in(page, paper)
        page.goto(f"{paper.lab.portal_origin}/history/{told.request_id}")
        tab_to(page, "質問する・異議を申し出る")
        page.keyboard.press("Enter")
        page.locator("#text").focus()
        page.keyboard.type(QUESTION)
        tab_to(page, "送る")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("letter-text")).to_have_text(QUESTION)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Portal and card service without the others."""
    with served(tmp_path_factory.mktemp("letters")) as running:
        yield running
