"""The history: in order, whole, the person's own, in words that claim only what is known."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, HANA, SORA, START, Lab, Told, open_lab, shown, subject
from unit.portal.paper_log import PaperLog

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.months import month_at
from warifu.kernel.partitions import Months
from warifu.kernel.store import Store
from warifu.kernel.vault import ErasedError, Vault, VaultError, later
from warifu.law import Text
from warifu.portal.history import holds, keeping, lines
from warifu.portal.history.documents import Documents
from warifu.portal.history.entries import Codes, Entry
from warifu.portal.history.filters import EVERYTHING
from warifu.portal.history.queries import History, Position
from warifu.portal.history.schema import lines as listed
from warifu.portal.history.schema import marks
from warifu.portal.history.story import Teller
from warifu.portal.holdings import holdings
from warifu.portal.kept import Kept, Seals
from warifu.portal.schema import account_subjects, accounts, entries, metadata, sessions

ME, ALSO_ME, OTHER = b"me", b"me too", b"other"
MONTH = 31 * 24 * 3600 * 1000
TIMES = (0, 1, 2, MONTH, MONTH + 1, 4 * MONTH)
"""Some in one month, some in others, a month without any between them."""


def row(subject: bytes, time: int, number: int) -> Kept:
    """One stored entry."""
    return Kept(
        f"{number:036}", time, subject, None, "r", "p", "a", "c", "i", None, exchange_pb2.OUTCOME_DENIED,
        b"", b"", None, None, None, number + 1,
    )  # fmt: skip


def stored(rows: list[Kept]) -> History:
    """A history in memory."""
    seals = Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    store = Store("sqlite://", metadata)
    store.lines._write_engine = store.lines._read_engine
    store.create()
    add(store, seals, rows)
    return History(store, seals)


def add(store: Store, seals: Seals, rows: list[Kept]) -> None:
    """As deliveries add entries."""
    if rows:
        store.read(lambda c: keeping.keep_all(c, seals, rows))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    given_rows=st.lists(st.tuples(st.sampled_from([ME, ALSO_ME, OTHER]), st.sampled_from(TIMES)), max_size=25),
    size=st.integers(1, 7),
)
def test_pages_are_the_sorted_list_cut_up(given_rows: list[tuple[bytes, int]], size: int) -> None:
    """Forward page by page gives everything of one's codes, newest first, once; backward gives the same pages again."""
    rows = [row(subject, time, number) for number, (subject, time) in enumerate(given_rows)]
    history = stored(rows)
    own = [(one.requested_at, one.request_id) for one in rows if one.subject != OTHER]
    expected = sorted(own, reverse=True)
    page = history.page([ME, ALSO_ME], size=size)
    pages = [page]
    while page.older:
        page = history.page([ME, ALSO_ME], before=page.older, size=size)
        pages.append(page)
    assert [(e.requested_at, e.request_id) for p in pages for e in p.entries] == expected
    assert all(len(p.entries) == size for p in pages[:-1])
    back = [page]
    while page.newer:
        page = history.page([ME, ALSO_ME], after=page.newer, size=size)
        back.append(page)
    assert [p.entries for p in reversed(back)] == [p.entries for p in pages]
    history.store.close()


async def test_pages_are_the_same_on_a_server(postgres_database: str) -> None:
    """PostgreSQL gives the same pages as SQLite, at once and month after month."""
    rows = [row(ME, month * MONTH + time, 100 * month + time) for month in range(20) for time in range(3)]
    here, there = stored(rows), Store(postgres_database, metadata)
    there.create()
    await Months(there, entries, listed, marks).ready(one.month for one in rows)
    await there.write(lambda c: keeping.keep_all(c, here.seals, rows))
    for size in (2, 7, 60):
        page = History(there, here.seals).page([ME], size=size)
        assert page == here.page([ME], size=size)
        assert page.older is None or History(there, here.seals).page([ME], before=page.older, size=size) == here.page(
            [ME], before=page.older, size=size
        )
    there.close()
    here.store.close()


async def test_a_server_reads_no_month_through(postgres_database: str) -> None:
    """PostgreSQL finds a person's lines by their key in each month, also where it would have to look into many."""
    months, people = 16, 400
    rows = [
        row(b"%d" % person, month * MONTH + person, people * month + person)
        for month in range(months)
        for person in range(people)
    ]
    there, seals = Store(postgres_database, metadata), Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    there.create()
    await Months(there, entries, listed, marks).ready(one.month for one in rows)
    await there.write(lambda c: lines.add_all(c, seals, rows))
    await there.write(lambda c: holds.note(c, rows))
    await there.write(lambda c: c.execute(text("ANALYZE entry_lines")))
    asked: list[tuple[str, Any]] = []
    note = lambda _connection, _cursor, statement, values, *_: asked.append((statement, values))  # noqa: E731
    event.listen(there.lines._read_engine, "before_cursor_execute", note)
    assert len(History(there, seals).page([b"7"], size=50).entries) == months
    event.remove(there.lines._read_engine, "before_cursor_execute", note)
    ((statement, values),) = [one for one in asked if "entry_lines" in one[0]]
    plan = there.read(lambda c: [found for (found,) in c.exec_driver_sql(f"EXPLAIN {statement}", values)])
    there.close()
    assert any("Index" in step for step in plan)
    assert not any("Seq Scan" in step or "Hash" in step for step in plan), plan


def test_a_page_is_one_search_of_the_table_s_own_order() -> None:
    """The database finds a page by its key, sorts nothing and skips nothing, whatever the history's length."""
    history = stored([row(ME, month * MONTH + time, 100 * month + time) for month in range(3) for time in range(50)])
    asked: list[str] = []
    driver = history.store.lines._reader.connection.driver_connection
    driver.set_trace_callback(asked.append)
    page = history.page([ME], size=50)
    page = history.page([ME], before=page.older, size=10)
    history.page([ME], after=page.newer, size=50)
    driver.set_trace_callback(None)
    pages = [one for one in asked if "entry_lines" in one and "sealed" in one]
    assert ["VALUES" in one for one in pages] == [True, True, False, False, True], (
        "all at once where there are few, else a month after the other"
    )
    for one in pages:
        plan = [found[3] for found in driver.execute("EXPLAIN QUERY PLAN " + one)]
        searches = [step for step in plan if "entry_lines" in step]
        assert len(searches) == 1
        assert not any("TEMP B-TREE" in step for step in plan), plan
        bound = ">" if one == pages[-1] else "<"
        for search in searches:
            assert search.startswith("SEARCH entry_lines USING PRIMARY KEY (month=? AND holder=?"), plan
            assert one == pages[0] or f"(requested_at,request_id){bound}(?,?)" in search.replace(" ", "")
    history.store.close()


@pytest.mark.parametrize(
    "moved",
    [
        {"holder": bytes(16)},
        {"requested_at": 1},
        {"request_id": f"{8:036}"},
        {"month": month_at(0) + 1},
        {"sealed": bytes(64)},
    ],
    ids=lambda moved: next(iter(moved)),
)
def test_a_line_opens_at_its_own_place_alone(moved: dict[str, object]) -> None:
    """A line says what the whole entry says, and does not open when it was altered or moved to another person, moment, exchange or month."""
    seals = Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    entry = row(ME, 0, 7)
    line = dict(zip(lines.ROW, lines.values(seals, entry), strict=True))
    assert _opened(seals, line) == [Entry.of(entry)]
    answered = entry._replace(answered_at=5, row="P07")
    assert _opened(seals, dict(zip(lines.ROW, lines.values(seals, answered), strict=True))) == [Entry.of(answered)]
    with pytest.raises(VaultError):
        _opened(seals, line | moved)


def test_no_length_of_a_line_tells_what_it_says() -> None:
    """Lines of every procedure and outcome are equally long, whichever of the world's institutions they name."""
    seals = Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    pairs = [
        ("nhi-480029", "tax-480011"),
        ("union-39480017", "insurer-06480016"),
        ("welfare-480045", "residency-480053"),
    ]
    told = [
        row(ME, 0, 7)._replace(
            requester=requester, provider=provider, affair=one.affair.code, procedure=one.procedure.code, item=one.item,
            row=one.id, outcome=outcome, answered_at=answered,
        )
        for one in BOOK.rows.values()
        for requester, provider in pairs
        for outcome, answered in ((exchange_pb2.OUTCOME_ANSWERED, 5), (exchange_pb2.OUTCOME_EXPIRED, None))
    ]  # fmt: skip
    assert len({len(lines.values(seals, one)[-1]) for one in told}) == 1


@given(st.builds(Codes, *[st.text(max_size=40)] * 5, st.none() | st.text(max_size=9), st.integers(0, 2**31 - 1)))
def test_a_line_keeps_whatever_codes_there_are(codes: Codes) -> None:
    """Codes unlike the world's own come back whole too."""
    seals = Seals(Vault(Path("nowhere"), month_at(0), bytes(32)))
    entry = row(ME, 0, 7)._replace(**codes._asdict())
    assert _opened(seals, dict(zip(lines.ROW, lines.values(seals, entry), strict=True))) == [Entry.of(entry)]


def _opened(seals: Seals, line: Mapping[str, Any]) -> list[Entry]:
    return lines.opened(seals.vault, {line["month"]: line["holder"]}, [tuple(line[name] for name in lines.TOLD)])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=st.lists(st.tuples(st.sampled_from([ME, OTHER]), st.sampled_from(TIMES)), max_size=12),
    after=st.lists(st.tuples(st.sampled_from([ME, OTHER]), st.sampled_from(TIMES)), max_size=12),
    size=st.integers(1, 4),
    forgotten=st.booleans(),
)
def test_what_is_kept_of_a_person_s_months_hides_nothing(
    before: list[tuple[bytes, int]], after: list[tuple[bytes, int]], size: int, *, forgotten: bool
) -> None:
    """Pages are whole once it was kept in which months somebody has entries, whatever arrived after that; it is sealed by the oldest month's key and gone with it."""
    rows = [row(subject, time, number) for number, (subject, time) in enumerate([*before, *after])]
    history = stored(rows[: len(before)])
    vault = history.seals.vault

    def keep(connection) -> None:
        connection.execute(accounts.insert(), {"account": "a", "opened_at": 0})
        connection.execute(account_subjects.insert(), {"subject": ME, "account": "a", "claimed_at": 0})
        arrived, held = history._look(connection, ME)
        holds.keep(connection, vault, ME, held, arrived)

    history.store.read(keep)
    own = {one.month for one in rows[: len(before)] if one.subject == ME}
    assert own <= set(history.store.read(lambda c: holds.months(c, vault, ME)))
    add(history.store, history.seals, rows[len(before) :])
    if forgotten:
        vault._first, vault._link, vault._keys = month_at(0) + 1, later(vault._link, 1), {}
        vault._tag.cache_clear()
        assert history.store.read(lambda c: holds.is_behind(c, vault, ME))
    found, page = [], history.page([ME], size=size)
    found += page.entries
    while page.older:
        page = history.page([ME], before=page.older, size=size)
        found += page.entries
    left = [one for one in rows if one.subject == ME and one.month >= vault.first]
    assert [one.request_id for one in found] == [
        one.request_id for one in sorted(left, key=lambda one: (one.requested_at, one.request_id), reverse=True)
    ]
    history.store.close()


@pytest.mark.parametrize("codes", [(), (ME,), (ME, ALSO_ME), (ALSO_ME, OTHER)], ids=repr)
@pytest.mark.parametrize("known", [False, True], ids=["nothing kept", "months kept"])
def test_a_page_of_an_account_is_that_of_its_codes(codes: tuple[bytes, ...], *, known: bool) -> None:
    """An account's page shows what all codes of its holder show and nobody else's, whether the codes were looked up with the session or not."""
    rows = [row((ME, ALSO_ME, OTHER)[number % 3], time, number) for number, time in enumerate(TIMES * 4)]
    history = stored(rows[:12])
    token = b"t" * 32

    def open_account(connection: Connection) -> None:
        connection.execute(accounts.insert(), {"account": "a", "opened_at": 0})
        connection.execute(
            sessions.insert(),
            {"token_hash": token, "account": "a", "opened_at": 1, "seen_at": 2, "serial": "s", "kiosk": False},
        )
        for code in codes:
            connection.execute(account_subjects.insert(), {"subject": code, "account": "a", "claimed_at": 0})
            arrived, held = history._look(connection, code)
            if known:
                holds.keep(connection, history.seals.vault, code, held, arrived)

    history.store.read(open_account)
    add(history.store, history.seals, rows[12:])
    beside = [found[6:] for found in history.store.read(lambda c: holds.BESIDE.rows(c, (token,)))]
    assert {found[2] for found in beside} == set(codes or [None])
    for size in (3, 50):
        told = history.page(codes, size=size)
        for whose in ("a", beside):
            assert history.page_of(whose, None, None, size, EVERYTHING) == told
            if told.older is not None:
                older = history.page_of(whose, told.older, None, size, EVERYTHING)
                assert older == history.page(codes, before=told.older, size=size)
    history.store.close()


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
