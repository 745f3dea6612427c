"""Retention: what an exchange was about is erased when its term is over (design §4; art. 23 with the order's seven years).

In this order, each step safe to repeat: rows dropped and the erasure entered in the log, in one transaction; the months' keys destroyed,
so that older copies of the database are unreadable too; the database's own write-ahead log emptied. The commitments stay: the tree, and
proofs given out before, stay valid, while nobody can open them here any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from sqlalchemy import Connection, bindparam, delete, exists, literal, select, union_all

from warifu.gateway.books import Books
from warifu.gateway.schema import BLOCK, CORRECTION, ENTRY, EXCHANGE, OUTBOX, RECORD, UNFINISHED
from warifu.kernel.clock import Clock
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import Month, month_of, text
from warifu.kernel.partitions import drop_before
from warifu.log.v1.log_pb2 import ContentsErased, LeafRange

_OVER = union_all(
    *(
        select(table.c.month, ENTRY.c.leaf_index)
        .join(ENTRY, ENTRY.c.position == table.c.position)
        .where(table.c.month < bindparam("first"), ENTRY.c.leaf_index.is_not(None))
        for table in (RECORD, CORRECTION)
    )
).order_by("month", "leaf_index")
_OPEN = (
    select(EXCHANGE.c.request_id)
    .where(EXCHANGE.c.month >= bindparam("kept"), EXCHANGE.c.month < bindparam("first"), UNFINISHED)
    .limit(1)
)
_KEPT = (RECORD, CORRECTION, EXCHANGE, BLOCK)
_LEFT = union_all(*(select(literal(1)).where(exists().where(table.c.month < bindparam("first"))) for table in _KEPT))
_UNDELIVERED = delete(OUTBOX).where(
    OUTBOX.c.request_id.in_(select(EXCHANGE.c.request_id).where(EXCHANGE.c.month < bindparam("first")))
)
_DROP = tuple(delete(table).where(table.c.month < bindparam("first")) for table in _KEPT if table is not RECORD)


class Retention:
    """A periodic job. Invariant: whatever is gone from here is named, by its place in the log, in an entry."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books, self._clock = books, clock
        self._emptied = True

    async def run(self) -> int:
        """Erase the months that are over; how many records were erased. It waits for exchanges that the reconciler has yet to close.

        What no key opens any more is dropped in any case: so it came back from a backup, and nothing can become of it.
        """
        erased = 0
        if (first := self._due()) is not None:
            await self._books.log.integrate()
            erased = await self._books.log.write(lambda connection: self._drop(connection, first))
            self._books.vault.forget_before(first)
            self._emptied = False
        if not self._emptied:
            self._emptied = await self._books.store.truncate_log()
        return erased

    def _due(self) -> Month | None:
        """The first month that is to be kept; None when there is nothing to erase before it, or not yet."""
        kept = self._books.vault.first
        first = max(month_of(self._clock.today()) - RETENTION, kept)
        months = {"first": first, "kept": kept}
        if self._books.store.read(lambda connection: connection.execute(_OPEN, months).first()) is not None:
            first = kept
        if first == kept and self._books.store.read(lambda connection: not _is_left(connection, kept)):
            return None
        return first

    def _drop(self, connection: Connection, first: Month) -> int:
        over = [(row.month, row.leaf_index) for row in connection.execute(_OVER, {"first": first})]
        for month, rows in groupby(over, key=lambda row: row[0]):
            self._books.log.events.erased(_erased(month, [leaf for _, leaf in rows]))(connection)
        connection.execute(_UNDELIVERED, {"first": first})
        drop_before(connection, RECORD, first)
        for drop in _DROP:
            connection.execute(drop, {"first": first})
        return len(over)


def _is_left(connection: Connection, first: Month) -> bool:
    return connection.execute(_LEFT, {"first": first}).first() is not None


def _erased(month: Month, leaves: Sequence[int]) -> ContentsErased:
    return ContentsErased(month=text(month), records=len(leaves), leaves=_ranges(leaves))


def _ranges(leaves: Iterable[int]) -> list[LeafRange]:
    """Ascending leaf indexes as runs of neighbours."""
    ranges: list[LeafRange] = []
    for leaf in leaves:
        if ranges and ranges[-1].first + ranges[-1].count == leaf:
            ranges[-1].count += 1
        else:
            ranges.append(LeafRange(first=leaf, count=1))
    return ranges
