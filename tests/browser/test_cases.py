"""A case at the counter in a real Chromium: a household that moved, from the visitor to the citizen's history; every page as axe sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from browser.chromium import chromium
from browser.staged import on_stage
from browser.walks import look, visitor
from playwright.sync_api import Browser, Locator, Page, expect
from running import Running
from unit.counter.desk_of_paper import AT, JOIN, NHI, OLD_TAX, TAX_RECORD, PaperDesk, denied, inquiry, nothing, provided
from unit.counter.lab import CLERK, GOOD, HANA, REVIEWER, ServedLab, served_lab
from unit.counter.test_cases_posted import APPLICATION, LETTER, REVIEW

from warifu.agency.v1 import agency_pb2, cases_pb2
from warifu.common.v1 import common_pb2
from warifu.counter.visitors.queries import Proofing
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.population import Person
from warifu.simulator.scenarios.moving import Family, family_of, leave_job, move, new_items
from warifu.simulator.scenarios.stage import Stage
from warifu.simulator.translate import tax_info

pytestmark = [pytest.mark.browser, pytest.mark.slow]
YEAR = 2025
LEFT = timedelta(days=7)
"""How long ago the job was left; the household moved the day before the visit."""


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


@dataclass(frozen=True)
class Moved:
    """A household that left a job and a city, as far as its head's papers and the truth about them go."""

    head: Person
    family: Family
    items: common_pb2.BasicItems
    number: str
    lost_on: str

    @property
    def insurance(self) -> str:
        """The new city's health insurance."""
        return f"nhi-{self.family.new_city}"

    @property
    def tax(self) -> str:
        """The old city's tax office."""
        return f"tax-{self.family.old_city}"

    @property
    def insurer(self) -> str:
        """The former insurer."""
        return self.family.insurance.institution


async def moved_household(stage: Stage) -> Moved:
    """What happens before the visit."""
    head, today = stage.cast("mover"), (await stage.clock()).date()
    family = family_of(stage, head, today)
    stage.has_played(*family.handles)
    await leave_job(stage, family, today - LEFT)
    await move(stage, family, today - timedelta(days=1))
    number = stage.people.demo(head.person).individual_number
    lost = (today - LEFT + timedelta(days=1)).isoformat()
    return Moved(head, family, new_items(stage, head, family.new_city), number, lost)


def work_at(page: Page, origin: str, institution: str, login: str) -> str:
    """Log in quickly; where the institution's pages begin."""
    page.goto(f"{origin}/{institution}/login")
    page.locator(f"[data-login={login}]").get_by_test_id("quick-login").click()
    expect(page.get_by_test_id("whoami")).to_contain_text(login)
    return f"{origin}/{institution}"


def receive(page: Page, base: str, who: Moved) -> None:
    """Receive the head of the household with their card."""
    page.goto(f"{base}/visitors/new")
    page.select_option("#number_paper", "card")
    page.fill("#number", who.number)
    page.check("#paper-card")
    for seen in GOOD["seen"]:
        page.check(f"#seen-{seen}")
    page.fill("#name", who.items.name)
    page.fill("#address", who.items.address)
    page.fill("#born", who.items.birth_date)
    page.check("#sex-female" if who.items.sex == common_pb2.SEX_FEMALE else "#sex-male")
    page.get_by_test_id("visitor-receive").click()
    expect(page.get_by_test_id("visitor-name")).to_have_text(who.items.name)


def ask(page: Page, row: str, provider: str) -> str:
    """Ask under a row; the request id."""
    line = page.locator(f"article[data-row={row}]")
    line.get_by_label("照会先").select_option(provider)
    line.get_by_test_id("ask").click()
    made = page.locator(f"article[data-row={row}]").get_by_test_id("inquiry")
    expect(made).to_have_count(1)
    return str(made.get_attribute("data-request-id"))


def answered(page: Page, browser: Browser, origin: str, row: str, provider: str) -> None:
    """Wait until the answer to the last inquiry stands there. One in forty waits for a clerk of the provider's, who then provides it."""
    made = page.locator(f"article[data-row={row}]").get_by_test_id("inquiry").last
    for _ in range(20):
        state = made.get_attribute("data-state")
        if state == "provided":
            return
        if state == "pending":
            with visitor(browser) as context:
                reviewer = context.new_page()
                base = work_at(reviewer, origin, provider, REVIEWER)
                reviewer.goto(f"{base}/reviews")
                permit = made.get_attribute("data-request-id")
                reviewer.locator(f"[data-permit='{permit}']").get_by_test_id("review-provide").click()
                expect(reviewer.get_by_test_id("done")).to_be_visible()
        page.reload()
    raise AssertionError(f"{row} came to {state}")


def place(page: Page, name: str) -> Locator:
    """A place of the form."""
    return page.locator(f"[data-place={name}]")


async def provider_s_record(stage: Stage, institution: str, request_id: str) -> exchange_pb2.AccessRecord:
    """What the provider's own records say of a provision, read over its counter's door."""
    stub = interim_pb2_grpc.InterimAuditServiceStub(stage.doors.counter(institution))
    after = 0
    while True:
        listed = await stub.ListRecords(
            interim_pb2.ListRecordsRequest(institution=institution, after=after, limit=500), timeout=15
        )
        for one in listed.records:
            record = exchange_pb2.AccessRecord.FromString(one.record.record)
            if record.request_id == request_id and record.kind == exchange_pb2.RECORD_KIND_OUTCOME:
                return record
        if not listed.HasField("next"):
            raise AssertionError(f"{institution} has no record of {request_id}")
        after = listed.next


def test_a_moved_household_needs_no_paper(browser: Browser, network: Running) -> None:
    """The new city's clerk receives the head, opens a case and asks tax office and insurer: both papers are saved.

    The answers stand in the form with their sources; both providers have records of it, and the citizen's history names who asked whom.
    """
    who, origin = on_stage(network, moved_household), network.file.urls["counter"]
    with visitor(browser) as context:
        page = context.new_page()
        base = work_at(page, origin, who.insurance, CLERK)
        receive(page, base, who)
        page.get_by_test_id("step-cases-new").click()
        page.get_by_text(who.items.name).wait_for()
        page.locator(f"[data-procedure={JOIN}] input").check()
        page.get_by_test_id("case-open").click()
        expect(page.get_by_test_id("case-person")).to_contain_text(who.items.name)
        expect(page.get_by_test_id("paper-open")).to_have_count(2)
        income = ask(page, "P07", who.tax)
        answered(page, browser, origin, "P07", who.tax)
        expect(page.get_by_test_id("paper-saved")).to_have_count(1)
        loss = ask(page, "P08", who.insurer)
        answered(page, browser, origin, "P08", who.insurer)
        expect(page.get_by_test_id("paper-saved")).to_have_count(2)
        truth = who.head.assessed(YEAR)
        assert truth is not None
        expect(place(page, "gross_income")).to_have_attribute("data-request-id", income)
        expect(place(page, "gross_income").get_by_test_id("value")).to_have_text(
            f"{tax_info(truth).gross_income_yen:,}円"
        )
        year, month, day = who.lost_on.split("-")
        expect(place(page, "former_to")).to_have_attribute("data-request-id", loss)
        expect(place(page, "former_to").get_by_test_id("value")).to_have_text(f"{year}年{int(month)}月{int(day)}日")
        sources = page.get_by_test_id("source")
        assert {sources.nth(n).get_attribute("data-request-id") for n in range(sources.count())} == {income, loss}
        page.fill("#place-reason", "退職したため")
        page.get_by_test_id("form-save").click()
        expect(page.locator("#place-reason")).to_have_value("退職したため")
        page.fill("#note", "資格喪失を確認した")
        page.get_by_test_id("case-grant").click()
        expect(page.get_by_test_id("case-decision")).to_contain_text("資格喪失を確認した")

    async def elsewhere(stage: Stage) -> None:
        for request_id, provider in ((income, who.tax), (loss, who.insurer)):
            record = await provider_s_record(stage, provider, request_id)
            assert (record.requester, record.provider) == (who.insurance, provider)
            assert record.outcome == exchange_pb2.OUTCOME_ANSWERED
        entries = {entry["request_id"]: entry for entry in await stage.history(who.head.person)}
        for request_id, provider in ((income, who.tax), (loss, who.insurer)):
            assert who.insurance in str(entries[request_id])
            assert provider in str(entries[request_id])

    on_stage(network, elsewhere)


def _fill(served: ServedLab, *inquiries: cases_pb2.CaseInquiry) -> PaperDesk:
    """A case in a busy state, letters, applications and an answer that waits."""
    desk, answers = PaperDesk(served.lab).set_up(), served.lab.stubs.desks.answers
    desk.case.inquiries.extend(inquiries)
    desk.case.filled.add(name="reason", value="退職したため", filled_at=AT)
    bad = cases_pb2.Application(application_id="application-2", procedure=JOIN, submitted_at=AT)
    bad.problem.CopyFrom(LinkageError(Reason.CLIENT_APPLICATION_INVALID).failure())
    answers |= {
        "ListApplications": cases_pb2.ListApplicationsResponse(applications=[APPLICATION, bad]),
        "ListLetters": cases_pb2.ListLettersResponse(letters=[LETTER]),
        "AnswerLetter": LinkageError(Reason.CLIENT_LETTER_ANSWERED),
    }
    served.lab.stubs.interims.answers |= {
        "ListReviews": interim_pb2.ListReviewsResponse(reviews=[REVIEW]),
        "ReleaseReview": LinkageError(Reason.CLIENT_REVIEW_CLOSED),
        "Collect": LinkageError(Reason.CLIENT_REQUEST_UNKNOWN),
    }
    return desk


_PAPERS = {
    "ja": "所得証明書（前住所地の市町村のもの）",
    "en": "Certificate of income from the municipality of residence on 1 January",
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_is_accessible(browser: Browser, served: ServedLab, language: str, width: int) -> None:
    """Cases in every state, reviews, letters and applications, with what was typed wrongly, have no finding of axe and fit the window."""
    problems: list[str] = []
    desk, fine = _fill(served), exchange_pb2
    states = (
        [],
        [inquiry(1)],
        [provided(1, TAX_RECORD), inquiry(2, outcome=fine.OUTCOME_PENDING)],
        [denied(1), nothing(2, fine.FINE_OUTCOME_WITHHELD), nothing(3, fine.FINE_OUTCOME_NOT_REGISTERED)],
    )
    with visitor(browser, language, width) as context:
        page = context.new_page()
        base = work_at(page, served.lab.origin, NHI, CLERK)
        for path in ("/cases", "/cases/new", "/applications"):
            page.goto(base + path)
            look(page, problems)
        served.run(_visit(served))
        page.goto(f"{base}/cases/new?visit=1")
        look(page, problems)
        for state in states:
            del desk.case.inquiries[:]
            desk.case.inquiries.extend(state)
            page.goto(f"{base}/cases/c-000001")
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            look(page, problems)
        desk.case.papers_to_bring.add(**_PAPERS)
        page.reload()
        look(page, problems)
        page.get_by_test_id("case-refuse").click()
        expect(page.locator("#note-wrong")).to_be_visible()
        look(page, problems)
        page.goto(f"{base}/cases/c-000001")
        page.evaluate("document.querySelectorAll('[required]').forEach(one => one.removeAttribute('required'))")
        page.locator("article[data-row=P08]").get_by_test_id("ask").click()
        look(page, problems)
        desk.case.MergeFrom(cases_pb2.Case(state=cases_pb2.CASE_STATE_GRANTED, decided_at=AT, note="理由"))
        page.goto(f"{base}/cases/c-000001")
        look(page, problems)
        page.get_by_test_id("logout").click()
        base = work_at(page, served.lab.origin, OLD_TAX, REVIEWER)
        for path in ("/reviews", "/letters", "/letters?all", "/letters/letter-1"):
            page.goto(base + path)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            look(page, problems)
        page.fill("#text", "回答")
        page.get_by_test_id("letter-send").click()
        look(page, problems)
        page.goto(f"{base}/reviews")
        page.get_by_test_id("review-provide").click()
        look(page, problems)
        page.goto(f"{base}/reviews")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        page.fill("[name=why]", "理由")
        page.get_by_test_id("review-withhold").click()
        look(page, problems)
        page.goto(f"{base}/reviews")
        look(page, problems)
    assert problems == []


async def _visit(served: ServedLab) -> None:
    """HANA was identified by the clerk today."""
    bench = served.lab.bench(NHI)
    account = bench.accounts.find(CLERK)
    assert account is not None
    await bench.visits.add(account, "123456789012345", Proofing("card", ("card",), ()), created=False)


def test_an_answer_shows_by_itself_and_takes_nothing_that_was_typed(browser: Browser, served: ServedLab) -> None:
    """While the page is open the answer comes into its line, papers and form; what was typed elsewhere and not saved stays. Without scripts a link does it."""
    desk = _fill(served, inquiry(1))
    del desk.case.filled[:]
    problems: list[str] = []
    with visitor(browser) as context, visitor(browser, java_script_enabled=False) as plain:
        page, still = context.new_page(), plain.new_page()
        for one in (page, still):
            base = work_at(one, served.lab.origin, NHI, CLERK)
            one.goto(f"{base}/cases/c-000001")
            expect(one.get_by_test_id("case-under-way")).to_be_visible()
        page.fill("#place-reason", "退職したため")
        del desk.case.inquiries[:]
        desk.case.inquiries.extend([provided(1, TAX_RECORD)])
        desk.case.papers_saved.add(**_PAPERS)
        expect(page.get_by_test_id("case-came")).to_be_visible()
        expect(page.get_by_test_id("inquiry")).to_have_attribute("data-state", "provided")
        expect(page.get_by_test_id("paper-saved")).to_have_count(1)
        expect(place(page, "gross_income").get_by_test_id("value")).to_be_visible()
        expect(page.locator("#place-reason")).to_have_value("退職したため")
        look(page, problems)
        assert problems == []
        still.get_by_test_id("case-under-way").get_by_role("link").click()
        expect(still.get_by_test_id("inquiry")).to_have_attribute("data-state", "provided")


def test_the_keyboard_suffices_for_an_inquiry(browser: Browser, served: ServedLab) -> None:
    """With keys alone a clerk chooses whom to ask and asks."""
    _fill(served)
    with visitor(browser) as context:
        page = context.new_page()
        base = work_at(page, served.lab.origin, NHI, CLERK)
        page.goto(f"{base}/cases/c-000001")
        page.locator("#provider-P07").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**#row-P07")
        (request,) = served.lab.stubs.desks.requests("AskForCase")
        assert (request.row, request.span.fiscal_year.year) == ("P07", YEAR)


def test_nothing_that_a_stranger_wrote_is_run(browser: Browser, served: ServedLab) -> None:
    """Markup in a name, an answer, a letter and an application stays text."""
    desk = _fill(served, provided(1, TAX_RECORD))
    desk.case.filled.add(name="joins_on", value="<img src=x onerror=document.title='run'>", filled_at=AT)
    hostile = common_pb2.BasicItems()
    hostile.CopyFrom(HANA)
    hostile.name = "<script>document.title='run'</script>"
    served.lab.stubs.agencies.answers["GetSubject"] = agency_pb2.GetSubjectResponse(basic_items=hostile)
    with visitor(browser) as context:
        page = context.new_page()
        base = work_at(page, served.lab.origin, NHI, CLERK)
        for path in ("/cases/c-000001", "/applications"):
            page.goto(base + path)
            assert page.title() != "run"
        page.get_by_test_id("logout").click()
        base = work_at(page, served.lab.origin, NHI, REVIEWER)
        page.goto(f"{base}/letters/letter-1")
        expect(page.get_by_test_id("letter-text")).to_contain_text("<b>なぜ</b>")
