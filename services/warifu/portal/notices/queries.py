"""Notices: added in the transaction of what they tell of, read by their own account alone, kept for a year.

A notice has a kind, the page of this portal that it leads to, and values for its words. The words are the template `notices/<kind>.html` of
the feature that adds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.kernel import packing
from warifu.kernel.clock import Clock
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.months import month_at
from warifu.kernel.store import Store
from warifu.portal.kept import Seals
from warifu.portal.notices.schema import notices
from warifu.portal.schema import accounts

KEPT: Final = timedelta(days=365)
"""Simulated time after which a notice is dropped."""
PAGE_SIZE: Final = 20
_KIND: Final = re.compile(r"[a-z]+(?:-[a-z]+)*", re.ASCII)
_PAGE: Final = re.compile(r"/(?!/)[A-Za-z0-9/_-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, opened."""

    notice: str
    at: int
    """Simulated time, milliseconds."""
    kind: str
    about: str
    """The page of this portal that it leads to."""
    values: Mapping[str, str]
    read: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some notices, newest first."""

    notices: Sequence[Notice]
    older: str | None
    """Pass as `before` for the page of older ones; None at the end."""


_ADD: Final = insert(notices)
_HOLDER: Final = select(accounts.c.account).where(accounts.c.account == bindparam("which"))
_NEWEST: Final = (
    select(notices)
    .where(notices.c.account == bindparam("account"), notices.c.at >= bindparam("since"))
    .order_by(notices.c.number.desc())
    .limit(bindparam("limit"))
)
_MARKED: Final = notices.alias("marked")
_MARK: Final = (
    select(_MARKED.c.number)
    .where(_MARKED.c.notice == bindparam("before"), _MARKED.c.account == bindparam("account"))
    .scalar_subquery()
)
_OLDER: Final = _NEWEST.where(notices.c.number < _MARK)
_ONE: Final = select(notices).where(notices.c.notice == bindparam("which"), notices.c.account == bindparam("account"))
_READ: Final = (
    update(notices)
    .where(notices.c.notice == bindparam("which"), notices.c.account == bindparam("whose"), notices.c.read_at.is_(None))
    .values(read_at=bindparam("now"))
)
_READ_ALL: Final = (
    update(notices)
    .where(notices.c.account == bindparam("whose"), notices.c.read_at.is_(None))
    .values(read_at=bindparam("now"))
)
_DROP: Final = delete(notices).where(notices.c.at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Notices:
    """The notices of one portal."""

    store: Store
    seals: Seals
    clock: Clock
    ids: Ids = field(default_factory=Ids)

    def add(self, connection: Connection, account: str, kind: str, about: str, values: Mapping[str, str]) -> None:
        """Within a write, tell `account` something.

        `kind`: the words are `templates/notices/<kind>.html`, given `values` (a mapping) and `notice`. `about`: a page of this portal.

        Raises:
            ValueError: `kind` or `about` is malformed, or there is no such account: nothing may be told into the void.
        """
        if not _KIND.fullmatch(kind) or not _PAGE.fullmatch(about):
            raise ValueError(f"not a kind of notice and a page: {kind!r}, {about!r}")
        if connection.execute(_HOLDER, {"which": account}).first() is None:
            raise ValueError("a notice for nobody")
        notice, at = self.ids.token(f"notice/{account}").hex(), milliseconds(self.clock.network())
        content = packing.pack([kind, about, *(part for pair in values.items() for part in pair)])
        sealed = self.seals.vault.seal(month_at(at), content, _context(notice))
        connection.execute(_ADD, {"notice": notice, "account": account, "at": at, "sealed": sealed, "read_at": None})

    def page(self, account: str, before: str | None = None, size: int = PAGE_SIZE) -> Page:
        """The notices of `account`, newest first."""
        keys: dict[str, object] = {"account": account, "since": self._since(), "limit": size + 1}
        if before is not None:
            keys["before"] = before
        statement = _NEWEST if before is None else _OLDER
        found = [self._opened(row) for row in self.store.read(lambda c: c.execute(statement, keys).all())]
        return Page(found[:size], found[size - 1].notice if len(found) > size else None)

    async def open(self, account: str, notice: str) -> Notice | None:
        """Mark a notice as read and return it; None when `account` has no such."""
        keys = {"which": notice, "account": account}
        row = self.store.read(lambda c: c.execute(_ONE, keys).one_or_none())
        if row is None or row.at < self._since():
            return None
        if row.read_at is None:
            read = {"which": notice, "whose": account, "now": milliseconds(self.clock.network())}
            await self.store.write(lambda c: c.execute(_READ, read))
        return self._opened(row)

    async def read_all(self, account: str) -> int:
        """Mark every notice of `account` as read; how many were not."""
        keys = {"whose": account, "now": milliseconds(self.clock.network())}
        return await self.store.write(lambda c: c.execute(_READ_ALL, keys).rowcount)

    async def purge(self) -> int:
        """Drop what is past its term; how many."""
        before = {"before": self._since()}
        return await self.store.write(lambda c: c.execute(_DROP, before).rowcount)

    def _since(self) -> int:
        return milliseconds(self.clock.network() - KEPT)

    def _opened(self, row: Any) -> Notice:
        content = self.seals.vault.unseal(month_at(row.at), row.sealed, _context(row.notice))
        kind, about, *rest = (str(part) for part in packing.unpack(content))
        values = dict(zip(rest[::2], rest[1::2], strict=True))
        return Notice(row.notice, row.at, kind, about, values, row.read_at is not None)


def _context(notice: str) -> bytes:
    return f"notice/{notice}".encode()
