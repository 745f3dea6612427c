"""The history: in order, whole, the person's own, in words that claim only what is known."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, HANA, SORA, START, Lab, Told, open_lab, shown, subject
from unit.portal.paper_log import PaperLog

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.vault import ErasedError
from warifu.law import Text
from warifu.portal.history.documents import Documents
from warifu.portal.history.entries import Codes, Entry
from warifu.portal.history.queries import Position
from warifu.portal.history.schema import lines as listed
from warifu.portal.history.story import Teller
from warifu.portal.holdings import holdings
from warifu.portal.schema import entries


def test_words_are_those_of_the_law_book_in_force() -> None:
    """An entry that was told before is told anew once another law book is in force, and in each language its own."""
    known = next(iter(BOOK.rows.values()))
    entry = _entry(known.id, known.citations[0].valid_from)
    table = BOOK.table
    items = {code: replace(item, name=Text("別の名", "Another name")) for code, item in table.items.items()}
    other = replace(BOOK, table=replace(table, items=items))
    books = [BOOK, BOOK, other, other, BOOK]
    now = [BOOK]
    teller = Teller(lambda: now[0])
    told = []
    for book in books:
        now[0] = book
        told.append((teller.tell(entry, "ja").item, teller.tell(entry, "en").item))
    before = (BOOK.items[entry.item].name.ja, BOOK.items[entry.item].name.en)
    assert told == [before, before, ("別の名", "Another name"), ("別の名", "Another name"), before]


@given(st.text(max_size=80))
def test_any_position_in_an_address_is_read_or_ignored(text: str) -> None:
    """Whatever stands in `before`, it is a position or none."""
    position = Position.read(text)
    assert position is None or isinstance(position, Position)


@given(st.integers(-(2**62), 2**62), st.uuids())
def test_a_position_goes_there_and_back(time: int, request_id: object) -> None:
    """A position written into an address reads as itself."""
    position = Position(time, str(request_id))
    assert Position.read(str(position)) == position


async def test_an_entry_answers_when_who_whom_why_and_what(lab: Lab) -> None:
    """The list names time in Japan, requester, provider, procedure, purpose, item, and the citation with its mark."""
    await lab.deliver([Told()])
    page = visible((await Browser(lab).log_in()).text)
    for words in (
        "2026年4月6日（月） 9時05分",
        "榧野町",
        "青凪市",
        "保険料（税）の算定・軽減の判定",
        "国民健康保険の保険料（税）を正しく計算し、安くなるかどうかを確かめるため。",
        "地方税関係情報",
        "令和6年デジタル庁・総務省令第9号第2条の表",
        "要確認",
        "回答あり",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("when", "citation"),
    [
        ((2021, 8, 31, 14, 59), "第19条第7号"),
        ((2021, 8, 31, 15, 0), "第19条第8号"),
        ((2024, 5, 26, 15, 0), "第9号第2条の表"),
    ],
)
async def test_the_citation_is_that_of_the_day_in_japan(lab: Lab, when: tuple[int, ...], citation: str) -> None:
    """An exchange is shown with the law of its own day, by Japan's calendar (UTC times given)."""
    told = Told(START.replace(year=when[0], month=when[1], day=when[2], hour=when[3], minute=when[4]))
    await lab.deliver([told])
    assert citation in visible((await Browser(lab).log_in()).text)


def test_every_row_s_citation_is_marked_while_unverified() -> None:
    """For every permission row, an unverified citation carries its mark in both languages, and a verified one none."""
    for known in BOOK.rows.values():
        for citation in known.citations:
            entry = _entry(known.id, citation.valid_from)
            for language in ("ja", "en"):
                basis = Teller(lambda: BOOK).tell(entry, language).basis
                assert basis is not None
                assert basis.verified == (citation.verified or known.invented)
                assert basis.text == citation.text.to(language)


def _entry(row_id: str, day):
    from datetime import datetime

    from warifu.kernel.clock import JAPAN
    from warifu.kernel.instants import milliseconds

    known = BOOK.rows[row_id]
    noon = milliseconds(datetime(day.year, day.month, day.day, 12, tzinfo=JAPAN))
    codes = Codes("r", "p", known.affair.code, known.procedure.code, known.item, row_id, exchange_pb2.OUTCOME_ANSWERED)
    return Entry("x", noon, None, codes)


@pytest.mark.parametrize(
    ("outcome", "says", "never"),
    [
        (
            exchange_pb2.OUTCOME_ANSWERED,
            "この記録からはわかりません",
            ("要らなくなりました", "省略しました", "省略できました"),
        ),
        (exchange_pb2.OUTCOME_DENIED, "書類はありません", ("所得証明書", "令和6年デジタル庁", "安くなるか")),
        (exchange_pb2.OUTCOME_EXPIRED, "書類はありません", ("所得証明書",)),
        (exchange_pb2.OUTCOME_ERROR, "書類はありません", ("所得証明書",)),
    ],
)
async def test_a_paper_is_never_called_saved(lab: Lab, outcome: int, says: str, never: tuple[str, ...]) -> None:
    """An answer only names the papers that the procedure can save and says that the record cannot tell; without one none is named."""
    await lab.deliver([told := Told(outcome=outcome)])
    browser = Browser(lab)
    await browser.log_in()
    page = visible((await browser.get(f"/history/{told.request_id}")).text)
    assert says in page
    for words in never:
        assert words not in page


async def test_another_person_s_entry_is_missing_like_one_that_never_was(lab: Lab) -> None:
    """The pages for a stranger's entry and for an invented id are the same bytes, in HTML and in JSON."""
    await lab.deliver([theirs := Told()], SORA)
    browser = Browser(lab)
    await browser.log_in(HANA)
    for path in ("/history", "/api/v1/history"):
        foreign, invented = [await browser.get(f"{path}/{rid}") for rid in (theirs.request_id, Told().request_id)]
        assert foreign.status_code == invented.status_code == 404
        assert foreign.content == invented.content
        assert sorted(foreign.headers.items()) == sorted(invented.headers.items())


@pytest.mark.parametrize("request_id", ["'", "1 OR 1=1", "..%2f..%2fetc", "%00", "あ", "a" * 300])
async def test_strange_ids_are_simply_missing(lab: Lab, request_id: str) -> None:
    """An id that is none gives the same 404."""
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.get(f"/history/{request_id}")).status_code == 404


async def test_without_a_session_nothing_is_shown(lab: Lab) -> None:
    """Pages lead to the login, documents are refused."""
    await lab.deliver([told := Told()])
    browser = Browser(lab)
    response = await browser.get(f"/history/{told.request_id}?lang=en")
    assert response.status_code == 303
    assert response.headers["location"].startswith("/login?next=%2Fhistory%2F")
    for path in ("/api/v1/history", f"/api/v1/history/{told.request_id}"):
        response = await browser.get(path)
        assert response.status_code == 401
        error = response.json()["error"]
        assert error["status"] == 401
        assert set(error["message"]) == {"ja", "en"}


async def test_a_withheld_exchange_leaves_no_trace(lab: Lab, tmp_path) -> None:
    """With withheld exchanges among the deliveries or without them, every page and document is the same, byte by byte."""
    told = [Told(START - timedelta(hours=n)) for n in range(45)]
    hidden = [Told(START - timedelta(hours=n, minutes=30), withheld=True) for n in range(45)]
    (tmp_path / "twin").mkdir()
    twin = await open_lab(tmp_path / "twin", log=PaperLog(lab.clock, lab.log.log, lab.log.witness))
    plain = [shown(one, subject(HANA.individual_number)) for one in told]
    try:
        for there, more in ((lab, hidden), (twin, [])):
            made = [*plain, *(shown(one, subject(HANA.individual_number)) for one in more)]
            made.sort(key=lambda one: one.request)  # it begins with the salt
            await there.deliver_shown(*made)
        pages = [await _walk(Browser(one)) for one in (lab, twin)]
        assert pages[0] == pages[1]
        assert len(pages[0]) == 4
        for one in hidden:
            assert all(one.request_id not in page for page in pages[0])
            assert holdings(lab.store, lab.seals, one.request_id) == []
    finally:
        twin.close()


async def _walk(browser: Browser) -> list[str]:
    """Every page of the history, and the whole document."""
    pages = [(await browser.log_in()).text]
    while older := re.search(r'href="([^"]+)" data-testid="older"', pages[-1]):
        pages.append((await browser.get(older[1])).text)
    return [*pages, (await browser.get("/api/v1/history?limit=100")).text]


async def test_no_page_counts(lab: Lab) -> None:
    """Neither page nor document tells a total or a place in the gateway's order."""
    await lab.deliver([Told(START - timedelta(days=n)) for n in range(23)])
    browser = Browser(lab)
    page = visible((await browser.log_in()).text)
    assert "23" not in re.sub(r"\d+年|\d+月\d+日", "", page)
    document = (await browser.get("/api/v1/history")).json()
    assert set(document) == {"entries", "next", "proxy_for"}
    assert "position" not in document["entries"][0]


async def test_the_document_has_the_promised_fields(lab: Lab) -> None:
    """Each JSON entry has the fields of `warifu history --json`, codes as codes and times with Japan's offset."""
    await lab.deliver([told := Told()])
    browser = Browser(lab)
    await browser.log_in()
    (entry,) = (await browser.get("/api/v1/history")).json()["entries"]
    assert entry["request_id"] == told.request_id
    assert entry["requested_at"] == "2026-04-06T09:05:00.000+09:00"
    assert entry["answered_at"] == "2026-04-06T09:05:02.000+09:00"
    assert (entry["requester"], entry["provider"]) == (told.requester, told.provider)
    assert entry["procedure"] == BOOK.rows["P07"].procedure.code
    assert entry["items"] == [BOOK.rows["P07"].item]
    assert entry["outcome"] == "ANSWERED"
    assert entry["legal_basis"].endswith("【要確認】")
    assert entry["texts"]["en"]["legal_basis"].endswith("[to be verified]")
    assert (await browser.get(f"/api/v1/history/{told.request_id}")).json() == {**entry, "corrections": []}


async def test_a_denied_entry_claims_no_basis(lab: Lab) -> None:
    """A denied inquiry names its nearest row in the record, but no law, purpose or paper of it is shown as its own."""
    await lab.deliver([Told(outcome=exchange_pb2.OUTCOME_DENIED)])
    browser = Browser(lab)
    await browser.log_in()
    (entry,) = (await browser.get("/api/v1/history")).json()["entries"]
    assert entry["legal_basis"] is None
    assert entry["answered_at"] is None
    assert entry["texts"]["ja"]["papers"] == []
    assert entry["texts"]["ja"]["purpose"] is None


async def test_an_empty_history_says_so(lab: Lab) -> None:
    """Without entries there is a sentence, not an empty list."""
    page = (await Browser(lab).log_in(SORA)).text
    assert 'data-testid="empty"' in page
    assert "表示できるやりとりはありません" in page


SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("field", ["requester", "provider", "affair", "procedure", "item"])
async def test_script_in_any_text_is_shown_as_text(lab: Lab, field: str) -> None:
    """Markup in any field of a delivered record is escaped on the list and on the entry's page."""
    told = Told(outcome=exchange_pb2.OUTCOME_DENIED, **{field: SCRIPT})
    await lab.deliver([told])
    browser = Browser(lab)
    pages = [(await browser.log_in()).text, (await browser.get(f"/history/{told.request_id}")).text]
    assert all(SCRIPT not in page for page in pages)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[1]


@pytest.mark.parametrize(
    "query", ["before=%3Cscript%3E", "after=zzz", "limit=0", "limit=-1", "limit=9999999", "limit=１０", "before="]
)
async def test_strange_queries_give_a_plain_page(lab: Lab, query: str) -> None:
    """Whatever stands in the query, the page is a page and repeats no markup."""
    await lab.deliver([Told()])
    browser = Browser(lab)
    await browser.log_in()
    for path in (f"/history?{query}", f"/api/v1/history?{query}"):
        response = await browser.get(path)
        assert response.status_code == 200
        assert "<script>" not in response.text


async def test_pages_are_linked_both_ways(lab: Lab) -> None:
    """Older leads to the rest, newer leads back to the same first page."""
    told = [Told(START - timedelta(days=n)) for n in range(25)]
    await lab.deliver(told)
    browser = Browser(lab)
    first = (await browser.log_in()).text
    older = re.search(r'href="([^"]+)" data-testid="older"', first)
    second = (await browser.get(older[1])).text
    assert re.findall(r'data-request-id="([^"]+)"', second) == [one.request_id for one in told[20:]]
    newer = re.search(r'href="([^"]+)" data-testid="newer"', second)
    again = (await browser.get(newer[1])).text
    ids = r'data-request-id="([^"]+)"'
    assert re.findall(ids, again) == re.findall(ids, first)
    assert urlsplit(newer[1]).netloc == ""


async def test_entries_are_erased_when_their_term_is_over(lab: Lab, tmp_path: Path) -> None:
    """After seven years an entry is gone from the pages and from the file, an older copy does not open, and younger ones stay."""
    (old,), young = [Told(START - timedelta(days=200))], Told(START)
    await lab.deliver([old, young])
    held = holdings(lab.store, lab.seals, old.request_id)
    row_of_old = lab.store.read(
        lambda c: c.execute(entries.select().where(entries.c.request_id == old.request_id)).one()
    )
    assert held
    statement = listed.select().where(listed.c.request_id == young.request_id)
    lines_of_young = lab.store.read(lambda c: c.execute(statement).all())
    assert len(lines_of_young) == 1
    lab.clock.pass_time(timedelta(days=7 * 365))
    assert await lab.portal.jobs["retention"]() == 1
    assert holdings(lab.store, lab.seals, old.request_id) == []
    assert holdings(lab.store, lab.seals, young.request_id)
    with pytest.raises(ErasedError):
        lab.seals.opened(row_of_old)
    assert lab.store.read(lambda c: c.execute(listed.select()).all()) == lines_of_young
    files = [tmp_path / name for name in ("portal-main.db", "portal-main.db-wal")]
    assert all(old.request_id.encode() not in file.read_bytes() for file in files)
    assert await lab.portal.jobs["retention"]() == 0
    with pytest.raises(LinkageError):
        await lab.deliver([old])


def test_a_page_for_programs_is_the_documents_of_its_entries() -> None:
    """A page as JSON says of each entry what its document says, whatever was said before of others with the same codes on other days."""
    documents = Documents(Teller(lambda: BOOK))
    told: list[Entry] = []
    for known in BOOK.rows.values():
        for one in known.citations:
            noon = _entry(known.id, one.valid_from)
            midnight = noon.requested_at - 12 * 3_600_000
            for at in (midnight - 1, midnight, midnight - 12 * 3_600_000, noon.requested_at):
                entry = noon._replace(requested_at=at, request_id=f'"{len(told)}"')
                denied = entry.codes._replace(outcome=exchange_pb2.OUTCOME_DENIED)
                told += [
                    entry,
                    entry._replace(answered_at=at + 1, codes=denied),
                    entry._replace(answered_at=at + 90_000),
                ]
    page = json.loads(documents.page(told, "there", None))
    assert page == {"entries": [documents.entry(entry) for entry in told], "next": "there", "proxy_for": None}
