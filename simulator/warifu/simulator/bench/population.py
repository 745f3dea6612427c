"""Loading a population against bare `executemany`: what taking people over through the front doors costs, beside the rows that it leaves.

One pair: a network of its own loads some people, from the moment that its parties serve (the first chunk is drawn before) to the last
answer; then every row that this left in the parties' files is put into fresh files with the same tables by SQLite's `executemany`, in
transactions of thousands and with the same pragmas. Both count rows a second. What the ratio holds beside SQL: lives are drawn and put into
messages, every record is checked twice, codes come from numbering body and gateway, and all of it shares one machine.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from warifu.simulator.bench.ratios import Ratio, spread

ROWS_AT_ONCE: Final = 4000
"""Rows of a bare transaction: about as many as a chunk leaves in one table of an agency."""
SEED: Final = 1
_PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=OFF", "temp_store=MEMORY")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One pair."""

    people: int
    rows: int
    seconds: float
    """Of loading through the front doors."""
    bare_seconds: float
    """Of the same rows by executemany."""

    @property
    def ratio(self) -> float:
        """Rows a second, loaded ÷ bare."""
        return self.bare_seconds / self.seconds


def ratio(pairs: list[Loaded]) -> Ratio:
    """Over all pairs."""
    return spread([one.ratio for one in pairs])


def document(pairs: list[Loaded]) -> dict[str, Any]:
    """The shape of its part in `--json`."""
    found = ratio(pairs)
    return {
        "people": pairs[0].people,
        "rows": pairs[0].rows,
        "people_a_second": [round(one.people / one.seconds, 1) for one in pairs],
        "rows_a_second": [round(one.rows / one.seconds, 1) for one in pairs],
        "bare_rows_a_second": [round(one.rows / one.bare_seconds, 1) for one in pairs],
        "ratio": {"median": found.median, "low": found.low, "high": found.high, "pairs": found.pairs},
    }


async def measure(folder: Path, people: int, pairs: int) -> list[Loaded]:
    """Measure in `folder`, which is on the disk that is measured.

    Raises:
        StateError: a network did not start.
    """
    return [await _pair(folder / f"{number}", people) for number in range(pairs)]


async def _pair(folder: Path, people: int) -> Loaded:
    from warifu.simulator.launcher import Network, Options  # noqa: PLC0415 - slow to import

    began: list[float] = []
    ended: list[float] = []

    def progress(step: str, done: int, of: int) -> None:
        if step == "people":
            began.append(time.perf_counter())
            if done == of:
                ended.append(time.perf_counter())

    state = folder / "state"
    async with Network.run(Options(state, people, SEED, bare=True), progress):
        pass  # loaded, drained and ended
    rows, bare = await asyncio.to_thread(_bare, state, folder)
    shutil.rmtree(folder)
    return Loaded(people, rows, ended[0] - began[0], bare)


def _bare(state: Path, folder: Path) -> tuple[int, float]:
    """(rows, seconds): all rows of the network's files into fresh ones."""
    rows, seconds = 0, 0.0
    for number, path in enumerate(sorted(state.glob("*/*.db"))):
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(folder / f"bare-{number}.db")) as target:
            target.isolation_level = None
            for pragma in _PRAGMAS:
                target.execute(f"PRAGMA {pragma}")
            tables = _copy_schema(source, target)
            for table in tables:
                for values in _batches(source, table):
                    begun = time.perf_counter()
                    target.execute("BEGIN IMMEDIATE")
                    places = ",".join("?" * len(values[0]))
                    target.executemany(f'INSERT INTO "{table}" VALUES ({places})', values)
                    target.execute("COMMIT")
                    seconds += time.perf_counter() - begun
                    rows += len(values)
    return rows, seconds


def _copy_schema(source: sqlite3.Connection, target: sqlite3.Connection) -> list[str]:
    made = source.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    )
    tables = []
    for kind, name, sql in sorted(made, key=lambda one: one[0] != "table"):
        target.execute(sql)
        if kind == "table":
            tables.append(name)
    return tables


def _batches(source: sqlite3.Connection, table: str) -> Iterator[list[tuple[Any, ...]]]:
    cursor = source.execute(f'SELECT * FROM "{table}"')
    while values := cursor.fetchmany(ROWS_AT_ONCE):
        yield values
