"""The citizen's browser checks each row of the history itself: real keys, a real tree, a real Chromium; every lie about one is seen."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from browser.proofs.checking import (
    TARGET,
    TOLD,
    Change,
    expect_alarm,
    expect_all,
    flipped,
    history,
    lie,
    proof_of,
    truth,
)
from browser.walks import log_in, visitor
from playwright.sync_api import Browser, Page, Route, expect
from unit.portal.lab import SORA, START, Told, shown, subject
from unit.portal.serving import Served

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2

pytestmark = pytest.mark.browser


def test_what_is_in_the_log_is_marked(page: Page, network: Served) -> None:
    """Each row of the list says in words and by a sign that it is as in the public log, and nothing alarms."""
    history(page, network)
    expect_all(page, "checked")
    expect(page.get_by_test_id("proof")).to_have_text(["公開ログのとおり"] * len(TOLD))
    expect(page.get_by_test_id("proof-summary")).to_contain_text(
        "この画面のやりとりは、公開ログに、書き換えられずに載っています。"
    )
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.parametrize("told", TOLD, ids=["answered", "answered too", "denied", "expired", "error"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_an_entry_s_page_is_checked_too(
    browser: Browser, session: dict[str, Any], network: Served, told: Told, language: str
) -> None:
    """The page of an entry, whatever its outcome, is checked with all names, codes and times that it shows, in both languages."""
    with visitor(browser, language, storage_state=session) as context:
        page = context.new_page()
        page.goto(f"{network.lab.portal_origin}/history/{told.request_id}")
        expect_all(page, "checked")
        expect(page.get_by_test_id("proof")).to_have_text(
            "As in the public log" if language == "en" else "公開ログのとおり"
        )


@pytest.mark.parametrize("code", ["<b>x</b>", "x  y\u3000z", "&amp;", "__proto__", "", "%(provider)s", "$&"])
def test_strange_codes_are_no_alarm(page: Page, network: Served, code: str) -> None:
    """Whatever stands in a record's codes, a page that shows it as it is passes."""
    told = Told(START, outcome=exchange_pb2.OUTCOME_DENIED)
    plain = shown(told, subject(SORA.individual_number))
    for part in ("request", "outcome"):
        changed = record.check(exchange_pb2.CommittedRecord.FromString(getattr(plain, part)))
        for name in ("requester", "provider", "affair", "procedure", "item"):
            setattr(changed, name, code)
        setattr(plain, part, record.commit(changed).SerializeToString())
    network.run(network.lab.deliver_shown(network.lab.logged(plain)))
    page.context.clear_cookies()
    log_in(page, network, SORA)
    page.goto(f"{network.lab.portal_origin}/history/{told.request_id}")
    expect_all(page, "checked")


def _swap(answer: dict[str, Any]) -> None:
    one, other = proof_of(answer), proof_of(answer, "outcome")
    for name in ("index", "path"):
        one[name], other[name] = other[name], one[name]


def _exchange_roles(answer: dict[str, Any]) -> None:
    entry = answer["entries"][TARGET]
    entry["request"], entry["outcome"] = entry["outcome"], entry["request"]


ROW_LIES: dict[str, tuple[str, Change]] = {
    "a byte of the record": ("unlogged", lambda a: proof_of(a).update(record=flipped(proof_of(a)["record"], 20))),
    "a byte of the outcome": (
        "unlogged",
        lambda a: proof_of(a, "outcome").update(record=flipped(proof_of(a, "outcome")["record"], 60)),
    ),
    "another salt": ("unlogged", lambda a: proof_of(a).update(salt=flipped(proof_of(a)["salt"]))),
    "a shorter salt": ("record", lambda a: proof_of(a).update(salt=base64.b64encode(bytes(31)).decode())),
    "another index": ("unlogged", lambda a: proof_of(a).update(index=proof_of(a)["index"] + 1)),
    "an index outside the tree": ("unlogged", lambda a: proof_of(a).update(index=10**9)),
    "an index that is no number": ("unlogged", lambda a: proof_of(a).update(index="1")),
    "an altered path": ("unlogged", lambda a: proof_of(a)["path"].__setitem__(3, flipped(proof_of(a)["path"][3]))),
    "a shorter path": ("unlogged", lambda a: proof_of(a)["path"].pop()),
    "a longer path": ("unlogged", lambda a: proof_of(a)["path"].append(base64.b64encode(bytes(32)).decode())),
    "two leaves swapped": ("unlogged", _swap),
    "request and outcome exchanged": ("record", _exchange_roles),
    "the outcome twice": ("record", lambda a: a["entries"][TARGET].update(request=proof_of(a, "outcome"))),
    "another entry's outcome": (
        "record",
        lambda a: a["entries"][TARGET].update(outcome=a["entries"][TOLD[0].request_id]["outcome"]),
    ),
    "another entry's proof": ("differs", lambda a: a["entries"].update({TARGET: a["entries"][TOLD[0].request_id]})),
    "no proof of a row": ("missing", lambda a: a["entries"].pop(TARGET)),
    "a state that there is not": ("form", lambda a: a["entries"].update({TARGET: {"state": "fine"}})),
}


@pytest.mark.parametrize("name", ROW_LIES)
def test_a_lie_about_one_row_is_seen(page: Page, network: Served, name: str) -> None:
    """When the proof of one row does not fit, that row alone fails, by name, and the others stay as they are."""
    kind, change = ROW_LIES[name]
    lie(page, change)
    history(page, network)
    expect_alarm(page, kind, only=TARGET)


PAGE_LIES = {
    "an institution in the heading": ("青凪市 市民税課に問い合わせました", "青凪市 福祉課に問い合わせました", "見出し"),
    "a date": ("2026年4月5日（日）", "2026年4月4日（土）", "問い合わせの日時"),
    "the time for machines": ('datetime="2026-04-05T', 'datetime="2025-04-05T', "問い合わせの日時"),
    "the requester's code": ('data-requester="nhi-480029"', 'data-requester="nhi-480011"', "問い合わせた機関"),
    "the time of the answer": ('data-answered-at="', 'data-answered-at="1', "回答の日時"),
    "the outcome": ("回答あり", "認められず", "結果"),
    "the outcome's code": ('data-outcome="ANSWERED"', 'data-outcome="DENIED"', "結果"),
}


@pytest.mark.parametrize("name", PAGE_LIES)
def test_a_page_that_shows_something_else_is_seen(page: Page, network: Served, name: str) -> None:
    """When the page shows another name, time, code or result than the record, the row fails and both are told side by side."""
    true, false, field = PAGE_LIES[name]

    def altered(route: Route) -> None:
        headers, body = truth(route)
        before, article, after = body.partition(f'data-request-id="{TOLD[0].request_id}"')
        assert true in after
        route.fulfill(headers=headers, body=before + article + after.replace(true, false, 1))

    page.route("**/history", altered)
    history(page, network)
    expect_alarm(page, "differs", only=TOLD[0].request_id)
    difference = page.get_by_role("alert").locator("[data-report=difference]")
    expect(difference.locator("dt")).to_have_text([field])
    expect(difference.locator("[data-shown]")).not_to_have_text("")
    expect(difference.locator("[data-said]")).not_to_have_text("")


def test_a_portal_that_tells_another_name_by_its_law_is_not_accused(page: Page, network: Served) -> None:
    """Under a newer law book than the pinned names' the names are not compared; codes and times still are."""

    def altered(route: Route) -> None:
        headers, body = truth(route)
        body = body.replace('data-book="', 'data-book="newer-').replace("青凪市 市民税課", "青凪市 税務課")
        route.fulfill(headers=headers, body=body)

    page.route("**/history", altered)
    history(page, network)
    expect_all(page, "checked")
