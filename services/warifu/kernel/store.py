"""One database of one party: inline reads, grouped writes.

Writes that queue while one commit runs go into the next one together, each in a savepoint, so that one fsync serves all who wait
and a failing write harms no other. There is no timer: a lone write commits at once. Reads run on a connection of their own in the
calling thread; they take tens of microseconds and see only committed rows.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

T = TypeVar("T")

GROUP_LIMIT = 512
"""Most writes in one commit: bounds how long a waiting caller's latency can grow."""


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


def _pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # FULL: a commit is on the disk before it is told. secure_delete: what is erased is erased from the file.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.isolation_level = None  # type: ignore[attr-defined]


def _engine(url: URL | str) -> Engine:
    sqlite = str(url).startswith("sqlite")
    options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}} if sqlite else {}
    engine = create_engine(url, **options)
    if sqlite:
        event.listen(engine, "connect", _pragmas)
        # pysqlite's own transaction handling starts none before SELECT and breaks savepoints; SQLAlchemy documents this remedy.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


class Store:
    """A database with its schema. Use from one event loop; `close` when done.

    Invariant: only the writer thread writes; an awaited `write` returns after its rows are durable.
    """

    def __init__(self, url: URL | str, metadata: MetaData) -> None:
        self.metadata = metadata
        self._read_engine = _engine(url)
        self._write_engine = _engine(url)
        self._reader = self._read_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def create(self) -> None:
        """Create the tables that are missing. For new state and tests; existing state is upgraded by migrations."""
        with self._write_engine.begin() as connection:
            self.metadata.create_all(connection)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a read inline and return its result, which must not hold on to the connection."""
        return query(self._reader)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` in the next commit and return its result once that is durable.

        Raises whatever `change` raised (its own writes are then undone), or the database's error if the commit failed.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(change, future))
        return await future

    def check(self) -> None:
        """Raise the database's error when the store cannot be read."""
        self._reader.execute(text("SELECT 1 FROM " + next(iter(self.metadata.sorted_tables)).name + " LIMIT 1"))

    def close(self) -> None:
        """Finish what is queued, then close."""
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        self._read_engine.dispose()
        self._write_engine.dispose()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs, last = [job], False
            while len(jobs) < GROUP_LIMIT and not last:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                last = following is None
                if following is not None:
                    jobs.append(following)
            self._commit(jobs)
            if last:
                return

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self._write_engine.begin() as connection:
                for job in jobs:
                    job.run(connection, alone=len(jobs) == 1)
        except Exception as error:  # noqa: BLE001 - the commit failed for all; each caller is told
            for job in jobs:
                job.fail(error)
        for job in jobs:
            job.resolve()


class _Job:
    """One queued write and who waits for it."""

    __slots__ = ("_change", "_error", "_future", "_result")

    def __init__(self, change: Callable[[Connection], object], future: asyncio.Future[T]) -> None:
        self._change = change
        self._future: asyncio.Future[object] = future  # type: ignore[assignment]
        self._result: object = None
        self._error: BaseException | None = None

    def run(self, connection: Connection, *, alone: bool) -> None:
        if alone:  # nothing shares the transaction, so it is its own savepoint
            self._result = self._change(connection)
            return
        savepoint = connection.begin_nested()
        try:
            self._result = self._change(connection)
        except Exception as error:  # noqa: BLE001 - told to this caller alone
            savepoint.rollback()
            self._error = error
        else:
            savepoint.commit()

    def fail(self, error: BaseException) -> None:
        self._error = self._error or error

    def resolve(self) -> None:
        loop = self._future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self._future.cancelled():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result)
