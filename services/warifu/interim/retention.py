"""Retention: what exchanges were about is erased when its term is over (design §4; art. 23 with the order's seven years).

In this order, each step safe to repeat: rows dropped in one transaction; the months' keys destroyed, so that older copies of the database
are unreadable too; the database's own write-ahead log emptied. What is unfinished is waited for: an inquiry or a review that is open, a
promise of the gateway's that was not looked up, or was broken and is not reported. The gateway's log names what was erased (PROTO-14.19).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, literal, select, union_all

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.logged import MARK
from warifu.interim.schema import (
    ANSWER_BLOCKS,
    BLOCKS,
    BROKEN_PROMISES,
    INQUIRIES,
    OPEN_PROMISES,
    PROMISES,
    PROVISIONS,
    RECORDS,
    REVIEWS,
    UNFINISHED,
    WAITING,
)
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import Month, month_of

_BEHIND: Final = (REVIEWS, PROMISES, RECORDS, PROVISIONS, ANSWER_BLOCKS, INQUIRIES, BLOCKS)
"""Tables of exchanges, those that refer to others first."""
_UNREPORTED = BROKEN_PROMISES & PROMISES.c.receipt.is_not(None) & PROMISES.c.reported_at.is_(None)
_UNSEEN = (RECORDS.c.position > bindparam("seen")) & (RECORDS.c.kind == exchange_pb2.RECORD_KIND_REQUEST)
_OPEN = union_all(
    *(
        select(func.min(table.c.month)).where(table.c.month >= bindparam("first"), condition)
        for table, condition in (
            (INQUIRIES, UNFINISHED),
            (REVIEWS, WAITING),
            (PROMISES, OPEN_PROMISES),
            (PROMISES, _UNREPORTED),
            (RECORDS, _UNSEEN),
        )
    )
)
_LEFT = union_all(
    *(select(literal(1)).where(select(1).where(table.c.month < bindparam("first")).exists()) for table in _BEHIND)
)
_DROP = tuple(delete(table).where(table.c.month < bindparam("first")) for table in _BEHIND)


class Retention:
    """A periodic job of one institution. Invariant: what is left can be opened, but for a moment within a run."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._vault = ground.contents.vault
        self._emptied = True

    async def run(self) -> int:
        """Erase the months that are over; how many rows were erased.

        What no key opens any more is dropped in any case: so it came back from a backup, and nothing can become of it.
        """
        self._ground.contents.forget_days(self._ground.clock.today())
        store, first = self._ground.store, max(self._due(), self._vault.first)
        dropped = 0
        if first > self._vault.first or store.read(lambda connection: _is_left(connection, first)):
            dropped = await store.write(lambda connection: _drop(connection, first))
            self._vault.forget_before(first)
            self._emptied = False
        if not self._emptied:
            self._emptied = await store.truncate_log()
        return dropped

    def _due(self) -> Month:
        """The first month that is not to be erased yet."""
        over = month_of(self._ground.clock.today()) - RETENTION
        if over <= self._vault.first:
            return over
        values = {"first": self._vault.first, "seen": self._ground.mark(MARK)}
        months = self._ground.store.read(lambda connection: _open_months(connection, values))
        return min([over, *(month for month in months if month is not None)])


def _open_months(connection: Connection, values: dict[str, int]) -> list[Month | None]:
    return list(connection.execute(_OPEN, values).scalars())


def _is_left(connection: Connection, first: Month) -> bool:
    return connection.execute(_LEFT, {"first": first}).first() is not None


def _drop(connection: Connection, first: Month) -> int:
    counts: list[int] = [connection.execute(drop, {"first": first}).rowcount for drop in _DROP]
    return sum(counts)
