"""The store: what is durable when, who is told of what, and what a reader sees."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, create_engine, delete, event, func, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from warifu.interim.schema import metadata
from warifu.kernel import engines
from warifu.kernel.failures import is_store_trouble
from warifu.kernel.store import Store, StoreClosedError, sqlite_url

METADATA = MetaData()
THING = Table("thing", METADATA, Column("id", Integer, primary_key=True), Column("data", LargeBinary))
COUNT = select(func.count()).select_from(THING)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Of a database that is still empty."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "s.db")
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def store(url: URL) -> Iterator[Store]:
    """A fresh store."""
    yield from opened(url)


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    """A fresh store in a file, for what is so on SQLite alone."""
    yield from opened(sqlite_url(tmp_path / "s.db"))


@pytest.fixture
def server_store(postgres_database: URL) -> Iterator[Store]:
    """A fresh store on PostgreSQL, for what is so there alone."""
    yield from opened(postgres_database)


def opened(url: URL) -> Iterator[Store]:
    """A store with its tables, closed at the end."""
    store = Store(url, METADATA)
    store.create()
    yield store
    store.close()


def put(number: int):
    """A write of one row, which returns 1."""
    return lambda connection: connection.execute(insert(THING), {"id": number}) and 1


def ids(store: Store) -> list[int]:
    """The rows, by a read of the store."""
    return store.read(lambda connection: list(connection.scalars(select(THING.c.id).order_by(THING.c.id))))


def committed(url: URL) -> list[int]:
    """The rows as another process would find them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.scalars(select(THING.c.id).order_by(THING.c.id)))
    engine.dispose()
    return found


async def test_what_was_awaited_is_there_for_everybody(store: Store, url: URL) -> None:
    """After `write` returns, this store's reader and any other process see the row."""
    assert await store.write(put(1)) == 1
    assert ids(store) == [1]
    assert committed(url) == [1]


async def test_a_reader_never_stays_in_an_old_snapshot(store: Store) -> None:
    """A read sees what was committed after an earlier read on the same connection."""
    assert ids(store) == []
    await store.write(put(1))
    assert ids(store) == [1]


async def test_a_failing_write_harms_no_other(store: Store) -> None:
    """Writes that wait together: the one that breaks a rule is told and undone, the others are kept."""
    await store.write(put(5))
    hold = hold_writer(store)

    def half(connection) -> None:
        put(100)(connection)
        raise ValueError("changed my mind")

    waiting = asyncio.gather(
        store.write(put(1)), store.write(put(5)), store.write(half), store.write(put(2)), return_exceptions=True
    )
    await asyncio.sleep(0)
    hold.set()
    first, clash, changed, last = await waiting
    assert (first, last) == (1, 1)
    assert isinstance(clash, IntegrityError)
    assert isinstance(changed, ValueError)
    assert ids(store) == [1, 2, 5]


async def test_a_failing_lone_write_is_undone(store: Store) -> None:
    """A write that raises half-way leaves nothing."""

    def half(connection) -> None:
        put(1)(connection)
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await store.write(half)
    assert ids(store) == []


async def test_those_who_wait_share_one_commit(store: Store) -> None:
    """Writes queued while one runs go into a single transaction."""
    before = store.lines._committed.commits.count
    hold = hold_writer(store)
    waiting = asyncio.gather(*(store.write(put(number)) for number in range(100)))
    await asyncio.sleep(0)
    hold.set()
    await waiting
    assert store.lines._committed.commits.count - before == 2  # the one that held the writer, and all the others
    assert ids(store) == list(range(100))


@contextmanager
def commits_refused(store: Store) -> Iterator[None]:
    """Whatever is to be committed meanwhile fails: by SQLite's own authorizer, or as PostgreSQL would tell it."""
    writer = store.lines._writer
    if writer is None:

        def refuse(connection) -> None:
            raise OperationalError("COMMIT", {}, Exception("disk full"))

        event.listen(store.lines._write_engine, "commit", refuse)
        yield
        event.remove(store.lines._write_engine, "commit", refuse)
    else:
        writer._driver.set_authorizer(
            lambda _, word, *rest: sqlite3.SQLITE_DENY if word == "COMMIT" else sqlite3.SQLITE_OK
        )
        yield
        writer._driver.set_authorizer(None)


async def test_a_failed_commit_is_told_to_all(store: Store) -> None:
    """When the commit itself fails, no caller believes in its row."""
    hold = hold_writer(store)
    waiting = asyncio.gather(store.write(put(1)), store.write(put(2)), return_exceptions=True)
    await asyncio.sleep(0)
    with commits_refused(store):
        hold.set()
        results = await waiting
    assert all(isinstance(result, DatabaseError) for result in results)
    await store.write(put(3))
    assert ids(store) == [3]


async def test_a_full_database_loses_nothing_that_was_told(file_store: Store) -> None:
    """When SQLite itself runs out of room, those whose rows did not fit are told, the others keep theirs, and room brings it back."""

    def limit_pages(pages: int):
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()

    def large(number: int):
        return lambda connection: connection.execute(insert(THING), {"id": number, "data": bytes(8_000)}) and number

    await file_store.write(limit_pages(30))
    results = await asyncio.gather(*(file_store.write(large(number)) for number in range(40)), return_exceptions=True)
    told = [result for result in results if isinstance(result, int)]
    assert {type(result) for result in results} <= {int, OperationalError}
    assert 0 < len(told) < 40 or not ids(file_store)
    assert sorted(told) == ids(file_store)
    await file_store.write(limit_pages(10_000))
    assert await file_store.write(large(99)) == 99
    assert ids(file_store) == [*sorted(told), 99]


async def test_a_cancelled_caller_stops_nobody(store: Store) -> None:
    """Cancelling one who waits neither breaks the writer nor loses the others."""
    hold = hold_writer(store)
    first, second = asyncio.ensure_future(store.write(put(1))), asyncio.ensure_future(store.write(put(2)))
    await asyncio.sleep(0)
    first.cancel()
    hold.set()
    assert await second == 1
    assert 2 in ids(store)


async def test_closing_finishes_what_is_queued(store: Store, url: URL) -> None:
    """Close waits for queued writes, and refuses later ones."""
    waiting = [asyncio.ensure_future(store.write(put(number))) for number in range(20)]
    await asyncio.sleep(0)
    store.close()
    await asyncio.gather(*waiting)
    assert committed(url) == list(range(20))
    with pytest.raises(StoreClosedError):
        await store.write(put(99))


async def test_what_is_erased_leaves_the_files(file_store: Store, tmp_path: Path) -> None:
    """After an erasure and `truncate_log` the bytes are in neither the database nor its log."""
    secret = b"72834619205-resident"
    await file_store.write(lambda connection: connection.execute(insert(THING), {"id": 1, "data": secret}))
    await file_store.write(lambda connection: connection.execute(delete(THING)))
    assert await file_store.truncate_log()
    left = contents(tmp_path)
    assert left
    assert secret not in left


async def test_a_broken_read_does_not_break_the_next(store: Store) -> None:
    """A read that raises leaves the reader usable."""
    with pytest.raises(DatabaseError):
        store.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nothing"))
    assert ids(store) == []


@pytest.mark.parametrize("damage", ["removed", "overwritten"])
async def test_check_sees_a_store_that_is_gone(file_store: Store, tmp_path: Path, damage: str) -> None:
    """The health check fails for a file that was removed or overwritten, though the process still has it open."""
    file_store.check()
    path = tmp_path / "s.db"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises((OSError, DatabaseError)):
        file_store.check()


async def test_values_do_not_get_into_error_texts(store: Store) -> None:
    """An exception's text and its causes' name the statement, not the values that it was given or met."""
    row = {"id": 72834619, "data": b"taro"}
    await store.write(lambda connection: connection.execute(insert(THING), row))
    with pytest.raises(IntegrityError) as clash:
        await store.write(lambda connection: connection.execute(insert(THING), row))
    text = "".join(traceback.format_exception(clash.value))
    assert "INSERT INTO thing" in text
    assert "taro" not in text.replace('b"taro"', "")
    assert b"taro".hex() not in text
    assert "72834619" not in text.replace('{"id": 72834619', "")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=30))
def test_the_store_holds_exactly_what_callers_were_told(url: URL, plan: list) -> None:
    """Whatever mix of writes fails or clashes, the rows are those of the writes that returned, each once."""

    async def play() -> tuple[set[int], list[int]]:
        store = Store(url, METADATA)
        store.create()
        await store.write(lambda connection: connection.execute(delete(THING)))

        def change(number: int, fails: bool):
            def run(connection) -> int:
                put(number)(connection)
                if fails:
                    raise ValueError
                return number

            return run

        results = await asyncio.gather(*(store.write(change(*step)) for step in plan), return_exceptions=True)
        rows = ids(store)
        store.close()
        return {result for result in results if isinstance(result, int)}, rows

    told, rows = asyncio.run(play())
    assert sorted(told) == rows


WRITER = """
import asyncio, sys
from sqlalchemy import Column, Integer, MetaData, Table, insert
from warifu.kernel.store import Store
metadata = MetaData()
thing = Table("thing", metadata, Column("id", Integer, primary_key=True), Column("data", Integer))
async def main():
    store = Store(sys.argv[1], metadata)
    store.create()
    async def one(number):
        await store.write(lambda connection: connection.execute(insert(thing), {"id": number}))
        print(number, flush=True)
    for start in range(0, 100000, 16):
        await asyncio.gather(*(one(number) for number in range(start, start + 16)))
asyncio.run(main())
"""


def test_what_was_told_survives_a_kill(url: URL) -> None:
    """After kill -9 every row whose write had returned is in the database."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(url)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(200)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.communicate()[0].splitlines() if line.isdigit()][:-1]
    assert set(told) <= set(committed(url))


class TestSeveralProcesses:
    """More than one store on one database."""

    async def test_numbers_are_given_in_the_order_in_which_rows_appear(self, url: URL, store: Store) -> None:
        """Who pages after the highest number seen misses no row, however many write at the same time."""
        numbered = MetaData()
        table = Table(
            "numbered", numbered, Column("n", Integer, primary_key=True, autoincrement=True), sqlite_autoincrement=True
        )
        stores = [Store(url, numbered) for _ in range(3)]
        stores[0].create()

        def add(connection) -> None:
            connection.execute(insert(table))
            time.sleep(0.001)  # the number is taken, the commit is still to come

        def rows_after(number, connection) -> list[int]:
            return list(connection.scalars(select(table.c.n).where(table.c.n > number).order_by(table.c.n)))

        seen: list[int] = []

        async def read_on() -> None:
            while len(seen) < 60:
                seen.extend(stores[0].read(partial(rows_after, seen[-1] if seen else 0)))
                await asyncio.sleep(0)

        async def write_on(store: Store) -> None:
            for _ in range(20):
                await store.write(add)

        await asyncio.wait_for(asyncio.gather(read_on(), *(write_on(one) for one in stores)), 60)
        assert seen == stores[0].read(partial(rows_after, 0))
        for one in stores:
            one.close()

    async def test_what_a_write_read_stays_true_until_it_commits(self, url: URL, store: Store) -> None:
        """Counting up from what is there, two processes never count the same."""
        other = Store(url, METADATA)

        def count_up(connection) -> int:
            highest = connection.scalar(select(func.max(THING.c.id))) or 0
            time.sleep(0.001)
            connection.execute(insert(THING), {"id": highest + 1})
            return highest + 1

        told = await asyncio.gather(*(one.write(count_up) for one in (store, other) for _ in range(20)))
        assert sorted(told) == ids(store) == list(range(1, 41))
        other.close()

    async def test_tables_are_made_once_by_all_who_start_together(self, url: URL) -> None:
        """Several processes that find an empty database make its tables without an error."""
        stores = [Store(url, METADATA) for _ in range(4)]
        await asyncio.gather(*(asyncio.to_thread(one.create) for one in stores))
        for one in stores:
            await one.write(put(stores.index(one)))
            one.close()


class TestServer:
    """What can happen to a database server."""

    async def test_a_restart_is_unseen_by_reads_and_writes_after_it(self, postgres_server, server_store: Store) -> None:
        """After the server crashed and came back, the next read and the next write work, and what was told is there."""
        if postgres_server.process is None:
            pytest.skip("the server is not ours to restart")
        await server_store.write(put(1))
        postgres_server.restart()
        assert ids(server_store) == [1]
        server_store.check()
        await server_store.write(put(2))
        assert ids(server_store) == [1, 2]

    async def test_a_server_that_is_gone_is_told_and_its_return_is_found(
        self, postgres_server, server_store: Store
    ) -> None:
        """Without a server reads, writes and the check fail as trouble of the store; with it they work again."""
        if postgres_server.process is None:
            pytest.skip("the server is not ours to stop")
        postgres_server.stop()
        for attempt in (lambda: ids(server_store), server_store.check):
            with pytest.raises(OperationalError) as trouble:
                attempt()
            assert is_store_trouble(trouble.value)
        with pytest.raises(OperationalError):
            await server_store.write(put(1))
        postgres_server.start()
        server_store.check()
        await server_store.write(put(2))
        assert ids(server_store) == [2]

    async def test_a_connection_that_is_cut_in_a_write_undoes_all_who_shared_it(
        self, postgres_server, postgres_database: URL, server_store: Store
    ) -> None:
        """Everybody in that commit is told, as of trouble of the store; nothing of it is kept; the next write works."""
        hold = hold_writer(server_store)

        def cut(connection) -> None:
            put(2)(connection)
            postgres_server.terminate(postgres_database.database)
            put(3)(connection)

        waiting = asyncio.gather(*(server_store.write(one) for one in (put(1), cut, put(4))), return_exceptions=True)
        await asyncio.sleep(0)
        hold.set()
        told = await waiting
        assert [is_store_trouble(one) for one in told] == [True] * 3
        assert ids(server_store) == []
        assert await server_store.write(put(5)) == 1
        assert ids(server_store) == [5]

    async def test_a_writer_that_stands_still_loses_its_turn(self, postgres_database: URL, monkeypatch) -> None:
        """A process that is paused within a transaction holds up the others no longer than the server allows, and commits nothing late."""
        monkeypatch.setattr(engines, "_PAUSE", "500ms")  # far more than the other needs between two of its statements
        paused, other = Store(postgres_database, METADATA), Store(postgres_database, METADATA)
        holding, release = threading.Event(), threading.Event()
        paused.create()

        def stand_still(connection) -> None:
            put(1)(connection)
            holding.set()
            assert release.wait(60)

        waiting = asyncio.ensure_future(paused.write(stand_still))
        assert await asyncio.to_thread(holding.wait, 60)
        assert await other.write(put(2)) == 1
        release.set()
        with pytest.raises(DBAPIError) as trouble:
            await waiting
        assert is_store_trouble(trouble.value)
        assert ids(other) == [2]
        paused.close()
        other.close()

    async def test_a_database_that_does_not_wait_for_the_disk_is_made_to(self, postgres_database: URL) -> None:
        """Where a database's default is not to wait for durability, the store's connections wait all the same."""
        engine = create_engine(postgres_database, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {postgres_database.database} SET synchronous_commit = off")
        engine.dispose()
        store = Store(postgres_database, METADATA)
        setting = await store.write(lambda connection: connection.exec_driver_sql("SHOW synchronous_commit").scalar())
        store.close()
        assert setting == "on"


def contents(folder: Path) -> bytes:
    """All bytes of the database's files."""
    return b"".join(path.read_bytes() for path in folder.glob("s.db*"))


def hold_writer(store: Store) -> threading.Event:
    """Keep the writer busy until the event is set, so that what follows queues up."""
    release, busy = threading.Event(), threading.Event()

    def wait(connection) -> None:
        busy.set()
        assert release.wait(60)

    asyncio.get_running_loop().create_task(store.write(wait)).add_done_callback(lambda task: task.exception())
    asyncio.get_running_loop().call_soon(busy.wait)
    return release


def test_an_empty_file_gets_what_sqlalchemy_would_lay(tmp_path):
    """The tables and indexes of a new SQLite file are those that `create_all` makes, in its order, also in the second file of a process."""
    plain = create_engine(sqlite_url(tmp_path / "plain.db"))
    metadata.create_all(plain)
    plain.dispose()
    for name in ("first.db", "second.db"):
        store = Store(sqlite_url(tmp_path / name), metadata)
        store.create()
        store.close()
    laid = []
    for name in ("plain.db", "first.db", "second.db"):
        with closing(sqlite3.connect(tmp_path / name)) as opened:
            laid.append(opened.execute("SELECT type, name, sql FROM sqlite_master ORDER BY rowid").fetchall())
    assert laid[0]
    assert laid[0] == laid[1] == laid[2]
