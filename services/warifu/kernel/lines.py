"""One database as one process uses it: a connection to read by, and a thread that writes by another.

Writes that queue while one commit runs go into the next one together, each in a savepoint, so that one fsync serves all who wait
and a failing write harms no other. There is no timer: a lone write commits at once.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from warifu.kernel import committed, engines, quick
from warifu.kernel.failures import is_store_trouble

T = TypeVar("T")

GROUP_LIMIT: Final = 512
"""Most writes in one commit: bounds how long a waiting caller's latency can grow."""


class StoreClosedError(RuntimeError):
    """The store was closed; nothing was written."""


class Lines:
    """The connections. Several stores of a process may lie in one database and share them: `hold` for each further one.

    Invariant: only the writer thread writes; an awaited `write` returns after its rows are durable.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self._committed = committed.begin()
        self._read_engine = engines.reading(url)
        self._write_engine = engines.writing(url)
        self._reader = quick.over(self._read_engine.connect())
        # On SQLite one connection for every commit: there is nothing to be lost and replaced, and opening one costs as much as a row.
        self._writer = None if url.get_backend_name() == engines.POSTGRES else quick.Quick(self._write_engine.connect())
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._holders = 1
        self.known: set[str] = set()
        """Names of tables that are there."""
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether the last holder has let go."""
        return self._holders == 0

    def hold(self) -> None:
        """Count one more holder, whose `close` is then expected."""
        self._holders += 1

    def at_once(self, change: Callable[[Connection], object]) -> None:
        """Run `change` in a transaction of its own, in the calling thread. For the time before anything is served."""
        with self._writing, engines.transaction(self._write_engine) as connection:
            change(connection)

    def read(self, query: Callable[[Connection], T]) -> T:
        """See `Store.read`."""
        try:
            return query(self._reader)
        except Exception as error:
            self._reader.rollback()  # else a lost connection would stay lost: the next read shall try anew
            if not engines.is_lost(error):
                raise
        return query(self._reader)

    def lay(self, content: sqlite3.Connection) -> None:
        """Replace all that a SQLite database holds by `content`, in one transaction. For test kits; nothing may be queued."""
        assert self._writer is not None
        with self._writing:
            content.backup(_driver(self._writer))

    def copy(self) -> sqlite3.Connection:
        """All that a SQLite database holds, in memory."""
        copied = sqlite3.connect(":memory:", check_same_thread=False)
        _driver(self._reader).backup(copied)
        return copied

    @property
    def version(self) -> int:
        """A number that changes when something was committed (SQLite's data_version)."""
        return int(_driver(self._reader).execute("PRAGMA data_version").fetchone()[0])

    async def write(self, change: Callable[[Any], T], *, alone: bool = False) -> T:
        """See `Store.write`; with `alone` it runs outside a transaction and gets the engine."""
        if self.closed:
            raise StoreClosedError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(change, future, alone=alone))
        return await future

    def close(self) -> None:
        """Let go; the last holder waits for what is queued, and the connections end."""
        if self.closed:
            return
        self._holders -= 1
        if self._holders:
            return
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
        self._read_engine.dispose()
        self._write_engine.dispose()

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

    def _transaction(self) -> AbstractContextManager[Any]:
        return engines.transaction(self._write_engine) if self._writer is None else self._writer.transaction()

    def _commit(self, jobs: list[_Job]) -> None:
        begun = time.perf_counter()
        try:
            if jobs[0].alone:
                jobs[0].run_alone(self._write_engine)
            else:
                with self._transaction() as connection:
                    for job in jobs:
                        job.run(connection, shared=len(jobs) > 1)
        except Exception as error:  # noqa: BLE001 - the commit failed for all; each caller is told
            if len(jobs) > 1 or not jobs[0].refused(error):
                self._committed.failures += 1
            for job in jobs:
                job.fail(error)
        else:
            self._committed.note(len(jobs), time.perf_counter() - begun)
        _resolve(jobs)


def _driver(connection: Connection | quick.Quick) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


class _Job:
    """One queued write and who waits for it. With `alone` it runs outside a transaction and gets the engine."""

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

    def run_alone(self, engine: Engine) -> None:
        self._result = self._change(engine)

    def run(self, connection: Connection, *, shared: bool) -> None:
        if not shared:  # nothing shares the transaction, so it is its own savepoint
            try:
                self._result = self._change(connection)
            except Exception as error:
                self._error = error
                raise
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

    def refused(self, error: Exception) -> bool:
        """Whether it was the change alone that wanted nothing written, as it may in a savepoint: the transaction did not fail."""
        return error is self._error and not (engines.is_lost(error) or is_store_trouble(error))

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
