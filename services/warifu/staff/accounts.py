"""Accounts of staff: a password, a second factor where the face has one, and a lock after wrong tries in a row."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Insert, Row, Select, Table, Update, bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.staff.passwords import HASH_SIZE, LONGEST, SALT_SIZE, new_salt, password_hash

TRIES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=5)
A = TypeVar("A")
Second = Callable[[Row[Any], str], Mapping[str, Any] | None]
"""Checks a second factor against an account's row: the columns that change when it is right, None when it is wrong."""
_NOBODY: Final = os.urandom(SALT_SIZE), os.urandom(HASH_SIZE)


@cache  # a schema's, of which a process has few: its offices share the statements
def _statements(table: Table) -> tuple[Select[Any], Select[Any], Insert, Update]:
    key = table.c.login
    read = select(table).where(key == bindparam("login"))
    return read, select(table).order_by(key), insert(table), update(table).where(key == bindparam("who"))


class LockedError(Exception):
    """Too many wrong tries in a row: right ones do not count either, for a while."""


class Accounts(Generic[A]):
    """The accounts of one office, in a table of `warifu.staff.tables`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        table: Table,
        account: Callable[[Row[Any]], A],
        *,
        second: Second | None = None,
        turn: asyncio.Lock | None = None,
    ) -> None:
        """`account` makes an account of its row. `turn`: a guess costs 16 MiB, so offices of one process guess one after the other."""
        self._store, self._clock, self._account, self._second = store, clock, account, second
        self._turn = turn or asyncio.Lock()
        self._read, self._all, self._add, self._change = _statements(table)

    async def make(self, login: str, role: str, password: str, **more: object) -> None:
        """Make an account, unless there is one of this name; `more` are the face's own columns."""
        if self._row(login) is not None:
            return
        salt = new_salt()
        known = await asyncio.to_thread(password_hash, password, salt)
        row = {"login": login, "role": role, "salt": salt, "hash": known, "failed": 0, "locked_until": 0, **more}

        def add(connection: Connection) -> None:
            if connection.execute(self._read, {"login": login}).first() is None:
                connection.execute(self._add, row)

        await self._store.write(add)

    async def check(self, login: str, password: str, code: str = "") -> A | None:
        """The account, when password and second factor are its own; None otherwise, alike for whatever of the three is wrong.

        Raises:
            LockedError: it is locked, or this was one wrong try too many.
        """
        async with self._turn:
            row = self._row(login)
            if row is not None and row.locked_until > self._now():
                raise LockedError
            right = await self._password_right(row, password)
            if row is None:
                return None
            changes = {} if self._second is None else self._second(row, code)
            if right and changes is not None:
                await self.change(login, failed=0, locked_until=0, **changes)
                return self._account(row)
            await self._count(row)
        return None

    def all(self) -> list[A]:
        """Every account, by login."""
        return [self._account(row) for row in self._store.read(lambda connection: connection.execute(self._all).all())]

    def find(self, login: str) -> A | None:
        """The account of this name."""
        row = self._row(login)
        return None if row is None else self._account(row)

    async def change(self, login: str, **values: object) -> None:
        """Change columns of an account."""
        statement = self._change.values(**values)
        await self._store.write(lambda connection: connection.execute(statement, {"who": login}))

    async def _password_right(self, row: Row[Any] | None, password: str) -> bool:
        salt, known = (row.salt, row.hash) if row is not None else _NOBODY
        found = await asyncio.to_thread(password_hash, password[:LONGEST], salt)
        return len(password) <= LONGEST and hmac.compare_digest(found, known)

    async def _count(self, row: Row[Any]) -> None:
        failed = row.failed + 1
        until = self._now() + milliseconds(LOCKED_FOR) if failed >= TRIES else 0
        await self.change(row.login, failed=failed % TRIES, locked_until=until)
        if failed >= TRIES:
            raise LockedError

    def _row(self, login: str) -> Row[Any] | None:
        return self._store.read(lambda connection: connection.execute(self._read, {"login": login}).first())

    def _now(self) -> int:
        return milliseconds(self._clock.machine())
