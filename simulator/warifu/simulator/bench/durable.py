"""Was any answer released before its records were durable? Measured by standing in the way, on the network that is measured.

While exchanges go on, another process (this one) takes the write lock of one party's database. From then on that party can commit nothing.
What it had committed before is read by a second connection. Every answer that its requester's business system is given while the lock is held
must be among the exchanges whose outcome record was committed before; then answers must stop; and they go on when the lock is let go.

This proves, for each of the three stores, that an answer waits for the commit of its record, whatever the timing of the run. That a commit
is on the disk, and not only in the system's memory, rests on SQLite: its write-ahead log is synced before a commit returns or is seen by
anybody, as long as `synchronous` is FULL, which `warifu.kernel.engines` asks for. It does not prove that the disk keeps what it
said to have kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from warifu.simulator.bench.field import Field, reading
from warifu.simulator.bench.hands import Stretch
from warifu.simulator.told import ToldError

HELD: Final = 0.5
"""Seconds: long enough for several exchanges, short enough that no call runs into its deadline and no writer gives up."""
CALLERS: Final = 16
ENOUGH: Final = 2 * CALLERS
"""Answers before and after, so that there is a flow to be stopped."""
WITHIN: Final = 30.0
"""Seconds for that flow to begin, and to go on."""
_OUTCOMES: Final = "SELECT request_id FROM {table} WHERE kind = 2"


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen while one store was held."""

    side: str
    released: int
    """Answers that came while it was held, all of them recorded before."""
    early: tuple[str, ...]
    """Request ids of answers that no record had been committed for: must be none."""
    before: int
    """Answers that had come before."""
    after: int
    """Answers that came once it was let go."""

    @property
    def sound(self) -> bool:
        """The check could have failed, and did not: exchanges went on before and after."""
        return not self.early and self.before > 0 and self.after > 0


async def check(field: Field, call: str) -> list[Held]:
    """Hold each of the three stores in turn.

    Raises:
        ToldError: an answer was released before its record was durable, or nothing went on that could tell.
    """
    found = [await _hold(field, call, side) for side in field.stores(call)]
    for one in found:
        if one.early:
            raise ToldError(
                f"耐久性違反：{one.side} の記録が確定する前に、{len(one.early)} 件の回答が出ました（{one.early[0]} など）。",
                f"not durable: {len(one.early)} answers were released before {one.side} had committed their record ({one.early[0]} and others).",
            )
        if not one.sound:
            raise ToldError(
                f"耐久性を確かめられませんでした。{one.side} を止める前に {one.before} 件、後に {one.after} 件しか回答がありません。",
                f"durability could not be checked: {one.before} answers before {one.side} was held, {one.after} after.",
            )
    return found


async def _hold(field: Field, call: str, side: str) -> Held:
    path, table = field.stores(call)[side]
    flow = _Flow()
    load = asyncio.create_task(field.requester.load(call, CALLERS, 2 * WITHIN + HELD, flow.hear))
    await flow.come(load, ENOUGH)
    with _locked(path) as since, reading(path) as connection:
        committed = {row[0] for row in connection.execute(_OUTCOMES.format(table=table))}
        await asyncio.wait([load], timeout=HELD)
        until = time.monotonic()
    await flow.come(load, len(flow.told) + ENOUGH)
    field.requester.stop()
    await load
    await field.settle()
    during = [request_id for request_id, at in flow.told.items() if since < at < until]
    return Held(
        side,
        len(during),
        tuple(request_id for request_id in during if request_id not in committed),
        sum(at <= since for at in flow.told.values()),
        sum(at >= until for at in flow.told.values()),
    )


class _Flow:
    """Answers as they come."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self._more = asyncio.Event()

    def hear(self, request_id: str) -> None:
        """One came."""
        self.told[request_id] = time.monotonic()
        self._more.set()

    async def come(self, load: asyncio.Task[Stretch], count: int) -> None:
        """Wait until there are so many, the load ended, or it takes too long."""
        until = time.monotonic() + WITHIN
        while len(self.told) < count and not load.done() and (left := until - time.monotonic()) > 0:
            self._more.clear()
            more = asyncio.create_task(self._more.wait())
            await asyncio.wait([load, more], timeout=left, return_when=asyncio.FIRST_COMPLETED)
            more.cancel()


@contextmanager
def _locked(path: Path) -> Iterator[float]:
    """Hold a database's write lock; gives the moment from which it was held."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield time.monotonic()
        finally:
            connection.execute("ROLLBACK")
