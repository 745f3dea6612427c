"""The operation history of accounts (操作履歴): added with or after what was done, never changed, kept for a year.

An act is a name such as "login"; its words are the template `operations/<act>.html` of the feature that notes it. What a proxy did is
noted with the principal, under the mandate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from warifu.kernel import packing
from warifu.kernel.clock import Clock
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.months import month_at
from warifu.kernel.store import Store
from warifu.portal.kept import Seals
from warifu.portal.operations.schema import operations
from warifu.portal.schema import mandates
from warifu.portal.sessions import Session

KEPT: Final = timedelta(days=365)
"""Simulated time after which an operation is dropped."""
PAGE_SIZE: Final = 20
LONGEST_ABOUT: Final = 200
_ACT: Final = re.compile(r"[a-z]+(?:-[a-z]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Operation:
    """One act on an account, opened."""

    operation: str
    at: int
    """Simulated time, milliseconds."""
    act: str
    about: str
    """What it was done to, in the act's own words; may be empty."""
    mandate: str
    """Under which a proxy did it; empty when the person did."""
    proxy: str
    """What the person calls that proxy."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some operations, newest first."""

    operations: Sequence[Operation]
    older: str | None
    """Pass as `before` for the page of older ones; None at the end."""


_ADD: Final = insert(operations)
_NEWEST: Final = (
    select(operations)
    .where(operations.c.account == bindparam("account"), operations.c.at >= bindparam("since"))
    .order_by(operations.c.number.desc())
    .limit(bindparam("limit"))
)
_MARKED: Final = operations.alias("marked")
_MARK: Final = (
    select(_MARKED.c.number)
    .where(_MARKED.c.operation == bindparam("before"), _MARKED.c.account == bindparam("account"))
    .scalar_subquery()
)
_OLDER: Final = _NEWEST.where(operations.c.number < _MARK)
_LABELS: Final = select(mandates.c.mandate, mandates.c.proxy_label).where(mandates.c.principal == bindparam("account"))
_DROP: Final = delete(operations).where(operations.c.at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Operations:
    """The operation histories of one portal."""

    store: Store
    seals: Seals
    clock: Clock
    ids: Ids = field(default_factory=Ids)

    async def note(self, account: str, act: str, about: str = "") -> None:
        """Note what `account` did; durable when this returns. Words: `templates/operations/<act>.html`, given `about`.

        Raises:
            ValueError: see `add`.
        """
        await self.store.write(lambda connection: self.add(connection, account, act, about))

    async def note_by(self, session: Session, act: str, about: str = "") -> None:
        """The same for whoever the session stands for: with the principal, under the mandate, while it acts for one."""
        mandate = session.acting.mandate if session.acting else ""
        whose = session.whose
        await self.store.write(lambda connection: self.add(connection, whose, act, about, mandate))

    def add(self, connection: Connection, account: str, act: str, about: str = "", mandate: str = "") -> None:
        """Within a write, note an act.

        Raises:
            ValueError: `act` is malformed or `about` too long.
        """
        if not _ACT.fullmatch(act) or len(about) > LONGEST_ABOUT:
            raise ValueError(f"not an act and what it was about: {act!r}, {about!r}")
        operation, at = self.ids.token(f"operation/{account}").hex(), milliseconds(self.clock.network())
        sealed = self.seals.vault.seal(month_at(at), packing.pack([act, about, mandate]), _context(operation))
        connection.execute(_ADD, {"operation": operation, "account": account, "at": at, "sealed": sealed})

    def page(self, account: str, before: str | None = None, size: int = PAGE_SIZE) -> Page:
        """The operations of `account`, newest first."""
        keys: dict[str, object] = {"account": account, "since": self._since(), "limit": size + 1}
        if before is not None:
            keys["before"] = before
        statement = _NEWEST if before is None else _OLDER
        rows, labels = self.store.read(
            lambda c: (c.execute(statement, keys).all(), dict(c.execute(_LABELS, {"account": account}).all()))
        )
        found = [self._opened(row, labels) for row in rows]
        return Page(found[:size], found[size - 1].operation if len(found) > size else None)

    async def purge(self) -> int:
        """Drop what is past its term; how many."""
        before = {"before": self._since()}
        return await self.store.write(lambda c: c.execute(_DROP, before).rowcount)

    def _since(self) -> int:
        return milliseconds(self.clock.network() - KEPT)

    def _opened(self, row: Any, labels: dict[str, str]) -> Operation:
        content = self.seals.vault.unseal(month_at(row.at), row.sealed, _context(row.operation))
        act, about, mandate = (str(part) for part in packing.unpack(content))
        return Operation(row.operation, row.at, act, about, mandate, labels.get(mandate, ""))


def _context(operation: str) -> bytes:
    return f"operation/{operation}".encode()
