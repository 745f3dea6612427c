"""What a citizen left here to be used later, sealed: one record an account and kind.

It lies under the key of the month in which it was last touched. Months are forgotten by destroying their keys, so whatever is still in use is
sealed anew long before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.kernel import packing
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.months import month_of
from warifu.kernel.store import Store
from warifu.portal.card.schema import left_records as records
from warifu.portal.kept import Seals

RESEAL: Final = 12
"""Months after which a record is sealed under the present month's key."""
_BATCH: Final = 100
_ONE: Final = select(records).where(records.c.account == bindparam("whose"), records.c.kind == bindparam("of_kind"))
_DROP: Final = delete(records).where(records.c.account == bindparam("whose"), records.c.kind == bindparam("of_kind"))
_ADD: Final = insert(records)
_OF_ACCOUNT: Final = select(records).where(records.c.account == bindparam("whose"))
_OLD: Final = select(records).where(records.c.month < bindparam("before")).limit(_BATCH)
_RENEW: Final = (
    update(records)
    .where(records.c.account == bindparam("whose"), records.c.kind == bindparam("of_kind"))
    .values(month=bindparam("now"), sealed=bindparam("closed"))
)


@dataclass(frozen=True, slots=True)
class Left:
    """A record, opened."""

    values: Mapping[str, str]
    since: int
    """Simulated time, milliseconds: when it was left."""


@dataclass(frozen=True, slots=True)
class Safe:
    """The records of one portal."""

    store: Store
    seals: Seals
    clock: Clock

    async def put(self, account: str, kind: str, values: Mapping[str, str]) -> None:
        """Leave a record; one of the same kind is replaced."""
        month = month_of(self.clock.today())
        row = {
            "account": account,
            "kind": kind,
            "month": month,
            "since": milliseconds(self.clock.network()),
            "sealed": self._closed(month, account, kind, values),
        }

        def put(connection: Connection) -> None:
            connection.execute(_DROP, {"whose": account, "of_kind": kind})
            connection.execute(_ADD, row)

        await self.store.write(put)

    def get(self, account: str, kind: str) -> Left | None:
        """The record of an account; None when there is none."""
        keys = {"whose": account, "of_kind": kind}
        row = self.store.read(lambda c: c.execute(_ONE, keys).one_or_none())
        return Left(self._opened(row), row.since) if row is not None else None

    async def drop(self, account: str, kind: str) -> bool:
        """Forget a record; False when there was none."""
        keys = {"whose": account, "of_kind": kind}
        return await self.store.write(lambda c: c.execute(_DROP, keys).rowcount > 0)

    def join(self, connection: Connection, before: str, after: str) -> None:
        """Within the write that makes one account another's, hand over its records; of two of a kind the one left last stays."""
        kept = {row.kind: row.since for row in connection.execute(_OF_ACCOUNT, {"whose": after})}
        for row in connection.execute(_OF_ACCOUNT, {"whose": before}).all():
            if row.since > kept.get(row.kind, -1):
                connection.execute(_DROP, {"whose": after, "of_kind": row.kind})
                sealed = self._closed(row.month, after, row.kind, self._opened(row))
                told = {"account": after, "kind": row.kind, "month": row.month, "since": row.since, "sealed": sealed}
                connection.execute(_ADD, told)
            connection.execute(_DROP, {"whose": before, "of_kind": row.kind})

    async def reseal(self) -> int:
        """Seal anew what lies under old keys; how many records."""
        month = month_of(self.clock.today())
        old = self.store.read(lambda c: c.execute(_OLD, {"before": month - RESEAL}).all())
        for row in old:
            values = {
                "whose": row.account,
                "of_kind": row.kind,
                "now": month,
                "closed": self._closed(month, row.account, row.kind, self._opened(row)),
            }
            await self.store.write(lambda c, told=values: c.execute(_RENEW, told))  # type: ignore[misc]
        return len(old)

    def _closed(self, month: int, account: str, kind: str, values: Mapping[str, str]) -> bytes:
        content = packing.pack([part for pair in values.items() for part in pair])
        return self.seals.vault.seal(month, content, _context(account, kind))

    def _opened(self, row: Any) -> dict[str, str]:
        parts = packing.unpack(self.seals.vault.unseal(row.month, row.sealed, _context(row.account, row.kind)))
        texts = [str(part) for part in parts]
        return dict(zip(texts[::2], texts[1::2], strict=True))


def _context(account: str, kind: str) -> bytes:
    return f"left/{kind}/{account}".encode()
