"""The history's ten million records: a portal's store and a bare table, filled so that both can be read at once, and again by the next run.

Of everybody who is asked about, the entries are made and sealed as deliveries make them. Those of all others are as many bytes in the same
places of the same tables, but of random content: nobody reads them, and nobody without the month's key could tell the difference. They are written
in the order in which each table lies, without the disk being waited for: what is measured is reading.
"""

from __future__ import annotations

import json
import os
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from warifu.kernel.limits import RETENTION
from warifu.kernel.months import Month, month_at, month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.portal.history import holds, lines
from warifu.portal.kept import ROW, Kept, Seals
from warifu.portal.schema import account_subjects, accounts
from warifu.portal.tables import metadata
from warifu.simulator.bench.history import NOW, kept, requested_at
from warifu.simulator.bench.worker import say

EACH: Final = 10
"""Records of a person."""
SUBJECT_SIZE: Final = 20
STEP: Final = 200_000
"""Rows that are made before they are written, at most; a month's at ten million records and below."""
STORE, VAULT, BARE, MADE = "portal-main.db", "portal-main.months.json", "bare.db", "made.json"
_MADE_BY: Final = "5"
"""Changes with what is written here."""
_LOG_KEY: Final = "00000000"
_SHIFT, _TURN = 7_368_787, 104_729
"""Primes by which people take turns."""


@dataclass(frozen=True, slots=True)
class Stock:
    """So many records in a folder."""

    folder: Path
    records: int

    @property
    def people(self) -> int:
        """Whose they are."""
        return max(1, self.records // EACH)

    def person(self, number: int) -> int:
        """Whose record this is: everybody once, in another order each time."""
        turn, place = divmod(number, self.people)
        return (place * _SHIFT + turn * _TURN) % self.people

    def numbers(self, person: int) -> list[int]:
        """A person's records."""
        back = pow(_SHIFT, -1, self.people)
        turns = range(-(-self.records // self.people))
        found = (turn * self.people + (person - turn * _TURN) * back % self.people for turn in turns)
        return [number for number in found if number < self.records]

    def is_there(self) -> bool:
        """It was filled before, for the same schema."""
        made = self.folder / MADE
        return made.exists() and json.loads(made.read_text(encoding="ascii")) == self._made()

    def fill(self, asked: Iterable[int]) -> None:
        """Both, in the order of time; `asked`: people whose entries are to be read."""
        for name in (STORE, BARE, MADE):
            for path in self.folder.glob(f"{name}*"):
                path.unlink()
        people = sorted(set(asked))
        seals = Seals(Vault.open(self.folder / VAULT, month_of(NOW.date()) - RETENTION))
        size = self._fill_entries(seals, people)
        self._fill_bare(size)
        (self.folder / MADE).write_text(json.dumps(self._made()), encoding="ascii")

    def _made(self) -> dict[str, object]:
        tables: list[DDLElement] = [CreateTable(table) for table in metadata.sorted_tables]
        indexes = [
            CreateIndex(index)
            for table in metadata.sorted_tables
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
        written = "".join(str(one.compile(dialect=sqlite.dialect())) for one in (*tables, *indexes))
        return {"records": self.records, "form": _MADE_BY + sha256(written.encode()).hexdigest()}

    def _fill_entries(self, seals: Seals, people: Sequence[int]) -> int:
        store = Store(sqlite_url(self.folder / STORE), metadata)
        store.create()
        store.close()
        own = {number: subject(person) for person in people for number in self.numbers(person)}
        newest: dict[Month, Kept] = {}
        with closing(_unsynced(self.folder / STORE)) as connection:
            size = 0
            for block in self._blocks():
                whole, listed, size = self._rows(seals, block, own)
                _written(connection, _adding("entries", ROW), whole)
                _written(connection, _adding("entry_lines", lines.ROW), listed)
                newest[whole[0][0]] = kept(block[-1], self.records, b"\1")._replace(arrival=block[-1] + 1)
                say({"filled": block.stop})
        store = Store(sqlite_url(self.folder / STORE), metadata)
        store.lines.at_once(lambda c: _open_accounts(c, [subject(person) for person in people]))
        store.lines.at_once(lambda c: holds.note(c, list(newest.values())))
        store.lines.at_once(lambda c: self._learn(c, seals.vault, people))
        store.close()
        return size

    def _blocks(self) -> Iterator[range]:
        """Records of one month each, and no more than `STEP`."""
        begin = 0
        while begin < self.records:
            near = range(begin, min(begin + STEP, self.records))
            end = begin + bisect_right(near, self._month(begin), key=self._month)
            yield range(begin, end)
            begin = end

    def _month(self, number: int) -> Month:
        return month_at(requested_at(number, self.records))

    def _rows(
        self, seals: Seals, block: range, own: dict[int, bytes]
    ) -> tuple[list[tuple[Any, ...]], list[lines.Row], int]:
        """Rows of one month in the order of each table, and the size of what is sealed in one of the whole entries."""
        month = self._month(block.start)
        sample = _stocked(block.start, self.records, b"\1" * SUBJECT_SIZE)
        size, short = len(seals.values(sample)[ROW.index("sealed")]), len(lines.values(seals, sample)[-1])
        tags, pool = os.urandom(16 * len(block)), os.urandom(2 * _POOL)
        assert ROW == (
            "month", "sealed", "request_id", "requested_at", "request_leaf", "outcome_leaf", "log_key", "arrival",
        )  # fmt: skip
        whole: list[tuple[Any, ...]] = []
        listed: list[lines.Row] = []
        for place, number in enumerate(block):
            if (mine := own.get(number)) is not None:
                entry = _stocked(number, self.records, mine)
                whole.append(seals.values(entry))
                listed.append(lines.values(seals, entry))
                continue
            at, when = number * 7919 % _POOL, requested_at(number, self.records)
            request_id = _request_id(number)
            whole.append(
                (month, pool[at : at + size], request_id, when, 2 * number, 2 * number + 1, _LOG_KEY, number + 1)
            )
            listed.append((month, tags[16 * place : 16 * place + 16], when, request_id, pool[at : at + short]))
        return whole, sorted(listed), size

    def _learn(self, connection: Connection, vault: Vault, people: Sequence[int]) -> None:
        """In which months each has entries, as a login keeps it."""
        for person in people:
            holds.keep(connection, vault, subject(person), map(self._month, self.numbers(person)), self.records)

    def _fill_bare(self, size: int) -> None:
        pool = os.urandom(2 * _POOL)
        with closing(_unsynced(self.folder / BARE)) as connection:
            connection.execute("CREATE TABLE bare (subject BLOB NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL)")
            for begin in range(0, self.records, STEP):
                block = range(begin, min(begin + STEP, self.records))
                rows = [
                    (subject(self.person(number)), number, pool[at : at + size])
                    for number in block
                    for at in (number * 7919 % _POOL,)
                ]
                _written(connection, "INSERT INTO bare VALUES (?, ?, ?)", rows)
                say({"filled": self.records + block.stop})
            connection.execute("CREATE INDEX bare_subject ON bare (subject, seq)")
            connection.execute("PRAGMA journal_mode=WAL")


_POOL: Final = 1 << 20
"""Random bytes that the contents of others are cut from."""


def subject(person: int) -> bytes:
    """A code of the usual size, spread evenly as codes are."""
    return blake2b(person.to_bytes(8), digest_size=SUBJECT_SIZE).digest()


def account_of(code: bytes) -> str:
    """The account of whoever has the code."""
    return code.hex()[:32]


def _stocked(number: int, of: int, code: bytes) -> Kept:
    """An entry with its places in the log, as most have them."""
    return kept(number, of, code)._replace(
        request_id=_request_id(number), arrival=number + 1, request_leaf=2 * number, outcome_leaf=2 * number + 1, log_key=_LOG_KEY
    )  # fmt: skip


def _request_id(number: int) -> str:
    return f"00000010-0000-4000-8000-{number:012x}"


def _open_accounts(connection: Connection, codes: Sequence[bytes]) -> None:
    connection.execute(insert(accounts), [{"account": account_of(code), "opened_at": 0} for code in codes])
    claimed = [{"subject": code, "account": account_of(code), "claimed_at": 0} for code in codes]
    connection.execute(insert(account_subjects), claimed)


def _unsynced(path: Path) -> sqlite3.Connection:
    """A connection by which nothing is durable until the end."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144", "locking_mode=EXCLUSIVE"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _adding(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _written(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection.execute("BEGIN")
    connection.executemany(statement, rows)
    connection.execute("COMMIT")
