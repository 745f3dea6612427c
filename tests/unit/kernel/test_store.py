"""The store: what is durable when, who is told of what, and what a reader sees."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, create_engine, delete, event, func, insert, select
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from warifu.kernel.store import Store, StoreClosedError, sqlite_url

METADATA = MetaData()
THING = Table("thing", METADATA, Column("id", Integer, primary_key=True), Column("data", LargeBinary))
COUNT = select(func.count()).select_from(THING)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A fresh store."""
    store = Store(sqlite_url(tmp_path / "s.db"), METADATA)
    store.create()
    yield store
    store.close()


def put(number: int):
    """A write of one row."""
    return lambda connection: connection.execute(insert(THING), {"id": number}).rowcount


def ids(store: Store) -> list[int]:
    """The rows, by a read of the store."""
    return store.read(lambda connection: list(connection.scalars(select(THING.c.id).order_by(THING.c.id))))


def committed(path: Path) -> list[int]:
    """The rows as another process would find them."""
    engine = create_engine(sqlite_url(path))
    with engine.connect() as connection:
        found = list(connection.scalars(select(THING.c.id).order_by(THING.c.id)))
    engine.dispose()
    return found


async def test_what_was_awaited_is_there_for_everybody(store: Store, tmp_path: Path) -> None:
    """After `write` returns, this store's reader and any other process see the row."""
    assert await store.write(put(1)) == 1
    assert ids(store) == [1]
    assert committed(tmp_path / "s.db") == [1]


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
    commits = []
    event.listen(store._write_engine, "commit", lambda connection: commits.append(1))
    hold = hold_writer(store)
    waiting = asyncio.gather(*(store.write(put(number)) for number in range(100)))
    await asyncio.sleep(0)
    hold.set()
    await waiting
    assert len(commits) == 2  # the one that held the writer, and all the others
    assert ids(store) == list(range(100))


async def test_a_failed_commit_is_told_to_all(store: Store) -> None:
    """When the commit itself fails, no caller believes in its row."""

    def refuse(connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    hold = hold_writer(store)
    waiting = asyncio.gather(store.write(put(1)), store.write(put(2)), return_exceptions=True)
    await asyncio.sleep(0)
    event.listen(store._write_engine, "commit", refuse)
    hold.set()
    results = await waiting
    event.remove(store._write_engine, "commit", refuse)
    assert all(isinstance(result, OperationalError) for result in results)
    await store.write(put(3))
    assert ids(store) == [3]


async def test_a_full_database_loses_nothing_that_was_told(store: Store) -> None:
    """When SQLite itself runs out of room, those whose rows did not fit are told, the others keep theirs, and room brings it back."""

    def limit_pages(pages: int):
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()

    def large(number: int):
        return lambda connection: connection.execute(insert(THING), {"id": number, "data": bytes(8_000)}) and number

    await store.write(limit_pages(30))
    results = await asyncio.gather(*(store.write(large(number)) for number in range(40)), return_exceptions=True)
    told = [result for result in results if isinstance(result, int)]
    assert {type(result) for result in results} <= {int, OperationalError}
    assert 0 < len(told) < 40 or not ids(store)
    assert sorted(told) == ids(store)
    await store.write(limit_pages(10_000))
    assert await store.write(large(99)) == 99
    assert ids(store) == [*sorted(told), 99]


async def test_a_cancelled_caller_stops_nobody(store: Store) -> None:
    """Cancelling one who waits neither breaks the writer nor loses the others."""
    hold = hold_writer(store)
    first, second = asyncio.ensure_future(store.write(put(1))), asyncio.ensure_future(store.write(put(2)))
    await asyncio.sleep(0)
    first.cancel()
    hold.set()
    assert await second == 1
    assert 2 in ids(store)


async def test_closing_finishes_what_is_queued(store: Store, tmp_path: Path) -> None:
    """Close waits for queued writes, and refuses later ones."""
    waiting = [asyncio.ensure_future(store.write(put(number))) for number in range(20)]
    await asyncio.sleep(0)
    store.close()
    await asyncio.gather(*waiting)
    assert committed(tmp_path / "s.db") == list(range(20))
    with pytest.raises(StoreClosedError):
        await store.write(put(99))


async def test_what_is_erased_leaves_the_files(store: Store, tmp_path: Path) -> None:
    """After an erasure and `truncate_log` the bytes are in neither the database nor its log."""
    secret = b"72834619205-resident"
    await store.write(lambda connection: connection.execute(insert(THING), {"id": 1, "data": secret}))
    await store.write(lambda connection: connection.execute(delete(THING)))
    assert await store.truncate_log()
    left = contents(tmp_path)
    assert left
    assert secret not in left


async def test_a_broken_read_does_not_break_the_next(store: Store) -> None:
    """A read that raises leaves the reader usable."""
    with pytest.raises(OperationalError):
        store.read(lambda connection: connection.exec_driver_sql("SELECT * FROM nothing"))
    assert ids(store) == []


@pytest.mark.parametrize("damage", ["removed", "overwritten"])
async def test_check_sees_a_store_that_is_gone(store: Store, tmp_path: Path, damage: str) -> None:
    """The health check fails for a file that was removed or overwritten, though the process still has it open."""
    store.check()
    path = tmp_path / "s.db"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises((OSError, DatabaseError)):
        store.check()


def test_values_do_not_get_into_error_texts(tmp_path: Path) -> None:
    """An exception's text names the statement, not the values that it was given."""

    async def clash() -> str:
        store = Store(sqlite_url(tmp_path / "v.db"), METADATA)
        store.create()
        row = {"id": 1, "data": b"taro"}
        await store.write(lambda connection: connection.execute(insert(THING), row))
        try:
            await store.write(lambda connection: connection.execute(insert(THING), row))
        except IntegrityError as error:
            return str(error)
        finally:
            store.close()
        return "no clash"

    text = asyncio.run(clash())
    assert "thing" in text
    assert "taro" not in text


@settings(max_examples=25, deadline=None)
@given(plan=st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=30))
def test_the_store_holds_exactly_what_callers_were_told(tmp_path_factory: pytest.TempPathFactory, plan: list) -> None:
    """Whatever mix of writes fails or clashes, the rows are those of the writes that returned, each once."""

    async def play() -> tuple[set[int], list[int]]:
        store = Store(sqlite_url(tmp_path_factory.mktemp("p") / "s.db"), METADATA)
        store.create()

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
from pathlib import Path
from sqlalchemy import Column, Integer, MetaData, Table, insert
from warifu.kernel.store import Store, sqlite_url
metadata = MetaData()
thing = Table("thing", metadata, Column("id", Integer, primary_key=True), Column("data", Integer))
async def main():
    store = Store(sqlite_url(Path(sys.argv[1])), metadata)
    store.create()
    async def one(number):
        await store.write(lambda connection: connection.execute(insert(thing), {"id": number}))
        print(number, flush=True)
    for start in range(0, 100000, 16):
        await asyncio.gather(*(one(number) for number in range(start, start + 16)))
asyncio.run(main())
"""


def test_what_was_told_survives_a_kill(tmp_path: Path) -> None:
    """After kill -9 every row whose write had returned is in the database."""
    path = tmp_path / "k.db"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(200)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.communicate()[0].splitlines() if line.isdigit()][:-1]
    assert set(told) <= set(committed(path))


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
