"""Own information: asked for by the portal as requester, told by a notice, read in words, saved, gone after its term; and what it must not tell."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select
from unit.portal.browser import Browser, visible
from unit.portal.lab import HANA, SORA, Lab, subject
from unit.portal.mandated import JSON, acting, logged_in, reason
from unit.portal.paper_requester import tax_record

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.instants import milliseconds, timestamp
from warifu.portal.information.queries import MOST_OPEN
from warifu.portal.information.requester import Answer, State, answer_of
from warifu.portal.information.schema import information_requests

TAX = "tax-480011"


async def ask(browser: Browser, row: str = "S01", provider: str = TAX, **changes: str) -> httpx2.Response:
    """Send for something, as a program."""
    form = {"provider": provider, "consent": "yes", **({"year": "2025"} if row == "S01" else {}), **changes}
    return await browser.post(f"/information/ask/{row}", form, **JSON)


async def asked(browser: Browser, row: str = "S01", provider: str = TAX) -> str:
    """The id of a request that was taken."""
    response = await ask(browser, row, provider)
    assert response.status_code == 202, response.text
    (request_id,) = response.json()["requests"]
    return request_id


async def answered(lab: Lab, browser: Browser, answer: Answer | None = None) -> str:
    """The id of a request with an answer; by default with one tax record."""
    request_id = await asked(browser)
    await lab.portal.jobs["information"]()
    now = milliseconds(lab.clock.network())
    lab.requester.answers[request_id] = answer or Answer(State.ARRIVED, now, [tax_record()])
    await lab.portal.jobs["information"]()
    return request_id


async def document(browser: Browser, request_id: str) -> Mapping[str, object]:
    """One request as JSON."""
    response = await browser.get(f"/api/v1/information/{request_id}")
    assert response.status_code == 200, response.text
    return response.json()


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_a_request_travels_later_under_the_person_s_own_code(lab: Lab) -> None:
    """The form only stores the request; the job hands it to the requester once, with row, provider, year and the newest code."""
    browser = await logged_in(lab)
    request_id = await asked(browser)
    assert not lab.requester.asked
    assert (await document(browser, request_id))["state"] == State.WAITING
    await lab.portal.jobs["information"]()
    await lab.portal.jobs["information"]()
    (sent,) = lab.requester.asked
    assert (sent.request_id, sent.row.id, sent.provider, sent.year) == (request_id, "S01", TAX, 2025)
    assert sent.subject == subject(HANA.individual_number)


async def test_what_cannot_be_sent_now_is_sent_later(lab: Lab) -> None:
    """A requester that is away hinders no other request, and the request is handed over when it is back."""
    browser = await logged_in(lab)
    await asked(browser)
    lab.requester.down = True
    assert await lab.portal.jobs["information"]() == 0
    lab.requester.down = False
    await lab.portal.jobs["information"]()
    assert len(lab.requester.asked) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"consent": ""}, "CONSENT"),
        ({"provider": "residency-480011"}, "PROVIDERS"),
        ({"provider": "tax-000000"}, "PROVIDERS"),
        ({"year": "1999"}, "YEAR"),
        ({"year": "２０２５"}, "YEAR"),
        ({"year": ""}, "YEAR"),
    ],
)
async def test_a_form_that_does_not_fit_asks_nothing(lab: Lab, changes: dict[str, str], expected: str) -> None:
    """Without consent, a provider of the row or a year of the list nothing is asked, and the page says why beside the field."""
    browser = await logged_in(lab)
    assert reason(await ask(browser, **changes)) == (400, expected)
    page = await browser.post("/information/ask/S01", {"provider": TAX, "consent": "yes", "year": "2025"} | changes)
    assert page.status_code == 400
    assert 'id="information-problem"' in page.text
    assert (await browser.get("/api/v1/information")).json()["requests"] == []


async def test_no_more_than_three_institutions_at_once(lab: Lab) -> None:
    """A form that names four institutions, or one twice, asks none."""
    browser = await logged_in(lab)
    providers = [one["code"] for one in (await browser.get("/api/v1/information")).json()["categories"][0]["providers"]]
    for chosen in (providers[:4], [TAX, TAX]):
        form = {"provider": chosen, "consent": "yes", "year": "2025"}
        assert reason(await browser.post("/information/ask/S01", form, **JSON)) == (400, "PROVIDERS")  # type: ignore[arg-type] # a list is several fields
    form = {"provider": providers[:3], "consent": "yes", "year": "2025"}
    assert len((await browser.post("/information/ask/S01", form, **JSON)).json()["requests"]) == 3  # type: ignore[arg-type] # the same


@pytest.mark.parametrize(("month", "expected"), [(1, 2025), (4, 2025), (5, 2025), (6, 2026), (12, 2026)])
async def test_the_year_whose_amounts_are_fixed_is_chosen_beforehand(lab: Lab, month: int, expected: int) -> None:
    """The form begins with the newest tax year that has amounts: they are fixed in June of it."""
    browser = await logged_in(lab)
    lab.clock.network_now = lab.clock.network_now.replace(month=month)
    page = (await browser.get("/information/ask/S01")).text
    assert f'<option value="{expected}" selected>' in page


async def test_open_requests_are_bounded(lab: Lab) -> None:
    """Who waits for ten answers cannot ask for more until one has come."""
    browser = await logged_in(lab)
    ids = [await asked(browser) for _ in range(MOST_OPEN)]
    assert reason(await ask(browser)) == (400, "TOO_MANY")
    lab.requester.provide(ids[0], milliseconds(lab.clock.network()))
    await lab.portal.jobs["information"]()
    assert (await ask(browser)).status_code == 202


async def test_categories_are_the_rows_of_the_own_request(lab: Lab) -> None:
    """What can be asked for are S01 to S03, each with the institutions of its roles; only tax has years, this fiscal year first."""
    categories = (await (await logged_in(lab)).get("/api/v1/information")).json()["categories"]
    assert [one["row"] for one in categories] == ["S01", "S02", "S03"]
    assert categories[0]["years"] == [2026, 2025, 2024, 2023, 2022]
    assert categories[1]["years"] == categories[2]["years"] == []
    assert {one["code"].partition("-")[0] for one in categories[0]["providers"]} == {"tax"}


# --- the answer -------------------------------------------------------------------------------------------------------


async def test_an_answer_is_told_once_and_read_in_words(lab: Lab) -> None:
    """An answer brings one notice; the page shows each field with its label and its value in words, in both languages."""
    browser = await logged_in(lab)
    request_id = await answered(lab, browser)
    await lab.portal.jobs["information"]()
    (notice,) = (await browser.get("/api/v1/notices")).json()["notices"]
    assert (notice["kind"], notice["about"], notice["read"]) == ("information", f"/information/{request_id}", False)
    assert "地方税関係情報" in notice["texts"]["ja"]
    assert "Local tax information" in notice["texts"]["en"]
    page = visible((await browser.get(f"/information/{request_id}")).text)
    for words in (
        "合計所得金額",
        "3,210,400円",
        "2025年度（令和7年度）",
        "青凪市（480011）",
        "2025年7月1日",
        "申告",
        "課税",
    ):
        assert words in page, words
    english = visible((await browser.get(f"/information/{request_id}?lang=en")).text)
    for words in ("Total income", "3,210,400 yen", "Tax year 2025", "City of Aonagi (480011)", "Return filed", "None"):
        assert words in english, words


async def test_opening_the_notice_leads_to_the_answer_and_marks_it_read(lab: Lab) -> None:
    """The menu's mark of something unread goes once the notice was opened, which leads to what it is about."""
    browser = await logged_in(lab)
    request_id = await answered(lab, browser)
    assert "nav-unread" in (await browser.get("/history")).text
    (notice,) = (await browser.get("/api/v1/notices")).json()["notices"]
    opened = await browser.post("/notices/open", {"notice": notice["notice"]})
    assert (opened.status_code, opened.headers["location"]) == (303, f"/information/{request_id}")
    assert "nav-unread" not in (await browser.get("/history")).text


async def test_an_answer_can_be_saved(lab: Lab) -> None:
    """CSV begins with a mark that spreadsheets know, has labels and words, and no formula; JSON has values and both languages; both are noted."""
    browser = await logged_in(lab)
    request_id = await answered(lab, browser)
    response = await browser.get(f"/information/{request_id}/answer.csv")
    assert response.text.startswith("\ufeff")
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(response.text.removeprefix("\ufeff"))))
    assert rows[0] == ["記録", "項目", "内容"]
    assert ["2025", "合計所得金額", "3,210,400円"] in rows
    saved = (await browser.get(f"/information/{request_id}/answer.json")).json()
    fields = {one["path"]: one for one in saved["records"][0]["fields"]}
    assert fields["total_income_yen"]["value"] == 3_210_400
    assert fields["tax_class"]["value"] == "TAX_CLASS_TAXED"
    assert fields["housing_loan_credit_yen"]["value"] is None
    acts = [one["act"] for one in (await browser.get("/api/v1/operations")).json()["operations"]]
    assert acts == ["information-export", "information-export", "information-ask", "login"]


@pytest.mark.parametrize("value", ["=1+1", "+81", "-1", "@SUM(A1)"])
async def test_no_cell_is_a_formula(lab: Lab, value: str) -> None:
    """A value that a spreadsheet would compute is saved as text."""
    browser = await logged_in(lab)
    now = milliseconds(lab.clock.network())
    request_id = await answered(lab, browser, Answer(State.ARRIVED, now, [tax_record(municipality=value)]))
    rows = list(csv.reader(io.StringIO((await browser.get(f"/information/{request_id}/answer.csv")).text)))
    assert f"'{value}" in {row[2] for row in rows}


async def test_an_answer_is_gone_after_its_term(lab: Lab) -> None:
    """Through the seventh day it can be read; afterwards neither page nor files nor JSON have it, and the request is still listed."""
    browser = await logged_in(lab)
    request_id = await answered(lab, browser)
    lab.clock.network_now += timedelta(days=7)
    assert (await document(browser, request_id))["state"] == State.ARRIVED
    lab.clock.network_now += timedelta(days=1)
    told = await document(browser, request_id)
    assert (told["state"], told["records"]) == (State.EXPIRED, [])
    assert "3,210,400" not in (await browser.get(f"/information/{request_id}")).text
    assert (await browser.get(f"/information/{request_id}/answer.csv")).status_code == 404
    assert len((await browser.get("/api/v1/information")).json()["requests"]) == 1


async def test_a_failure_is_told_in_words(lab: Lab) -> None:
    """A request that the network refused says so, with the reason."""
    browser = await logged_in(lab)
    request_id = await answered(lab, browser, Answer(State.FAILED, reason="PROVIDER_UNAVAILABLE"))
    page = await browser.get(f"/information/{request_id}")
    assert "information-failed" in page.text
    assert "PROVIDER_UNAVAILABLE" in page.text


# --- what it must not tell --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 3, 8])
async def test_withheld_and_no_record_look_the_same(lab: Lab, days: int) -> None:
    """To a person whose own information is withheld (自己情報提供不可) every page, file and document is byte for byte that of one without a record."""
    seen = []
    for person, fine in (
        (HANA, exchange_pb2.FINE_OUTCOME_WITHHELD),
        (SORA, exchange_pb2.FINE_OUTCOME_NO_RECORD),
    ):
        at = lab.clock.network_now
        browser = await logged_in(lab, person)
        state = interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_ANSWERED, fine_outcome=fine)
        state.answered_at.CopyFrom(timestamp(milliseconds(at)))
        request_id = await answered(lab, browser, answer_of(state))
        lab.clock.network_now += timedelta(days=days)
        paths = ("/information", f"/information/{request_id}", f"/information/{request_id}/answer.csv", "/notices")
        paths += ("/api/v1/information", f"/api/v1/information/{request_id}", "/operations", "/api/v1/notices")
        answers = [await browser.get(path) for path in paths]
        notices = [one["notice"] for one in answers[-1].json()["notices"]]
        texts = [one.text.replace(request_id, "ID") for one in answers]
        for notice in notices:
            texts = [text.replace(notice, "NOTICE") for text in texts]
        seen.append([(one.status_code, text) for one, text in zip(answers, texts, strict=True)])
        lab.clock.network_now = at
    assert seen[0] == seen[1]


async def test_not_registered_looks_like_no_record_too() -> None:
    """Of an answer without a record it is not told whether the person is known there."""
    fine = exchange_pb2.FineOutcome
    empty = [
        answer_of(interim_pb2.InquiryState(outcome=exchange_pb2.OUTCOME_ANSWERED, fine_outcome=one))
        for one in (fine.FINE_OUTCOME_NO_RECORD, fine.FINE_OUTCOME_NOT_REGISTERED, fine.FINE_OUTCOME_WITHHELD)
    ]
    assert empty[0] == empty[1] == empty[2]


async def test_somebody_else_s_request_is_missing(lab: Lab) -> None:
    """Another person's request is missing on every address in the same way as one that never was."""
    request_id = await answered(lab, await logged_in(lab))
    other = await logged_in(lab, SORA)
    for path in (
        "/information/{}",
        "/information/{}/answer.csv",
        "/information/{}/answer.json",
        "/api/v1/information/{}",
    ):
        theirs, invented = await other.get(path.format(request_id)), await other.get(path.format("x" * 36))
        assert (theirs.status_code, theirs.text) == (404, invented.text)


async def test_the_database_tells_neither_what_was_asked_nor_of_whom(lab: Lab, tmp_path: Path) -> None:
    """Whoever reads the portal's database file finds no institution, category or value of a request or notice in it."""
    browser = await logged_in(lab)
    await answered(lab, browser)
    rows = lab.store.read(lambda c: c.execute(select(information_requests)).all())
    assert len(rows) == 1
    files = [tmp_path / f"portal-main.db{ending}" for ending in ("", "-wal")]
    found = b"".join([path.read_bytes() for path in files])
    for told in (TAX, "S01", "3210400", "3,210,400", "地方税関係情報", "information-ask"):
        assert told.encode() not in found, told


# --- proxies ----------------------------------------------------------------------------------------------------------


async def test_a_proxy_for_the_history_reaches_no_information(lab: Lab) -> None:
    """A mandate for the history alone opens neither the pages of own information nor anything else of the principal's."""
    _, own, _ = await acting(lab)
    for path in ("/information", "/information/ask/S01", "/operations", "/notices", "/proxies/nothing"):
        response = await own.get(path)
        assert response.status_code == (404 if path.startswith("/proxies") else 403), path
    assert reason(await own.get("/api/v1/information")) == (403, "OUT_OF_SCOPE")
    assert reason(await ask(own)) == (403, "OUT_OF_SCOPE")
    assert (await own.get("/history")).status_code == 200


async def test_a_proxy_for_information_asks_reads_and_leaves_traces(lab: Lab) -> None:
    """With the wider mandate the request is the principal's, both are told of the answer, and asking, reading and saving are traced."""
    theirs, own, _ = await acting(lab, scope="INFORMATION")
    request_id = await answered(lab, own)
    assert lab.requester.asked[0].subject == subject(HANA.individual_number)
    assert (await own.get(f"/information/{request_id}")).status_code == 200
    assert (await own.get(f"/information/{request_id}/answer.csv")).status_code == 200
    assert (await document(theirs, request_id))["state"] == State.ARRIVED
    records = (await theirs.get("/api/v1/proxies/records")).json()["records"]
    acts = [one["act"] for one in records]
    assert acts[:3] == ["SAVE_INFORMATION", "READ_INFORMATION", "ASK_INFORMATION"]
    operations = (await theirs.get("/api/v1/operations")).json()["operations"]
    assert [(one["act"], one["proxy"]) for one in operations[:2]] == [
        ("information-export", "母"),
        ("information-ask", "母"),
    ]
    assert len((await theirs.get("/api/v1/notices")).json()["notices"]) == 1
    await own.post("/proxies/back")
    (told,) = (await own.get("/api/v1/notices")).json()["notices"]
    assert (told["kind"], told["about"]) == ("information-for-other", "/proxies")
    assert (await own.get(f"/information/{request_id}")).status_code == 404


async def test_an_ended_mandate_shows_nothing_any_more(lab: Lab) -> None:
    """From the moment that the principal ends the mandate, the proxy can neither read an answer nor ask."""
    theirs, own, mandate = await acting(lab, scope="INFORMATION")
    request_id = await answered(lab, own)
    await theirs.post("/proxies/end", {"mandate": mandate})
    assert reason(await own.get(f"/api/v1/information/{request_id}")) == (403, "MANDATE_ENDED")
    assert reason(await ask(own)) == (403, "MANDATE_ENDED")
