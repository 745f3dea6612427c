"""Which tables and indexes of a party an exchange writes pages of, as its store grows: `PYTHONPATH=tests python tests/pages.py CALLERS GROWN… [PARTY]`.

The parties of the interim server's contract exchange in this one process, by the connector, CALLERS at a time. Whenever the store has GROWN
exchanges, the next `MEASURED` are looked at: which pages each commit put into SQLite's write-ahead log, where every page that changed goes whole,
and what of its database each page belongs to (`dbstat`). Counts hardly depend on the machine. The portal takes no part, so what is for it waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from contract.interim_world import NHI, TAX, World, copy, person

from warifu.kernel.lines import Lines

MEASURED: Final = 1280
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24


@dataclass(slots=True)
class Watched:
    """The write-ahead log of one database, looked at after each commit."""

    path: Path
    pages: Counter[int] = field(default_factory=Counter)
    """Frames by page."""
    seconds: float = 0.0
    """Of the writer's thread."""
    _salts: bytes = b""
    _at: int = _WAL_HEADER

    def look(self) -> None:
        """Count what is new; a log that was begun anew has other salts."""
        with self.path.with_name(self.path.name + "-wal").open("rb") as wal:
            head = wal.read(_WAL_HEADER)
            salts, (size,) = head[16:24], struct.unpack(">I", head[8:12])
            if salts != self._salts:
                self._salts, self._at = salts, _WAL_HEADER
            wal.seek(self._at)
            while (frame := wal.read(_FRAME_HEADER))[8:16] == salts:
                self.pages[struct.unpack(">I", frame[:4])[0]] += 1
                self._at = wal.seek(size, 1)

    def named(self) -> Counter[str]:
        """Frames by table or index."""
        with closing(sqlite3.connect(self.path)) as store:
            owner = dict(store.execute("SELECT pageno, name FROM dbstat"))
        found: Counter[str] = Counter()
        for page, frames in self.pages.items():
            found[owner.get(page, "freed")] += frames
        return found


def watch(watched: Watched) -> None:
    """See every commit of that store from now on."""
    commit: Any = Lines._commit

    def looked_at(self: Lines, jobs: Any) -> None:
        begun = time.thread_time()
        commit(self, jobs)
        if self.url.database == str(watched.path):
            watched.seconds += time.thread_time() - begun
            watched.look()

    Lines._commit = looked_at  # type: ignore[method-assign]


async def measure(folder: Path, party: str, callers: int, grown: list[int]) -> Iterator[str]:
    """A line for each table, a column for each size."""
    world = await World.begin(folder)
    try:
        await world.register([person(0)])
        for code in (NHI, TAX):
            await world.enrol(code, "1")
        await world.interim(TAX).register_copies([copy("r-1")])
        connector = world.interim(NHI).connector
        database = {"gateway": "gateway.db", "tax": f"{TAX}.interim.db", "health_insurance": f"{NHI}.interim.db"}[party]
        watched = Watched(folder / party / database)
        watch(watched)
        made, columns, costs = 0, list[Counter[str]](), list[float]()

        async def exchange(count: int) -> None:
            questions = iter([world.question() for _ in range(count)])

            async def caller() -> None:
                for question in questions:
                    await connector.inquire(question)

            await asyncio.gather(*(caller() for _ in range(callers)))

        for size in grown:
            await exchange(size - made)
            watched.pages, watched.seconds = Counter(), 0.0
            await exchange(MEASURED)
            columns.append(watched.named())
            costs.append(watched.seconds)
            made = size + MEASURED
    finally:
        await world.end()
    return told(grown, columns, costs)


def told(grown: list[int], columns: list[Counter[str]], costs: list[float]) -> Iterator[str]:
    """As a table: pages an exchange."""
    names = sorted(set().union(*columns), key=lambda name: -columns[-1][name])
    yield f"{'exchanges before':38}" + "".join(f"{size:10,}" for size in grown)
    for name in names:
        yield f"{name:38}" + "".join(f"{column[name] / MEASURED:10.2f}" for column in columns)
    yield f"{'all pages':38}" + "".join(f"{column.total() / MEASURED:10.2f}" for column in columns)
    yield f"{'CPU µs of the writer':38}" + "".join(f"{1e6 * seconds / MEASURED:10.0f}" for seconds in costs)


def main(callers: str, *rest: str) -> None:
    """Measure and print."""
    grown = [int(one) for one in rest if one.isdecimal()]
    party = next((one for one in rest if not one.isdecimal()), "gateway")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lines = asyncio.run(measure(Path(folder), party, int(callers), grown))
        sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
