"""The file that an audit works in: everything that was read, so that memory stays flat and an audit can be resumed.

Private to its owner (0600), since it holds access records; no value, code or name of a person. What is trusted from a resumed file: that
its records are what the parties showed at that time. Its leaves are not trusted: they are hashed again into the newest signed head.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

VERSION: Final = "2"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leaf (idx INTEGER PRIMARY KEY, commitment BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gateway (
    position INTEGER PRIMARY KEY, leaf INTEGER, request_id TEXT, event TEXT,
    record BLOB, salt BLOB, commitment BLOB, permit_hash BLOB
);
CREATE INDEX IF NOT EXISTS gateway_request ON gateway (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS gateway_leaf ON gateway (leaf);
CREATE INDEX IF NOT EXISTS gateway_event ON gateway (event, position) WHERE event IS NOT NULL;
CREATE TABLE IF NOT EXISTS held (
    party TEXT NOT NULL, position INTEGER NOT NULL, request_id TEXT, late INTEGER NOT NULL,
    record BLOB NOT NULL, salt BLOB NOT NULL, commitment BLOB NOT NULL, permit_hash BLOB, evidence BLOB NOT NULL,
    PRIMARY KEY (party, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS held_request ON held (request_id) WHERE request_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS shown (
    position INTEGER PRIMARY KEY, request_id TEXT, late INTEGER NOT NULL, request BLOB NOT NULL, outcome BLOB NOT NULL,
    request_leaf INTEGER NOT NULL, outcome_leaf INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS corrected (
    source TEXT NOT NULL, position INTEGER NOT NULL, request_id TEXT NOT NULL, late INTEGER NOT NULL, event BLOB NOT NULL,
    commitment BLOB NOT NULL, leaf INTEGER, PRIMARY KEY (source, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS corrected_request ON corrected (request_id);
CREATE TABLE IF NOT EXISTS overdue (position INTEGER PRIMARY KEY);
CREATE INDEX IF NOT EXISTS shown_request ON shown (request_id);
"""


class ResumeError(ValueError):
    """The file is none of an audit's, of another log, or of another version."""


class Scratch:
    """The file. Use as a context manager; what is not committed is read again by the next run."""

    def __init__(self, path: Path | None, log_key: str) -> None:
        """At `path`, begun or resumed; without one in a temporary file that goes with the process.

        Raises:
            ResumeError: see there.
        """
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(path if path is not None else "")  # "" is SQLite's own temporary file
        try:
            self._begin(log_key)
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise ResumeError(f"{path} is no file of an audit: {error}") from error
        except ResumeError:
            self._database.close()
            raise

    def _begin(self, log_key: str) -> None:
        self._database.executescript("PRAGMA cache_size = -8192; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        for name, value in (("version", VERSION), ("log", log_key)):
            known = self.get(name)
            if known is not None and known != value:
                raise ResumeError(f"the file was begun with {name} {known}, now it is {value}: begin with a new one")
            self.put(name, value)
        self.commit()

    def close(self) -> None:
        """Close the file; without a path it is gone."""
        self._database.close()

    def commit(self) -> None:
        """Keep what was written so far."""
        self._database.commit()

    def get(self, name: str) -> str | None:
        """A remark, or None."""
        row = self._database.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row is not None else None

    def put(self, name: str, value: str) -> None:
        """Set a remark."""
        self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def after(self, source: str) -> int:
        """The position to which a source was read."""
        return int(self.get(f"read {source}") or 0)

    def read_to(self, source: str, position: int) -> None:
        """Note the position to which a source was read."""
        self.put(f"read {source}", str(position))

    def add(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows, in the order of the table's columns; one of the same key is replaced."""
        marks = {"leaf": 2, "gateway": 8, "held": 9, "shown": 7, "corrected": 7}[table]
        self._database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * marks)})", rows)

    def rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of a query, as they are needed: memory stays flat."""
        with closing(self._database.cursor()) as cursor:
            yield from cursor.execute(query, values)

    def one(self, query: str, *values: object) -> Any:
        """The first value of the first row, or None."""
        row = self._database.execute(query, values).fetchone()
        return row[0] if row is not None else None

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement."""
        self._database.execute(statement, values)
