"""A page of the history against bare SQL: `python -m warifu.simulator.bench.pages FOLDER RECORDS`, a worker (see `worker`).

`page`: what `/api/v1/history` answers at the portal for a person taken at random, in the portal's own application without a socket: months,
tags, rows, unsealing, JSON. `sql`: the newest fifty of a person by one statement of plain sqlite3, out of a table of as many rows of the same
size, with an index of person and time. People have ten records each, spread over the whole term for which records are kept.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert

from warifu.kernel.bulk import Bulk
from warifu.portal.schema import account_subjects, accounts, entries
from warifu.simulator.bench.history import Ground, kept
from warifu.simulator.bench.worker import Told, say, work

EACH: Final = 10
"""Records of a person."""
PAGE: Final = 50
ASKED: Final = 2_000
"""People who have accounts and are asked about; the records of the others are there all the same."""
SUBJECT_SIZE: Final = 20
STEP: Final = 20_000
_COLUMNS: Final = tuple(column.name for column in entries.columns)
_ADD: Final = Bulk(entries, *_COLUMNS)
_BARE: Final = "SELECT seq, body FROM bare WHERE subject = ? ORDER BY seq DESC LIMIT ?"


class Pages:
    """A portal's store with so many records, and the same in a bare table."""

    def __init__(self, folder: Path, records: int) -> None:
        self.ground = Ground(folder)
        self._bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self._records, self._people = records, max(1, records // EACH)
        self._dice = random.Random(1)  # noqa: S311 - the same people in every run
        self._asked = [_subject(self._dice.randrange(self._people)) for _ in range(ASKED)]

    async def fill(self) -> None:
        """Both, in the order of time, as it comes in."""
        done, size = 0, 0
        for rows in self._steps():
            done, size = done + len(rows), len(bytes(rows[0][_COLUMNS.index("sealed")]))
            await self.ground.store.write(lambda connection, some=rows: _ADD.add(connection, some))  # type: ignore[misc]
            say({"filled": done})
        await self.ground.store.write(self._open_accounts)
        self._fill_bare(size)

    async def page(self, number: int) -> Told:
        """The newest fifty of somebody, by the service."""
        self.ground.who = self._asked[number % ASKED].hex()[:32]
        await self.ground.get("/api/v1/history", f"limit={PAGE}")
        return ()

    async def sql(self, number: int) -> Told:
        """The newest fifty of somebody, by the statement."""
        found = self._bare.execute(_BARE, (self._asked[number % ASKED], PAGE)).fetchall()
        if not found:
            raise ValueError("nobody's records")
        return ()

    def close(self) -> None:
        """Close both."""
        self._bare.close()
        self.ground.store.close()

    def _steps(self) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of some time, in the order of the table."""
        for begin in range(0, self._records, STEP):
            made = []
            for number in range(begin, min(begin + STEP, self._records)):
                row = self.ground.seals.row(kept(number, self._records, _subject(_person(number, self._people))))
                made.append(tuple(row[name] for name in _COLUMNS))
            yield sorted(made, key=lambda row: row[:2])  # month and tag

    def _open_accounts(self, connection: Connection) -> None:
        rows = {subject.hex()[:32]: subject for subject in self._asked}
        connection.execute(insert(accounts), [{"account": name, "opened_at": 0} for name in rows])
        claimed = [{"subject": subject, "account": name, "claimed_at": 0} for name, subject in rows.items()]
        connection.execute(insert(account_subjects), claimed)

    def _fill_bare(self, size: int) -> None:
        pool = os.urandom(size * 2)
        with closing(self._bare.cursor()) as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("CREATE TABLE bare (subject BLOB NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL)")
            for begin in range(0, self._records, STEP):
                cursor.execute("BEGIN")
                rows = range(begin, min(begin + STEP, self._records))
                values = ((_subject(_person(n, self._people)), n, pool[n % size : n % size + size]) for n in rows)
                cursor.executemany("INSERT INTO bare VALUES (?, ?, ?)", values)
                cursor.execute("COMMIT")
                say({"filled": rows.stop})
            cursor.execute("CREATE INDEX bare_subject ON bare (subject, seq)")


def _person(number: int, people: int) -> int:
    """Whose record this is: everybody once, in another order each time (a step that has no divisor in common with the number of people)."""
    turn, place = divmod(number, people)
    return (place * 7_368_787 + turn * 104_729) % people


def _subject(person: int) -> bytes:
    """A code of the usual size, spread evenly as codes are."""
    return random.Random(person).randbytes(SUBJECT_SIZE)  # noqa: S311 - a stand-in that is the same again


async def serve(folder: Path, records: int) -> None:
    """Fill, then take orders until the input closes."""
    pages = Pages(folder, records)
    await pages.fill()
    await work({"page": pages.page, "sql": pages.sql})
    pages.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
