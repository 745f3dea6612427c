"""The counters in a real Chromium: a protection set by two people and read at the interim server; every page as axe sees it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from browser.chromium import chromium
from browser.walks import look, visitor
from playwright.sync_api import Browser, Page, expect
from running import Running
from unit.counter.lab import ADDRESSEE, AFTERNOON, CHIEF, CITY, CLERK, GOOD, NUMBER, ServedLab, served_lab

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.simulator.people import People
from warifu.simulator.population import Person
from warifu.supervision.v1 import supervision_pb2 as pb

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WHY = "支援措置の申出（令和8年第12号）"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedLab]:
    """Counters behind a socket, beside services of paper."""
    with served_lab(tmp_path) as lab:
        yield lab


def quick_login(page: Page, origin: str, institution: str, login: str) -> None:
    """From the institution's address through the quick login."""
    page.goto(f"{origin}/{institution}")
    page.locator(f"[data-login={login}]").get_by_test_id("quick-login").click()
    expect(page.get_by_test_id("whoami")).to_contain_text(login)


def type_login(page: Page, origin: str, institution: str, login: str) -> None:
    """Staff code, password and the one-time password that is shown, typed by hand."""
    page.goto(f"{origin}/{institution}/login")
    shown = page.locator(f"[data-login={login}]")
    password, code = shown.locator("code").nth(1).inner_text(), shown.get_by_test_id("demo-code").inner_text()
    for field, value in (("#login", login), ("#password", password), ("#code", code)):
        page.fill(field, value)
    page.get_by_test_id("log-in").click()
    expect(page.get_by_test_id("whoami")).to_contain_text(login)


def receive(page: Page, base: str, items: common_pb2.BasicItems, number: str) -> str:
    """Receive somebody with their card; their addressee number."""
    page.goto(f"{base}/visitors/new")
    page.select_option("#number_paper", "card")
    page.fill("#number", number)
    page.check("#paper-card")
    for seen in GOOD["seen"]:
        page.check(f"#seen-{seen}")
    page.fill("#name", items.name)
    page.fill("#address", items.address)
    page.fill("#born", items.birth_date)
    page.check("#sex-female" if items.sex == common_pb2.SEX_FEMALE else "#sex-male")
    page.get_by_test_id("visitor-receive").click()
    expect(page.get_by_test_id("visitor-name")).to_have_text(items.name)
    return page.get_by_test_id("visitor-addressee").inner_text()


def propose(page: Page) -> str:
    """From a visit, ask for non-disclosure and review by hand; the proposal's address."""
    page.get_by_test_id("step-protections").click()
    page.check("#flag-non_disclosure")
    page.check("#flag-manual_review")
    page.fill("#why", WHY)
    page.get_by_test_id("protection-propose").click()
    expect(page.get_by_test_id("proposal-state")).to_have_attribute("data-state", "waiting")
    return page.url


def flags(network: Running, addressee: str) -> list[tuple[int, int, int]]:
    """What the interim server has in force for somebody."""
    path = network.state / "residency" / f"{CITY}.interim.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        query = "SELECT non_disclosure, self_disclosure_blocked, manual_review FROM protections WHERE addressee_no = ?"
        return connection.execute(query, (addressee,)).fetchall()


def untouched(network: Running, people: People, city: str) -> Person:
    """Someone of a city whose life no play has changed: their papers are as they were when the network began."""
    played = network.state / "simulator" / "played.json"
    changed = set(json.loads(played.read_text())) if played.exists() else set()
    here = (one for one in people.all() if one.present is not None and one.present.municipality == city)
    return next(one for one in here if one.person not in changed and not any(t.startswith("cast:") for t in one.traits))


def test_two_people_protect_a_visitor(browser: Browser, network: Running) -> None:
    """A clerk logs in with a one-time password, receives a visitor and proposes; nothing holds before the chief approves.

    Then the interim server has the flags, and the chief reads all of it in the acts; lifting goes the same way.
    """
    origin, people = network.file.urls["counter"], People.of(network.file)
    person = untouched(network, people, "480011")
    items, number = people.items(person.person), people.demo(person.person).individual_number
    base = f"{origin}/{CITY}"
    with visitor(browser) as at_window, visitor(browser) as at_desk:
        clerk, chief = at_window.new_page(), at_desk.new_page()
        type_login(clerk, origin, CITY, CLERK)
        addressee = receive(clerk, base, items, number)
        proposal = propose(clerk)
        expect(clerk.get_by_test_id("proposal-approve")).to_have_count(0)
        assert flags(network, addressee) == []
        quick_login(chief, origin, CITY, CHIEF)
        chief.goto(proposal)
        chief.get_by_test_id("proposal-approve").click()
        expect(chief.get_by_test_id("proposal-state")).to_have_attribute("data-state", "done")
        assert flags(network, addressee) == [(1, 0, 1)]
        chief.goto(f"{base}/acts")
        for act, login in (("protect", CHIEF), ("approve", CHIEF), ("propose", CLERK), ("receive", CLERK)):
            row = chief.locator(f"[data-act={act}]").first
            expect(row).to_have_attribute("data-result", "done")
            expect(row).to_contain_text(login)
        expect(chief.locator("main")).to_contain_text(addressee)
        expect(chief.locator("main")).not_to_contain_text(items.name)
        clerk.goto(f"{base}/protections?visit={clerk_visit(clerk, base)}")
        clerk.uncheck("#flag-non_disclosure")
        clerk.uncheck("#flag-manual_review")
        clerk.fill("#why", WHY)
        clerk.get_by_test_id("protection-propose").click()
        chief.goto(clerk.url)
        chief.get_by_test_id("proposal-approve").click()
        expect(chief.get_by_test_id("proposal-state")).to_have_attribute("data-state", "done")
        assert flags(network, addressee) in ([], [(0, 0, 0)])


def clerk_visit(page: Page, base: str) -> str:
    """The number of the newest visit."""
    page.goto(f"{base}/visitors")
    return str(page.get_by_test_id("visit").first.get_by_role("link").get_attribute("href")).rsplit("/", 1)[1]


def test_a_chief_files_and_the_supervisor_has_it(browser: Browser, network: Running) -> None:
    """A leak report that a chief sends is listed with its terms, and the supervisor's own page shows it."""
    origin, console = network.file.urls["counter"], network.file.urls["watchdog"]
    what = "窓口で別の人の書類を渡した。"
    with visitor(browser) as context:
        page = context.new_page()
        quick_login(page, origin, CITY, CHIEF)
        page.get_by_test_id("menu-filings").click()
        page.get_by_test_id("filing-leak").click()
        page.fill("#persons", "2")
        page.fill("#what", what)
        page.get_by_test_id("filing-leak-send").click()
        expect(page.get_by_test_id("done")).to_be_visible()
        reference = page.get_by_test_id("leak").first.locator("code").inner_text()
        page.goto(f"{console}/login")
        account = page.get_by_test_id("demo-account").first.locator("code")
        page.fill("#login", account.nth(0).inner_text())
        page.fill("#password", account.nth(1).inner_text())
        page.get_by_test_id("log-in").click()
        page.goto(f"{console}/leaks")
        page.get_by_test_id("leak").first.get_by_role("link").click()
        expect(page.locator("main")).to_contain_text(what)
        expect(page.locator("main")).to_contain_text(reference)


def _fill(served: ServedLab) -> None:
    """Filings and measures of every kind."""
    lab, answers = served.lab, served.lab.stubs.supervisor.answers
    filed = timestamp(milliseconds(lab.clock.now))
    states = ("filed", "approved", "refused", "withdrawn")
    uses = [
        pb.OrdinanceUse(reference=f"u-{n}", row="P27", state=one, filed_at=filed, note="理由")
        for n, one in enumerate(states)
    ]
    answers["ListOrdinanceUses"] = pb.ListOrdinanceUsesResponse(uses=uses)
    leak = pb.Leak(reference="leak-1", known_on="2026-03-01", preliminary_due="2026-03-06", final_due="2026-03-31")
    done = pb.Leak(
        reference="leak-2", known_on="2026-03-01", preliminary_due="2026-03-06", preliminary_on="2026-03-02",
        final_due="2026-03-31", final_on="2026-03-20",
    )  # fmt: skip
    answers["ListLeaks"] = pb.ListLeaksResponse(leaks=[leak, done])
    told = {
        "kind": "order",
        "title": "照会の手順の改善",
        "text": "手順を改める。\n報告する。",
        "issued_on": "2026-03-01",
    }
    measures = [pb.Measure(id=1, reply_by="2026-03-10", **told), pb.Measure(id=2, reply="改めた。", **told)]
    answers["ListMeasures"] = pb.ListMeasuresResponse(measures=measures)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_accessible(browser: Browser, served: ServedLab, language: str, width: int) -> None:
    """Every page and state, in both languages, on a desk and on a phone, has no finding of axe and needs no sideways scrolling."""
    problems: list[str] = []
    origin, base = served.lab.origin, f"{served.lab.origin}/{CITY}"
    _fill(served)
    with visitor(browser, language, width) as context:
        page = context.new_page()

        def see(*paths: str) -> None:
            for path in paths:
                page.goto(base + path)
                look(page, problems)

        page.goto(origin)
        look(page, problems)
        page.goto(f"{origin}/differs")
        look(page, problems)
        see("/nothing", "/login?out", "/login")
        for field in ("#login", "#password", "#code"):
            page.fill(field, "000000")
        page.get_by_test_id("log-in").click()
        look(page, problems)
        quick_login(page, origin, CITY, CLERK)
        see("", "/visitors", "/visitors/new", "/protections", "/proposals", "/acts")
        served.lab.stubs.agencies.answers["ReceiveVisitor"], kept = (
            LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED),
            served.lab.stubs.agencies.answers["ReceiveVisitor"],
        )
        page.goto(f"{base}/visitors/new")
        page.evaluate("document.querySelectorAll('[required]').forEach(one => one.removeAttribute('required'))")
        page.get_by_test_id("visitor-receive").click()
        look(page, problems)
        served.lab.stubs.agencies.answers["ReceiveVisitor"] = kept
        assert receive(page, base, common_pb2.BasicItems(**_items()), NUMBER) == ADDRESSEE
        look(page, problems)
        see("/visitors", "/protections?visit=1", "/visitors/1")
        first = propose(page)
        look(page, problems)
        served.run(_cleared(served))
        quick_login(page, origin, CITY, CHIEF)
        see("", "/proposals", "/filings", "/filings/uses/new", "/filings/leaks/new", "/staff", "/acts", "/visitors")
        page.goto(first)
        look(page, problems)
        page.get_by_test_id("proposal-approve").click()
        look(page, problems)
        page.goto(f"{base}/staff")
        page.locator(f"[data-login={AFTERNOON}]").get_by_test_id("grant-hour").click()
        look(page, problems)
    assert problems == []


def _items() -> dict[str, object]:
    return {"name": GOOD["name"], "address": GOOD["address"], "birth_date": GOOD["born"], "sex": common_pb2.SEX_FEMALE}


async def _cleared(served: ServedLab) -> None:
    """Everybody is logged out."""
    await served.lab.bench().store.write(lambda connection: connection.exec_driver_sql("DELETE FROM staff_session"))


def test_the_keyboard_suffices(browser: Browser, served: ServedLab) -> None:
    """With Tab, Space, arrows and Enter alone a clerk logs in and receives a visitor."""
    with visitor(browser) as context:
        page = context.new_page()
        page.goto(f"{served.lab.origin}/{CITY}/login")
        page.locator(f"[data-login={CLERK}]").get_by_test_id("quick-login").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("whoami")).to_be_visible()
        page.goto(f"{served.lab.origin}/{CITY}/visitors/new")
        page.locator("#number_paper").focus()
        page.keyboard.press("ArrowDown")
        keys = [NUMBER, " ", "", "", "", "", "", "", "", " ", " ", " ", " ", GOOD["name"], GOOD["address"]]
        for key in keys:
            page.keyboard.press("Tab")
            page.keyboard.press("Space") if key == " " else page.keyboard.type(key)
        page.locator("#born").fill(GOOD["born"])  # how a day is typed is the browser's own affair
        page.locator("#sex-male").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("visitor-proofed")).to_be_visible()


@pytest.mark.parametrize("width", [640, 320])
def test_text_at_double_size_still_fits(browser: Browser, served: ServedLab, width: int) -> None:
    """At 200 % zoom of a desk (640 px) and at 320 px no page scrolls sideways."""
    wide: list[str] = []
    _fill(served)
    with visitor(browser, "en", width) as context:
        page = context.new_page()
        for login, paths in (
            (CLERK, ("", "/visitors/new", "/protections")),
            (CHIEF, ("", "/filings", "/staff", "/acts", "/filings/leaks/new")),
        ):
            served.run(_cleared(served))
            quick_login(page, served.lab.origin, CITY, login)
            for path in paths:
                page.goto(f"{served.lab.origin}/{CITY}{path}")
                if page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"):
                    wide.append(path)
    assert wide == []
