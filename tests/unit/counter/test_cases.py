"""Cases at the counter: who may open one, what is asked, and what the page says of what came."""

from __future__ import annotations

import re

import pytest
from unit.counter.desk_of_paper import (
    ACTOR,
    AT,
    INSURER,
    JOIN,
    NHI,
    OLD_TAX,
    REFERENCE,
    TAX_RECORD,
    PaperDesk,
    denied,
    inquiry,
    nothing,
    provided,
)
from unit.counter.lab import ADDRESSEE, CLERK, HANA, REVIEWER, Browser, Lab, visible

from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.counter.cases.views import TURNS
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError, Reason

CASE = f"/cases/{REFERENCE}"
INCOME = {
    "ja": "所得証明書（前住所地の市町村のもの）",
    "en": "Certificate of income from the municipality of residence on 1 January",
}


@pytest.fixture
def desk(lab: Lab) -> PaperDesk:
    """The insurer's desk."""
    return PaperDesk(lab).set_up()


async def clerk_of(lab: Lab, language: str = "ja") -> Browser:
    """The clerk at the window."""
    clerk = Browser(lab, NHI, language)
    await clerk.log_in()
    return clerk


def papers(html: str, fate: str) -> list[str]:
    """Names of the papers of one fate."""
    shown = re.findall(rf'data-testid="paper-{fate}">(.*?)</li>', html, re.DOTALL)
    return [visible(re.search(r'class="face">(.*?)</span>', one, re.DOTALL)[1]).strip() for one in shown]


def value(html: str, place: str) -> str:
    """What stands in a place of the form."""
    found = re.search(rf'data-place="{place}".*?data-testid="value">(.*?)</span>', html, re.DOTALL)
    return visible(found[1]).strip() if found else ""


async def test_a_case_is_opened_for_an_identified_visitor_alone(lab: Lab, desk: PaperDesk) -> None:
    """Without a visit of today nothing is opened; with one, the case is about that addressee and says who opened it."""
    clerk = await clerk_of(lab)
    form = {"visit": "1", "procedure": JOIN}
    refused = await clerk.post("/cases/new", form)
    assert refused.status_code == 400
    assert not lab.stubs.desks.requests("OpenCase")
    await clerk.receive()
    page = await clerk.get("/cases/new?visit=1")
    assert HANA.name in page.text
    assert INCOME["ja"] in page.text
    assert (await clerk.post("/cases/new", form | {"procedure": "JT90000000000201"})).status_code == 400
    opened = await clerk.post("/cases/new", form)
    assert opened.headers["location"] == f"/{NHI}{CASE}"
    (request,) = lab.stubs.desks.requests("OpenCase")
    assert (request.addressee_no, request.procedure, request.actor) == (ADDRESSEE, JOIN, ACTOR)
    assert ("open-case", CLERK, ADDRESSEE, "done") in lab.acts(NHI)
    lab.clock.now = lab.clock.now.replace(day=7)
    assert (await clerk.post("/cases/new", form)).status_code in {303, 400}
    assert len(lab.stubs.desks.requests("OpenCase")) == 1


async def test_what_is_asked_is_what_the_clerk_chose(lab: Lab, desk: PaperDesk) -> None:
    """Row, provider, time, actor and the key of the next inquiry go to the desk, on record; the same press twice has the same key."""
    clerk = await clerk_of(lab)
    page = (await clerk.get(CASE)).text
    assert 'name="key" value="P07-1"' in page
    form = {"row": "P07", "key": "P07-1", "provider": OLD_TAX, "year": "2025"}
    asked = await clerk.post(f"{CASE}/ask", form)
    assert asked.headers["location"] == f"/{NHI}{CASE}#row-P07"
    (request,) = lab.stubs.desks.requests("AskForCase")
    assert request == pb.AskForCaseRequest(
        institution=NHI,
        reference=REFERENCE,
        row="P07",
        provider=OLD_TAX,
        span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
        actor=ACTOR,
        idempotency_key="P07-1",
    )
    assert ("ask", CLERK, f"{REFERENCE} P07", "done") in lab.acts(NHI)
    desk.case.inquiries.append(inquiry(1))
    assert 'name="key" value="P07-2"' in (await clerk.get(CASE)).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"provider": ""}, "provider"),
        ({"provider": "tax-480029"}, "provider"),
        ({"row": "P08", "provider": INSURER, "first": "2026-04-02", "last": "2026-04-01"}, "period"),
        ({"row": "P08", "provider": INSURER, "first": "yesterday", "last": "2026-04-01"}, "period"),
    ],
)
async def test_a_question_that_cannot_be_asked_is_marked(
    lab: Lab, desk: PaperDesk, changes: dict[str, str], field: str
) -> None:
    """No provider, one of the own body, days in the wrong order: nothing is asked, and the field says so."""
    clerk = await clerk_of(lab)
    form = {"row": "P07", "key": "k", "provider": OLD_TAX, "year": "2025"} | changes
    refused = await clerk.post(f"{CASE}/ask", form)
    assert refused.status_code == 400
    assert f'id="{field}-wrong"' in refused.text
    assert not lab.stubs.desks.requests("AskForCase")


async def test_an_answer_stands_in_the_form_with_where_it_came_from(lab: Lab, desk: PaperDesk) -> None:
    """Values are in words, an empty one says why, the source names institution and time once, and the paper is saved."""
    desk.case.inquiries.append(provided(1, TAX_RECORD))
    desk.case.papers_saved.add(**INCOME)
    page = (await (await clerk_of(lab)).get(CASE)).text
    assert value(page, "gross_income") == "4,161,600円"
    assert value(page, "tax_year") == "2025年度（令和7年度）"
    assert value(page, "taxed_by") == "青凪市（480011）"
    assert value(page, "tax_class") == "課税"
    assert value(page, "pension") == "（該当しない）"
    assert 'name="place-gross_income"' not in page
    assert 'name="place-reason"' in page
    (source,) = re.findall(r'data-testid="source".*?</p>', page, re.DOTALL)
    assert "青凪市 市民税課の回答" in visible(source)
    assert "9時30分" in visible(source)
    assert papers(page, "saved") == [INCOME["ja"]]
    assert papers(page, "open") == ["資格喪失証明書"]


async def test_of_two_answers_the_newest_counts(lab: Lab, desk: PaperDesk) -> None:
    """A later answer of the same row fills the place; one that brought nothing does not."""
    later = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(tax_year=2024, gross_income_yen=1))
    desk.case.inquiries.extend([provided(1, TAX_RECORD), provided(2, later), nothing(3, ex.FINE_OUTCOME_NO_RECORD)])
    page = (await (await clerk_of(lab)).get(CASE)).text
    assert value(page, "gross_income") == "1円"


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (inquiry(1), "sent"),
        (inquiry(1, outcome=ex.OUTCOME_PENDING, fine_outcome=ex.FINE_OUTCOME_PENDING), "pending"),
        (nothing(1, ex.FINE_OUTCOME_NO_RECORD), "no-record"),
        (nothing(1, ex.FINE_OUTCOME_NOT_REGISTERED), "not-registered"),
        (nothing(1, ex.FINE_OUTCOME_WITHHELD), "withheld"),
        (denied(1), "denied"),
        (inquiry(1, outcome=ex.OUTCOME_EXPIRED), "expired"),
        (inquiry(1, outcome=ex.OUTCOME_ERROR), "error"),
    ],
)
async def test_each_outcome_is_said_and_the_paper_asked_for_only_when_nothing_comes(
    lab: Lab, desk: PaperDesk, one: pb.CaseInquiry, state: str
) -> None:
    """What is under way asks for no paper; what ended without a record does."""
    desk.case.inquiries.append(one)
    page = (await (await clerk_of(lab)).get(CASE)).text
    assert f'data-testid="inquiry" data-state="{state}"' in page
    under_way = state in {"sent", "pending"}
    assert ('data-testid="request-paper"' in page) == (not under_way)
    assert papers(page, "waiting" if under_way else "missed") == [INCOME["ja"]]
    assert ('data-testid="case-under-way"' in page) == (state == "sent")


@pytest.mark.parametrize(
    ("language", "says", "law"),
    [
        ("ja", "評価の期限が切れています。", "番号法第21条"),
        ("en", "The assessment has expired.", "Number Act, Article 21"),
    ],
)
async def test_a_refusal_is_explained(lab: Lab, desk: PaperDesk, language: str, says: str, law: str) -> None:
    """Why it was refused, what to do and the law behind it stand there in the page's language alone."""
    desk.case.inquiries.append(denied(1))
    page = (await (await clerk_of(lab, language)).get(CASE)).text
    (refusal,) = re.findall(r'data-testid="refusal".*?</div>', page, re.DOTALL)
    text = visible(refusal)
    assert says in text
    assert law in text
    assert (" / " in text) is False
    assert "CLIENT_PIA_EXPIRED" in text


async def test_what_never_left_says_why(lab: Lab, desk: PaperDesk) -> None:
    """An inquiry that the interim server would not take is shown with the reason, and its paper can be asked for."""
    unsent = inquiry(1)
    unsent.not_sent.CopyFrom(LinkageError(Reason.CLIENT_NOT_ENROLLED).failure())
    desk.case.inquiries.append(unsent)
    page = (await (await clerk_of(lab)).get(CASE)).text
    assert 'data-state="unsent"' in page
    assert "CLIENT_NOT_ENROLLED" in page
    assert 'data-testid="request-paper"' in page


async def test_a_paper_is_asked_for_on_record(lab: Lab, desk: PaperDesk) -> None:
    """The press goes to the desk; afterwards the paper is to be brought and cannot be asked for again."""
    desk.case.inquiries.append(nothing(1, ex.FINE_OUTCOME_NO_RECORD))
    clerk = await clerk_of(lab)
    await clerk.post(f"{CASE}/paper", {"row": "P07"})
    (request,) = lab.stubs.desks.requests("RequestPaper")
    assert (request.row, request.actor) == ("P07", ACTOR)
    assert ("request-paper", CLERK, REFERENCE, "done") in lab.acts(NHI)
    desk.case.papers_to_bring.add(**INCOME)
    page = (await clerk.get(CASE)).text
    assert papers(page, "bring") == [INCOME["ja"]]
    assert 'data-testid="request-paper"' not in page


async def test_places_are_filled_by_hand(lab: Lab, desk: PaperDesk) -> None:
    """What is typed goes to its place; what is too long or has line breaks goes nowhere and is marked."""
    clerk = await clerk_of(lab)
    await clerk.post(f"{CASE}/fill", {"place-reason": " 退職 ", "place-joins_on": ""})
    (request,) = lab.stubs.desks.requests("FillCase")
    assert [(one.name, one.value) for one in request.fields] == [("reason", "退職"), ("joins_on", "")]
    for bad in ("x" * 501, "a\nb", "a\x00b"):
        refused = await clerk.post(f"{CASE}/fill", {"place-reason": bad})
        assert refused.status_code == 400
        assert 'id="reason-wrong"' in refused.text
    assert len(lab.stubs.desks.requests("FillCase")) == 1
    desk.case.filled.add(name="reason", value="<b>退職</b>", filled_at=AT, filled_by=ACTOR)
    page = (await clerk.get(CASE)).text
    assert "&lt;b&gt;退職&lt;/b&gt;" in page
    assert "<b>退職</b>" not in page


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"decision": "grant", "note": ""}, 303),
        ({"decision": "refuse", "note": ""}, 400),
        ({"decision": "refuse", "note": "資格がないため"}, 303),
        ({"decision": "refuse", "note": "x" * 201}, 400),
        ({"decision": "grant", "note": "x" * 201}, 400),
        ({"decision": "else", "note": "x"}, 400),
    ],
)
async def test_a_refusal_needs_a_reason(lab: Lab, desk: PaperDesk, form: dict[str, str], status: int) -> None:
    """Granting needs no words, refusing does; too many are refused."""
    clerk = await clerk_of(lab)
    assert (await clerk.post(f"{CASE}/decide", form)).status_code == status
    assert len(lab.stubs.desks.requests("DecideCase")) == (status == 303)


async def test_a_decided_case_offers_nothing_more(lab: Lab, desk: PaperDesk) -> None:
    """It shows who decided what and why, and no form to ask, fill or decide."""
    desk.case.inquiries.append(nothing(1, ex.FINE_OUTCOME_NO_RECORD))
    desk.case.MergeFrom(pb.Case(state=pb.CASE_STATE_REFUSED, note="資格がないため", decided_at=AT, decided_by=ACTOR))
    page = (await (await clerk_of(lab)).get(CASE)).text
    assert "資格がないため" in page
    assert f'action="/{NHI}{CASE}' not in page


async def test_the_desk_s_refusal_stands_on_the_case(lab: Lab, desk: PaperDesk) -> None:
    """When the desk refuses, the page of the case says so in words, and the act is on record with the reason."""
    lab.stubs.desks.answers["AskForCase"] = LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
    clerk = await clerk_of(lab)
    refused = await clerk.post(f"{CASE}/ask", {"row": "P07", "key": "k", "provider": OLD_TAX, "year": "2025"})
    assert refused.status_code == 409
    assert 'data-reason="CLIENT_REFERENCE_CHANGED"' in refused.text
    assert ("ask", CLERK, f"{REFERENCE} P07", "CLIENT_REFERENCE_CHANGED") in lab.acts(NHI)


async def test_cases_are_the_clerk_s_work(lab: Lab, desk: PaperDesk) -> None:
    """A reviewer is told whose work it is; nobody logged in is led to the login; each look at a case is on record."""
    reviewer = Browser(lab, NHI)
    assert (await reviewer.get(CASE)).status_code == 303
    await reviewer.log_in(REVIEWER)
    for path in ("/cases", "/cases/new", CASE, "/applications"):
        assert (await reviewer.get(path)).status_code == 403
    assert (await reviewer.post(f"{CASE}/ask", {})).status_code == 403
    assert not lab.stubs.desks.asked
    clerk = await clerk_of(lab)
    assert JOIN not in visible((await clerk.get("/cases")).text)
    await clerk.get(CASE)
    assert ("see-case", CLERK, REFERENCE, "done") in lab.acts(NHI)


def asks_next(html: str) -> str | None:
    """The address that a page asks by itself for what came; None when it asks no more."""
    found = re.search(r'id="news" hx-get="([^"]*)"', html)
    return found[1].replace("&amp;", "&").removeprefix(f"/{NHI}") if found else None


async def test_a_page_asks_by_itself_while_an_answer_may_come(lab: Lab, desk: PaperDesk) -> None:
    """A case with an inquiry under way carries the script and the address to ask; one with none, or decided, carries neither."""
    clerk = await clerk_of(lab)
    assert "htmx" not in (await clerk.get(CASE)).text
    desk.case.inquiries.extend([inquiry(1)])
    response = await clerk.get(CASE)
    assert "vendor/htmx-" in response.text
    assert "script-src 'self'; connect-src 'self'" in response.headers["content-security-policy"]
    assert asks_next(response.text) is not None
    desk.case.state = pb.CASE_STATE_GRANTED
    assert "htmx" not in (await clerk.get(CASE)).text


async def test_what_came_takes_the_place_of_what_was_shown(lab: Lab, desk: PaperDesk) -> None:
    """Nothing new shows nothing and is no look at the case; an answer brings its line, its papers and its places, and no others, on record."""
    clerk = await clerk_of(lab)
    desk.case.inquiries.extend([inquiry(1)])
    address = asks_next((await clerk.get(CASE)).text)
    looks = lab.acts(NHI)
    quiet = (await clerk.get(str(address))).text
    assert (visible(quiet).strip(), lab.acts(NHI)) == ("", looks)
    assert "turn=3" in str(asks_next(quiet))
    del desk.case.inquiries[:]
    desk.case.inquiries.extend([provided(1, TAX_RECORD)])
    news = (await clerk.get(str(address))).text
    assert asks_next(news) is None
    assert 'id="row-P07" hx-swap-oob="true"' in news
    assert 'id="row-P08"' not in news
    assert 'data-place="gross_income"' in news
    assert "place-reason" not in news
    assert 'data-testid="case-came"' in news
    assert lab.acts(NHI)[-1] == ("see-case", CLERK, REFERENCE, "done")


async def test_a_page_that_is_left_open_stops_asking(lab: Lab, desk: PaperDesk) -> None:
    """After so many turns a page asks no more, whatever number it names, so that it keeps no session alive."""
    clerk = await clerk_of(lab)
    desk.case.inquiries.extend([inquiry(1)])
    address = str(asks_next((await clerk.get(CASE)).text))
    turns = 0
    while (following := asks_next((await clerk.get(address)).text)) is not None:
        address, turns = following, turns + 1
    assert turns < TURNS
    for turn in ("0x1", "99999", "-1", ""):
        assert asks_next((await clerk.get(re.sub(r"turn=\d+", f"turn={turn}", address))).text) is None
