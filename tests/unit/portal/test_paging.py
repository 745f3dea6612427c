"""Reading the history from its store: pages that are the sorted list cut up, lines that open at their own place alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text
from unit.portal.lab import BOOK

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.months import month_at
from warifu.kernel.partitions import Months
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault, VaultError, later
from warifu.portal.history import holds, keeping, lines
from warifu.portal.history.entries import Codes, Entry
from warifu.portal.history.filters import EVERYTHING
from warifu.portal.history.queries import History
from warifu.portal.history.schema import lines as listed
from warifu.portal.history.schema import marks
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
