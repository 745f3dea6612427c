"""The supervisor's console in a real Chromium: its walks, its looks, its accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.chromium import PATIENCE, chromium
from playwright.sync_api import Browser, BrowserContext, Page, expect
from unit.watchdog.desk_lab import NHI, PASSWORDS, TAX, Desk, ServedDesk, exchange, filing, leak, served_desk, suspicion

from warifu.kernel.instants import milliseconds, timestamp
from warifu.portal.v1 import post_pb2
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.audit.engine import Report
from warifu.watchdog.audit.findings import Finding as AuditFinding
from warifu.watchdog.audit.findings import Kind as AuditKind
from warifu.watchdog.findings import Kind
from warifu.watchdog.measures.queries import Kind as MeasureKind
from warifu.watchdog.staff.roles import Role

pytestmark = pytest.mark.browser
LANGUAGES = {"ja": "ja-JP", "en": "en-GB"}
PAGES = (
    "/",
    "/search",
    "/search?go=1",
    "/search?go=1&outcome=OPEN&institution=" + TAX,
    "/findings",
    "/findings/1",
    "/suspicions",
    "/suspicions/1",
    "/detectors",
    "/reconciliations",
    "/reconciliations/1",
    "/pia",
    "/ordinances",
    "/ordinances/1",
    "/measures",
    "/stops",
    "/leaks",
    "/leaks/1",
    "/letters",
    "/letters/letter-1",
    "/letters/letter-2",
    "/letters/letter-3",
    "/letters/overdue",
    "/diary",
    "/differs",
    "/public/measures",
    "/public/ordinances",
    "/nothing",
)
PUBLIC = ("/", "/login", "/login?out", "/pia", "/public/measures", "/public/ordinances")


async def _audited() -> Report:
    detail = "item: TM90000000000001 here, TM90000000000002 there"
    return Report(321, (AuditFinding(AuditKind.FIELD_DIFFERS, TAX, "12", detail),))


def _letter(position: int, answer_by: str, *, objection: bool) -> post_pb2.PostedLetter:
    """A letter to the supervisor."""
    return post_pb2.PostedLetter(
        position=position,
        letter_id=f"letter-{position}",
        request_id=f"00000000-0000-4000-8000-{position:012}",
        objection=objection,
        text="この問い合わせに心当たりがありません。\nなぜ認められたのか、確かめてください。",
        sent_at=timestamp(milliseconds(timedelta(days=20_549))),
        answer_by=answer_by,
        requester=NHI,
        provider=TAX,
    )


async def _fill_letters(desk: Desk) -> None:
    """One that waits, one past its term, one answered; and what two institutions owe."""
    letters = desk.office.letters
    await letters.keep([_letter(1, "2026-04-20", objection=False), _letter(2, "2026-04-01", objection=True)])
    await letters.keep([_letter(3, "2026-05-06", objection=True)])
    await letters.answer("letter-3", "記録を確かめました。認められた問い合わせでした。")
    await letters.note_overdue(
        [
            post_pb2.OverdueLetter(
                letter_id=f"late-{institution}",
                institution=institution,
                request_id="00000000-0000-4000-8000-000000000009",
                objection=institution == TAX,
                answer_by="2026-03-20",
            )
            for institution in (NHI, TAX)
        ]
    )


async def _fill(served: ServedDesk) -> None:
    desk = served.desk
    await _fill_letters(desk)
    await desk.find(1)
    await desk.find(2, kind=Kind.SMALLER_TREE)
    rules = ("burst", "off-hours", "refusals", "curiosity", "no-case")
    desk.network.suspected[NHI] = [suspicion(number, rule) for number, rule in enumerate(rules, 1)]
    await desk.office.collector.collect()
    await desk.office.uses.file(NHI, filing())
    await desk.office.uses.file(NHI, filing("2026-002"))
    await desk.office.leaks.report(TAX, leak(known=date(2026, 4, 1)))
    await desk.office.leaks.report(TAX, leak("leak-2"))
    desk.office.reconciliations._audits = _audited
    desk.office.reconciliations.start()
    await desk.office.reconciliations.wait()
    today = desk.clock.today()
    await desk.office.measures.issue(
        TAX, MeasureKind.GUIDANCE, "照会の記録の確認", "1日に多くの照会が拒否されました。\n手順を確かめて報告してください。",
        today=today, reply_by=date(2026, 6, 30),
    )  # fmt: skip
    desk.network.found = pb.SearchRecordsResponse(
        exchanges=[exchange(1), exchange(2, "DENIED", reason="CLIENT_NOT_IN_FORCE"), exchange(3, "OPEN")], next=3
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDesk]:
    """A console with something of everything."""
    with served_desk(tmp_path_factory.mktemp("console")) as running:
        running.run(_fill(running))
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


@contextmanager
def visitor(browser: Browser, language: str = "ja", width: int = 1280) -> Iterator[BrowserContext]:
    """Someone with cookies of their own."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=LANGUAGES[language])
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A Japanese visitor on a desk."""
    with visitor(browser) as context:
        yield context.new_page()


def log_in(page: Page, served: ServedDesk, role: Role = Role.DIRECTOR) -> None:
    """Log in as the login page says."""
    page.goto(f"{served.desk.origin}/login")
    page.fill("#login", role.value)
    page.fill("#password", PASSWORDS[role])
    page.get_by_test_id("log-in").click()
    expect(page.get_by_test_id("whoami")).to_be_visible()


def check(page: Page, where: str, *, axe: bool) -> None:
    """Nothing needs to be scrolled sideways, and axe finds nothing."""
    if axe:
        results = Axe().run(page)
        assert not results.violations_count, f"{where}: {results.generate_report()}"
    overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overhang <= 0, f"{where} is {overhang} px too wide"


@pytest.mark.parametrize(
    ("language", "width", "axe"), [("ja", 1280, True), ("en", 390, True), ("en", 1280, False), ("ja", 390, False)]
)
def test_every_page_is_accessible_and_fits(
    browser: Browser, served: ServedDesk, language: str, width: int, *, axe: bool
) -> None:
    """On desk and phone, in both languages, no page overhangs; axe finds nothing in either language and at either width."""
    with visitor(browser, language, width) as context:
        page = context.new_page()
        for path in PUBLIC:
            page.goto(served.desk.origin + path)
            check(page, f"{path} as a visitor", axe=axe)
        log_in(page, served)
        for path in PAGES:
            page.goto(served.desk.origin + path)
            check(page, path, axe=axe)


@pytest.mark.parametrize(("language", "width"), [("ja", 1280), ("en", 390)])
def test_a_letter_is_answered_and_a_bad_answer_is_told_beside_its_field(
    browser: Browser, served: ServedDesk, language: str, width: int
) -> None:
    """An empty answer comes back with what is wrong beside the field; a right one stands on the page; axe finds nothing in either state."""
    letter = "letter-1" if language == "ja" else "letter-2"
    with visitor(browser, language, width) as context:
        page = context.new_page()
        log_in(page, served, Role.EXAMINER)
        page.goto(f"{served.desk.origin}/letters/{letter}")
        page.evaluate("document.querySelector('#text').removeAttribute('required')")
        page.fill("#text", " ")
        page.get_by_test_id("letter-send").click()
        expect(page.locator("#text-wrong")).to_be_visible()
        expect(page.locator("#text")).to_have_attribute("aria-describedby", "text-hint text-wrong")
        check(page, "an empty answer", axe=True)
        page.fill("#text", "記録を確かめました。")
        page.get_by_test_id("letter-send").click()
        expect(page.get_by_test_id("letter-answer")).to_contain_text("記録を確かめました。")
        check(page, "an answered letter", axe=True)


def test_the_director_approves_an_ordinance_use(page: Page, served: ServedDesk) -> None:
    """From the day's work to the decision and on to the public page; the gateway was told by then."""
    log_in(page, served)
    page.get_by_test_id("n-filed").click()
    page.get_by_test_id("use").last.get_by_role("link").click()
    page.fill("#note", "三つの要件を満たしている。")
    page.get_by_test_id("approve").click()
    expect(page.get_by_test_id("done")).to_contain_text("ゲートウェイに伝わりました")
    assert [one.row for one in served.desk.network.put_rulings[-1].approvals] == ["P07"]
    page.goto(f"{served.desk.origin}/public/ordinances")
    expect(page.get_by_test_id("use")).to_have_count(1)
    page.goto(f"{served.desk.origin}/ordinances/1")
    page.fill("#note", "条例が廃止された。")
    page.get_by_test_id("withdraw").click()
    expect(page.get_by_test_id("done")).to_be_visible()
    assert not served.desk.network.put_rulings[-1].approvals


def test_a_stop_is_made_and_lifted_with_the_keyboard_alone(page: Page, served: ServedDesk) -> None:
    """Every field and button of the form is reached by Tab, and the ground says whether the law knows it."""
    log_in(page, served)
    page.goto(f"{served.desk.origin}/stops")
    page.locator("#institution").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#institution")).to_have_value(TAX)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#art_28")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.locator("#why")).to_be_focused()
    page.keyboard.type("評価の再実施がない。")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("done")).to_be_visible()
    (stop,) = served.desk.network.put_rulings[-1].stops
    assert (stop.institution, stop.ground) == (TAX, pb.STOP_GROUND_ART_28)
    page.goto(f"{served.desk.origin}/pia")
    expect(page.locator(f"[data-institution={TAX}]")).to_contain_text("第28条違反を記録")
    page.goto(f"{served.desk.origin}/stops")
    page.get_by_test_id("lift").click()
    expect(page.get_by_test_id("done")).to_be_visible()
    assert not served.desk.network.put_rulings[-1].stops


def test_opening_a_finding_is_an_entry(page: Page, served: ServedDesk) -> None:
    """The page of a finding says that its opening is in the public log, and it is there by then; the list enters nothing."""
    log_in(page, served, Role.EXAMINER)
    page.get_by_test_id("n-findings").click()
    before = list(served.desk.network.entered)
    page.get_by_test_id("finding").first.get_by_role("link").click()
    expect(page.get_by_test_id("entered")).to_be_visible()
    assert served.desk.network.entered == [*before, ("finding-2", "examiner")]
    expect(page.get_by_test_id("evidence")).to_contain_text("another note")


def test_a_search_shows_what_the_gateway_found(page: Page, served: ServedDesk) -> None:
    """The chosen conditions are asked for as they stand, and are still chosen beside the results."""
    log_in(page, served, Role.EXAMINER)
    page.goto(f"{served.desk.origin}/search")
    page.select_option("#institution", TAX)
    page.select_option("#outcome", "DENIED")
    page.fill("#first", "2026-05-01")
    page.get_by_test_id("search").click()
    expect(page.get_by_test_id("exchange")).to_have_count(3)
    expect(page.locator("#outcome")).to_have_value("DENIED")
    asked = served.desk.network.searched[-1]
    assert (asked.institution, asked.outcome, asked.from_day, asked.role) == (TAX, "DENIED", "2026-05-01", "examiner")
    page.get_by_test_id("older").click()
    expect(page.get_by_test_id("exchange")).to_have_count(3)
    assert served.desk.network.searched[-1].before == 3
