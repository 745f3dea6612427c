"""One database of one party: inline reads, grouped writes.

Writes that queue while one commit runs go into the next one together (`warifu.kernel.lines`). Reads run on a connection of their own in the
calling thread and see only committed rows; they take tens of microseconds on SQLite, and on PostgreSQL a round trip to the server, during
which the event loop waits.

Several processes may have a store on one database: one of them writes at a time, so what a write read stays true until it commits.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, MetaData, Select, create_mock_engine, inspect, literal, select
from sqlalchemy.engine import URL, make_url

from warifu.kernel import monthly  # noqa: F401 - it says how tables that are kept by the month are made
from warifu.kernel.lines import GROUP_LIMIT, Lines, StoreClosedError

__all__ = ["GROUP_LIMIT", "Store", "StoreClosedError", "sqlite_url"]

T = TypeVar("T")

_SQLITE_MAGIC: Final = b"SQLite format 3\0"


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


class Store:
    """A database with its schema. Use from one event loop; `close` when done.

    Invariant: only the writer thread writes; an awaited `write` returns after its rows are durable.
    """

    def __init__(self, url: URL | str | Lines, metadata: MetaData) -> None:
        """`url`: where it lies; or the lines of another store in the same database, which are shared then."""
        self.metadata = metadata
        self.lines = url if isinstance(url, Lines) else Lines(make_url(url))
        self._probe = _probe(metadata)
        self._file = _watched(self.lines.url)
        self._closed = False

    def create(self) -> None:
        """Create the tables that are missing. For new state and tests; existing state is upgraded by migrations."""
        if not self.metadata.tables.keys() <= self.lines.known:
            self.lines.at_once(self._create)
            self.lines.known |= self.metadata.tables.keys()

    def _create(self, connection: Connection) -> None:
        # One question instead of one a table: a process with many institutions opens many stores.
        there = set(inspect(connection).get_table_names())
        if self.metadata.tables.keys() <= there:
            return
        if there or connection.dialect.name != "sqlite":
            self.metadata.create_all(connection)
            return
        for statement in _statements(self.metadata, frozenset(self.metadata.tables)):
            connection.exec_driver_sql(statement)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a read inline and return its result, which must not hold on to the connection.

        Raises whatever `query` or the database raises. A connection that was lost is replaced and `query` run again, once.
        """
        return self.lines.read(query)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` in the next commit and return its result once that is durable.

        `change` runs on the writer's thread. A caller that is cancelled does not undo it.

        Raises whatever `change` raised (its own writes are then undone), or the database's error if the commit failed. When the
        connection to a server is lost during the commit, nobody knows whether it happened, as after a crash.
        """
        if self._closed:
            raise StoreClosedError("the store is closed")
        return await self.lines.write(change)

    async def truncate_log(self) -> bool:
        """Empty SQLite's write-ahead log into the database, so that what was erased is in neither file.

        Nothing is done on PostgreSQL: there the files keep what was erased until the server has vacuumed and overwritten the pages.

        Returns:
            False when another process was reading just then; try again later.
        """
        if self.lines.url.get_backend_name() != "sqlite":
            return True
        return await self.lines.write(_checkpoint, alone=True)

    def check(self) -> None:
        """Raise the database's or system's error when the store cannot be read."""
        if self._file is not None:
            # A process keeps reading a file that was removed, and from its cache one that was overwritten: look at the file itself.
            path, kept = str(self.lines.url.database), os.fstat(self._file)
            there = os.stat(path)  # noqa: PTH116 - every second of every store
            if there.st_ino != kept.st_ino or there.st_dev != kept.st_dev:
                raise OSError(f"{path} was replaced by another file")
            if (start := os.pread(self._file, len(_SQLITE_MAGIC), 0)) not in {_SQLITE_MAGIC, b""}:
                raise OSError(f"{path} is no database any more: it begins with {start!r}")
        self.read(lambda connection: connection.execute(self._probe).first())

    def close(self) -> None:
        """Finish what is queued, then close; a later `write` raises StoreClosedError."""
        if self._closed:
            return
        self._closed = True
        self.lines.close()
        if self._file is not None:
            os.close(self._file)


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


@cache  # to write a schema's statements costs more than to run them, and a process lays the same schema for many institutions
def _statements(metadata: MetaData, _tables: frozenset[str]) -> tuple[str, ...]:
    """What `create_all` tells an empty SQLite database."""
    url, told = make_url("sqlite://"), list[str]()
    dialect = url.get_dialect()()
    listening = create_mock_engine(url, lambda ddl, *_, **__: told.append(str(ddl.compile(dialect=dialect))))
    metadata.create_all(listening, checkfirst=False)
    return tuple(told)


@cache  # a schema's, of which a process has few: its stores share the statement
def _probe(metadata: MetaData) -> Select[Any]:
    """A statement that reads one row of some table."""
    tables = metadata.sorted_tables
    return select(literal(1)).select_from(tables[0]).limit(1) if tables else select(literal(1))
