"""One database of one party: inline reads, grouped writes.

Writes that queue while one commit runs go into the next one together, each in a savepoint, so that one fsync serves all who wait
and a failing write harms no other. There is no timer: a lone write commits at once. Reads run on a connection of their own in the
calling thread and see only committed rows; they take tens of microseconds on SQLite, and on PostgreSQL a round trip to the server, during
which the event loop waits.

Several processes may have a store on one database: one of them writes at a time, so what a write read stays true until it commits.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, MetaData, Select, literal, select
from sqlalchemy.engine import URL, make_url

from warifu.kernel import engines

T = TypeVar("T")

GROUP_LIMIT: Final = 512
"""Most writes in one commit: bounds how long a waiting caller's latency can grow."""
_SQLITE_MAGIC: Final = b"SQLite format 3\0"


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


class StoreClosedError(RuntimeError):
    """The store was closed; nothing was written."""


class Store:
    """A database with its schema. Use from one event loop; `close` when done.

    Invariant: only the writer thread writes; an awaited `write` returns after its rows are durable.
    """

    def __init__(self, url: URL | str, metadata: MetaData) -> None:
        self.metadata = metadata
        self._url = make_url(url)
        self._read_engine = engines.reading(self._url)
        self._write_engine = engines.writing(self._url)
        self._reader = self._read_engine.connect()
        self._probe = _probe(metadata)
        self._file = _watched(self._url)
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def create(self) -> None:
        """Create the tables that are missing. For new state and tests; existing state is upgraded by migrations."""
        with self._writing, engines.transaction(self._write_engine) as connection:
            self.metadata.create_all(connection)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a read inline and return its result, which must not hold on to the connection.

        Raises whatever `query` or the database raises. A connection that was lost is replaced and `query` run again, once.
        """
        try:
            return query(self._reader)
        except Exception as error:
            self._reader.rollback()  # else a lost connection would stay lost: the next read shall try anew
            if not engines.is_lost(error):
                raise
        return query(self._reader)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` in the next commit and return its result once that is durable.

        `change` runs on the writer's thread. A caller that is cancelled does not undo it.

        Raises whatever `change` raised (its own writes are then undone), or the database's error if the commit failed. When the
        connection to a server is lost during the commit, nobody knows whether it happened, as after a crash.
        """
        return await self._enqueue(change, alone=False)

    async def truncate_log(self) -> bool:
        """Empty SQLite's write-ahead log into the database, so that what was erased is in neither file.

        Nothing is done on PostgreSQL: there the files keep what was erased until the server has vacuumed and overwritten the pages.

        Returns:
            False when another process was reading just then; try again later.
        """
        if self._url.get_backend_name() != "sqlite":
            return True
        return await self._enqueue(lambda _: _checkpoint(self._write_engine), alone=True)

    def check(self) -> None:
        """Raise the database's or system's error when the store cannot be read."""
        if self._file is not None:
            # A process keeps reading a file that was removed, and from its cache one that was overwritten: look at the file itself.
            path, kept = str(self._url.database), os.fstat(self._file)
            if (there := Path(path).stat()).st_ino != kept.st_ino or there.st_dev != kept.st_dev:
                raise OSError(f"{path} was replaced by another file")
            if (start := os.pread(self._file, len(_SQLITE_MAGIC), 0)) not in {_SQLITE_MAGIC, b""}:
                raise OSError(f"{path} is no database any more: it begins with {start!r}")
        self.read(lambda connection: connection.execute(self._probe).first())

    def close(self) -> None:
        """Finish what is queued, then close; a later `write` raises StoreClosedError."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        self._read_engine.dispose()
        self._write_engine.dispose()
        if self._file is not None:
            os.close(self._file)

    async def _enqueue(self, change: Callable[[Any], T], *, alone: bool) -> T:
        if self._closed:
            raise StoreClosedError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(change, future, alone=alone))
        return await future

    def _work(self) -> None:
        waiting: _Job | None = None
        while (job := waiting or self._queue.get()) is not None:
            jobs, waiting, last = [job], None, False
            while not job.alone and len(jobs) < GROUP_LIMIT:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None or following.alone:
                    waiting, last = following, following is None
                    break
                jobs.append(following)
            with self._writing:
                self._commit(jobs)
            if last:
                return

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            if jobs[0].alone:
                jobs[0].run(None, shared=False)
            else:
                with engines.transaction(self._write_engine) as connection:
                    for job in jobs:
                        job.run(connection, shared=len(jobs) > 1)
        except Exception as error:  # noqa: BLE001 - the commit failed for all; each caller is told
            for job in jobs:
                job.fail(error)
        _resolve(jobs)


class _Job:
    """One queued write and who waits for it. With `alone` it runs outside a transaction and gets no connection."""

    __slots__ = ("_change", "_error", "_future", "_result", "alone")

    def __init__(self, change: Callable[[Any], object], future: asyncio.Future[T], *, alone: bool) -> None:
        self._change = change
        self._future: asyncio.Future[object] = future  # type: ignore[assignment]
        self._result: object = None
        self._error: BaseException | None = None
        self.alone = alone

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._future.get_loop()

    def run(self, connection: Connection | None, *, shared: bool) -> None:
        if not shared or connection is None:  # nothing shares the transaction, so it is its own savepoint
            self._result = self._change(connection)
            return
        savepoint = connection.begin_nested()
        try:
            self._result = self._change(connection)
        except Exception as error:
            if engines.is_lost(error):  # and all that the others wrote: told to everybody
                raise
            savepoint.rollback()  # told to this caller alone
            self._error = error
        else:
            savepoint.commit()

    def fail(self, error: BaseException) -> None:
        self._error = self._error or error

    def settle(self) -> None:
        if self._future.cancelled():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result)


def _resolve(jobs: list[_Job]) -> None:
    """Tell every caller, waking each event loop once."""
    loops = {job.loop for job in jobs}
    for loop in loops:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, [job for job in jobs if job.loop is loop])


def _settle(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        job.settle()


def _checkpoint(engine: Engine) -> bool:
    """Not through SQLAlchemy's connection, which would begin a transaction first."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = cursor.fetchone()
        cursor.close()
    finally:
        connection.close()
    return busy is not None and busy[0] == 0


def _watched(url: URL) -> int | None:
    """A descriptor of a SQLite file, to look at it by; None elsewhere.

    It stays open as long as the store. A POSIX lock belongs to the process, and closing *any* descriptor of a file drops all of them:
    SQLite's too, after which another process that closes the database would delete the write-ahead log under us
    (sqlite.org/howtocorrupt.html §2.2).
    """
    path = url.database
    if url.get_backend_name() != "sqlite" or not path or path == ":memory:":
        return None
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _probe(metadata: MetaData) -> Select[Any]:
    """A statement that reads one row of some table."""
    tables = metadata.sorted_tables
    return select(literal(1)).select_from(tables[0]).limit(1) if tables else select(literal(1))
