"""Retention: entries are erased when their term is over, for whoever holds an older copy of the database too (docs/PROTOCOL.md §14)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete

from warifu.kernel.clock import Clock
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault
from warifu.portal.schema import entries

_DROP: Final = delete(entries).where(entries.c.month < bindparam("first"))


class Retention:
    """A periodic job: rows dropped, the months' keys destroyed, the write-ahead log emptied; each step safe to repeat."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store, self._vault, self._clock = store, vault, clock

    async def run(self) -> int:
        """Erase the months that are over; how many entries were erased."""
        first = month_of(self._clock.today()) - RETENTION
        if first <= self._vault.first:
            return 0
        dropped = await self._store.write(lambda connection: connection.execute(_DROP, {"first": first}).rowcount)
        self._vault.forget_before(first)
        await self._store.truncate_log()
        return dropped
