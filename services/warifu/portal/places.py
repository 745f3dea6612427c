"""Where entries stand in the log, learnt anew after the log was.

The gateway says it with each delivery. A network that was restored has a new log under a new key, built from the gateway's records: what
was noted for the log before is forgotten at the next start and asked for again, a page of entries at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, update

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.kernel.store import Store
from warifu.portal.history.schema import corrections
from warifu.portal.kept import COLUMNS, Seals
from warifu.portal.ports import Log
from warifu.portal.schema import entries

AT_ONCE: Final = 250
"""Entries in one question: each has two records, and the log answers for 500."""

_UNPLACED: Final = (
    select(*COLUMNS)
    .where(entries.c.request_leaf.is_(None), entries.c.arrival > bindparam("after"))
    .order_by(entries.c.arrival)
    .limit(AT_ONCE)
)
_FORGET: Final = (
    update(entries)
    .where(or_(entries.c.log_key < bindparam("pinned"), entries.c.log_key > bindparam("pinned")))
    .values(request_leaf=None, outcome_leaf=None, log_key=None)
)
_PLACE: Final = (
    update(entries)
    .where(entries.c.arrival == bindparam("which"))
    .values(
        request_leaf=bindparam("request_leaf"), outcome_leaf=bindparam("outcome_leaf"), log_key=bindparam("log_key")
    )
)

_UNPLACED_CORRECTIONS: Final = (
    select(corrections.c.commitment)
    .where(corrections.c.leaf.is_(None))
    .order_by(corrections.c.arrival)
    .limit(2 * AT_ONCE)
)
_FORGET_CORRECTIONS: Final = (
    update(corrections)
    .where(or_(corrections.c.log_key < bindparam("pinned"), corrections.c.log_key > bindparam("pinned")))
    .values(leaf=None, log_key=None)
)
_PLACE_CORRECTION: Final = (
    update(corrections)
    .where(corrections.c.commitment == bindparam("which"))
    .values(leaf=bindparam("new_leaf"), log_key=bindparam("new_log_key"))
)


class Places:
    """A periodic job over one portal's entries."""

    def __init__(self, store: Store, seals: Seals, log: Log, log_key: str) -> None:
        """`log_key`: id of the pinned key of the log, hexadecimal."""
        self._store, self._seals, self._log, self._log_key = store, seals, log, log_key
        self._begun = False
        self._after = 0

    async def learn(self) -> int:
        """Ask for one page of entries, and of corrections, without a place, beginning again after the last; how many have one now.

        Raises:
            LinkageError: the log cannot be asked.
        """
        if not self._begun:
            await self._store.write(self._forget)
            self._begun = True
        rows = self._store.read(lambda connection: connection.execute(_UNPLACED, {"after": self._after}).all())
        self._after = rows[-1].arrival if len(rows) == AT_ONCE else 0
        placed = await self._place(rows) if rows else 0
        return placed + await self._place_corrections()

    def _forget(self, connection: Connection) -> None:
        for forget in (_FORGET, _FORGET_CORRECTIONS):
            connection.execute(forget, {"pinned": self._log_key})

    async def _place_corrections(self) -> int:
        waiting = self._store.read(lambda connection: connection.execute(_UNPLACED_CORRECTIONS).scalars().all())
        found = await self._log.find(waiting) if waiting else ()
        placed: list[dict[str, object]] = [
            {"which": commitment, "new_leaf": leaf, "new_log_key": self._log_key}
            for commitment, leaf in zip(waiting, found, strict=True)
            if leaf is not None
        ]
        if placed:
            await self._store.write(lambda connection: connection.execute(_PLACE_CORRECTION, placed))
        return len(placed)

    async def _place(self, rows: Sequence[Any]) -> int:
        kept = [self._seals.opened(row) for row in rows]
        records = [record for entry in kept for record in (entry.request_record, entry.outcome_record)]
        found = await self._log.find([CommittedRecord.FromString(record).commitment for record in records])
        placed = [
            {"which": entry.arrival, "request_leaf": request, "outcome_leaf": outcome, "log_key": self._log_key}
            for entry, request, outcome in zip(kept, found[::2], found[1::2], strict=True)
            if request is not None and outcome is not None
        ]
        if placed:
            await self._store.write(lambda connection: _note(connection, placed))
        return len(placed)


def _note(connection: Connection, placed: list[dict[str, object]]) -> None:
    connection.execute(_PLACE, placed)
