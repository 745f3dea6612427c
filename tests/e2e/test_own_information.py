"""Own information over the whole network, in a real Chromium: asked for, told, read, saved, in the history, and in the tax office's records."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any, TypeVar

import pytest
from browser.chromium import chromium
from browser.walks import visitor
from e2e.conftest import Running
from playwright.sync_api import Browser, Page, expect

from warifu.control.v1 import control_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.limits import PAGE
from warifu.simulator.doors import doors

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WITHIN = 60
PORTAL = "portal-main"
Person = Mapping[str, Any]
T = TypeVar("T")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as opened:
        yield opened


def one(network: Running, *traits: str) -> Person:
    """Somebody with these traits."""
    words = [word for trait in traits for word in ("--trait", trait)]
    return network.json("people", *words, "--limit", "1")["people"][0]


@contextmanager
def logged_in(browser: Browser, network: Running, person: Person) -> Iterator[Page]:
    """Somebody at the portal, at a machine of their own."""
    with visitor(browser) as context:
        page = context.new_page()
        page.goto(f"{network.file.urls['portal']}/login")
        page.get_by_test_id("to-card").click()
        show_card(page, person)
        expect(page).to_have_url(re.compile(r"/history$"))
        yield page


def show_card(page: Page, person: Person) -> None:
    """Choose somebody's card at the card service and type its PIN."""
    page.get_by_role("searchbox").fill(person["name"])
    page.get_by_role("searchbox").press("Enter")
    page.locator(f"[data-person={person['card']}] button").first.click()
    page.fill("#pin", person["pin"])
    page.get_by_test_id("sign").click()


def send_for(page: Page, row: str, provider: str, year: str | None = None) -> str:
    """Ask one institution, and wait for the answer's notice; the request id."""
    page.get_by_test_id("nav-information").click()
    page.locator(f"[data-row={row}]").get_by_test_id("information-choose").click()
    if year is not None:
        page.select_option("#year", year)
    page.locator(f"input[value={provider}]").check()
    page.get_by_test_id("information-consent").check()
    page.get_by_test_id("information-ask").click()
    expect(page.get_by_test_id("information-asked")).to_be_visible()
    request_id = (page.get_by_test_id("information-open").first.get_attribute("href") or "").rpartition("/")[2]
    ends = time.monotonic() + WITHIN
    while page.get_by_test_id("information-request").first.get_attribute("data-state") == "WAITING":
        assert time.monotonic() < ends, "no answer came"
        page.reload()
    return request_id


def asked_until_answered(page: Page, row: str, provider: str, year: str | None = None) -> str:
    """The same; asked again when a clerk looks at it first, as at one in forty."""
    while True:
        request_id = send_for(page, row, provider, year)
        if page.get_by_test_id("information-request").first.get_attribute("data-state") != "CHECKING":
            return request_id


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something in a loop of its own, beside the browser's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(WITHIN)


def told(page: Page, of: str) -> None:
    """Open the notices, once the newest says `of`: a moment after the answer."""
    page.get_by_test_id("nav-notices").click()
    ends = time.monotonic() + WITHIN
    while of not in (page.locator("[data-testid=notice]").all_inner_texts() or [""])[0]:
        assert time.monotonic() < ends, "no notice came"
        page.reload()


async def records(network: Running, institution: str, party: str) -> list[exchange_pb2.AccessRecord]:
    """All that an institution's interim server has on record."""
    async with doors(network.file) as opened:
        channel = opened.counter(institution)
        stub = interim_pb2_grpc.InterimAuditServiceStub(channel)
        found, after = [], 0
        while True:
            request = interim_pb2.ListRecordsRequest(institution=institution, after=after, limit=int(PAGE))
            answer = await stub.ListRecords(request, timeout=30)
            found += [exchange_pb2.AccessRecord.FromString(row.record.record) for row in answer.records]
            if not answer.HasField("next"):
                return found
            after = answer.next


async def protect(network: Running, institution: str, party: str, request_id: str, *, flags: bool) -> None:
    """Set all three flags at an institution, or lift them, of whom this exchange was about."""
    async with doors(network.file) as opened:
        held = await opened.control(party).View(control_pb2.ViewRequest(request_id=request_id), timeout=15)
        values = [value for holding in held.holdings for value in holding.values]
        number = next(value.text for value in values if value.name == "addressee_no")
        request = interim_pb2.SetProtectionRequest(
            institution=institution,
            addressee_no=number,
            non_disclosure=flags,
            self_disclosure_blocked=flags,
            manual_review=flags,
            reason="support measure",
        )
        stub = interim_pb2_grpc.InterimServiceStub(opened.counter(institution))
        await stub.SetProtection(request, timeout=15)


def form_of(html: str) -> str:
    """What a page says, as it was served, without what is each exchange's own: ids, hashes and times."""
    said = html[html.index("<main") : html.index("</main>")]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|\d{13}|\d{4}-\d\d-\d\dT[^\"]+|\d+時\d+分", "*", said)


def test_a_citizen_sends_for_their_tax_information(browser: Browser, network: Running, tmp_path: Path) -> None:
    """Asked at the portal it comes with a notice, is read in words, saved, and is an entry of the history; the tax office has it on record as the person's own request."""
    person = one(network, "cast:mover", "taxed")
    with logged_in(browser, network, person) as page:
        providers = providers_of(page, network.file.urls["portal"], "S01")
        arrived = ""
        for provider in providers:
            request_id = asked_until_answered(page, "S01", provider, "2025")
            if page.get_by_test_id("information-request").first.get_attribute("data-state") == "ARRIVED":
                arrived = provider
                break
        assert arrived, "no tax office knows the person"
        told(page, "地方税関係情報")
        page.get_by_test_id("notice-open").first.click()
        expect(page).to_have_url(re.compile(f"/information/{request_id}$"))
        expect(page.locator("[data-path=total_income_yen] td")).to_contain_text("円")
        income = page.locator("[data-path=total_income_yen] td").text_content() or ""
        with page.expect_download() as saved:
            page.get_by_test_id("information-csv").click()
        path = tmp_path / "saved.csv"
        saved.value.save_as(path)
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
        assert income in {row[2] for row in rows}
        entry_there(page, f"{network.file.urls['portal']}/history/{request_id}")
        expect(page.locator("h1")).to_contain_text("問い合わせました")
        page.goto(f"{network.file.urls['portal']}/operations")
        expect(page.get_by_test_id("operation").first).to_contain_text("保存")
    own = [one for one in run(records(network, arrived, "tax")) if one.request_id == request_id]
    assert [one.kind for one in own] == [exchange_pb2.RECORD_KIND_REQUEST, exchange_pb2.RECORD_KIND_OUTCOME]
    assert {(one.requester, one.clerk) for one in own} == {(PORTAL, "self")}
    assert own[1].fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED


def test_the_three_records_of_an_own_request_reconcile(network: Running) -> None:
    """An audit of the whole network, the portal as a requester included, finds nothing."""
    assert network.json("audit")["findings"] == []


def test_a_parent_acts_for_a_child_and_the_child_s_account_shows_it(browser: Browser, network: Running) -> None:
    """By both cards a parent becomes the child's proxy, reads the child's history and sends for its information; the child's account has the traces."""
    parent, child = one(network, "cast:mover"), one(network, "cast:mover-child")
    with logged_in(browser, network, parent) as page:
        page.get_by_test_id("nav-proxies").click()
        page.get_by_test_id("to-child").click()
        page.fill("#label", "長女")
        page.fill("#own", "父")
        page.get_by_test_id("child-begin").click()
        show_card(page, child)
        expect(page.get_by_test_id("done")).to_be_visible()
        expect(page.get_by_test_id("principal")).to_contain_text("法定代理人")
        page.get_by_test_id("act").click()
        expect(page.get_by_test_id("acting")).to_contain_text("長女")
        asked_until_answered(page, "S02", "residency-480011")
        page.get_by_test_id("back").click()
        told(page, "長女")
    with logged_in(browser, network, child) as page:
        page.get_by_test_id("nav-proxies").click()
        expect(page.get_by_test_id("proxy")).to_contain_text("父")
        page.get_by_test_id("to-records").click()
        acts = [trace.get_attribute("data-act") for trace in page.get_by_test_id("trace").all()]
        assert {"REGISTERED", "SWITCHED", "READ_LIST", "ASK_INFORMATION", "READ_INFORMATION"} <= set(acts)
        page.goto(f"{network.file.urls['portal']}/operations")
        expect(page.get_by_test_id("operation-proxy").first).to_contain_text("父")


def test_a_protected_person_s_pages_tell_nothing(browser: Browser, network: Running) -> None:
    """With all three flags set, answer and entry look like those of an office that has no record of the person, at once and in the same form."""
    person = one(network, "cast:mover-spouse")
    with logged_in(browser, network, person) as page:
        portal = network.file.urls["portal"]
        names = providers_of(page, portal, "S02")
        known, home, other = home_and_other(page, list(names))
        run(protect(network, home, "residency", known, flags=True))
        try:
            seen = []
            for provider in (home, other):
                request_id = asked_until_answered(page, "S02", provider)
                paths = (f"/information/{request_id}", f"/history/{request_id}")
                forms = [form_of(entry_there(page, portal + path)) for path in paths]
                forms = [form.replace(names[provider], "PROVIDER").replace(provider, "PROVIDER") for form in forms]
                seen.append(forms)
            for blocked, without in zip(*seen, strict=True):
                assert list(unified_diff(blocked.splitlines(), without.splitlines(), n=0)) == []
        finally:
            run(protect(network, home, "residency", known, flags=False))


def providers_of(page: Page, portal: str, row: str) -> Mapping[str, str]:
    """Names in Japanese of those that may be asked by a row, by code."""
    page.goto(f"{portal}/information/ask/{row}")
    ticks = page.locator(".ticks label").all()
    return {tick.locator("input").get_attribute("value") or "": tick.inner_text().strip() for tick in ticks}


def home_and_other(page: Page, providers: list[str]) -> tuple[str, str, str]:
    """A request that was answered, by the office that knows the person; that office; and one that has no record."""
    answered, home, other = "", "", ""
    for provider in providers:
        request_id = asked_until_answered(page, "S02", provider)
        if page.get_by_test_id("information-request").first.get_attribute("data-state") == "ARRIVED":
            answered, home = request_id, provider
        else:
            other = provider
    assert home
    assert other
    return answered, home, other


def entry_there(page: Page, address: str) -> str:
    """Open a page that comes with the delivery, a moment after the answer; its markup as it was served, before its scripts ran."""
    ends = time.monotonic() + WITHIN
    while True:
        response = page.goto(address)
        if response is not None and response.ok:
            return response.text()
        assert time.monotonic() < ends, address
