"""Retention: entries are erased when their term is over, for whoever holds an older copy of the database too (docs/PROTOCOL.md §14)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from warifu.kernel import partitions
from warifu.kernel.clock import Clock
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import Month, month_of
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.portal.history.schema import arrived_in, corrections, lines, marks
from warifu.portal.letters.schema import letters
from warifu.portal.post.schema import applications, drafts
from warifu.portal.schema import entries

_LEFT: Final = select(entries.c.month).where(entries.c.month < bindparam("first")).limit(1)
_WITH_THEM: Final = tuple(
    delete(table).where(table.c.month < bindparam("first"))
    for table in (arrived_in, corrections, letters, drafts, applications)
)
"""What is kept about entries of the same months, and what was sent in them."""


class Retention:
    """A periodic job: rows dropped, the months' keys destroyed, the write-ahead log emptied; each step safe to repeat."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store, self._vault, self._clock = store, vault, clock
        self._emptied = True

    async def run(self) -> int:
        """Erase the months that are over, and what came back from a backup without its keys; how many entries were erased."""
        first, dropped = max(month_of(self._clock.today()) - RETENTION, self._vault.first), 0
        if first > self._vault.first or self._store.read(lambda c: c.execute(_LEFT, {"first": first}).first()):
            dropped = await self._store.write(lambda connection: _drop(connection, first))
            self._vault.forget_before(first)
            self._emptied = False
        if not self._emptied:
            self._emptied = await self._store.truncate_log()
        return dropped


def _drop(connection: Connection, first: Month) -> int:
    for drop in _WITH_THEM:
        connection.execute(drop, {"first": first})
    for table in (lines, marks):
        partitions.drop_before(connection, table, first)
    return partitions.drop_before(connection, entries, first)
