"""Sessions of staff: kept in the store, so they outlast a restart; of a session's secret only the hash is kept.

30 minutes without a request, or 8 hours in all, end a session.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Delete, Insert, Row, Select, Table, Update, bindparam, delete, insert, or_, select, update
from starlette.requests import Request
from starlette.responses import Response

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store

COOKIE: Final = "warifu_staff"
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
_SEEN_STEP: Final = timedelta(seconds=30)
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Statements:
    read: Select[Any]
    add: Insert
    touch: Update
    end: Delete
    purge: Delete


@cache  # to write them costs more than to run them, and a test's process opens the same office again and again
def _statements(staff: Table, session: Table) -> _Statements:
    mine = session.c.token_hash == bindparam("key")
    opened = select(staff, session.c.opened_at, session.c.seen_at).join(session, staff.c.login == session.c.login)
    over = or_(session.c.opened_at <= bindparam("opened"), session.c.seen_at <= bindparam("seen"))
    return _Statements(
        read=opened.where(mine),
        add=insert(session),
        touch=update(session).where(mine).values(seen_at=bindparam("now")),
        end=delete(session).where(mine),
        purge=delete(session).where(over),
    )


class Sessions(Generic[A]):
    """The sessions of one office's staff."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        staff: Table,
        session: Table,
        account: Callable[[Row[Any]], A],
        *,
        secure: bool,
        path: str = "/",
    ) -> None:
        """`account` makes an account of its row. `secure`: the face is served over HTTPS. `path`: below which the cookie is sent."""
        self._store, self._clock, self._account = store, clock, account
        self._secure, self._path = secure, path
        self._by = _statements(staff, session)

    async def open(self, login: str, response: Response) -> None:
        """Log somebody in: always a new secret, whatever cookie the browser sent."""
        token, now = secrets.token_urlsafe(32), self._now()
        row = {"token_hash": _key(token), "login": login, "opened_at": now, "seen_at": now}
        await self._store.write(lambda connection: connection.execute(self._by.add, row))
        longest = int(LONGEST.total_seconds())
        # Strict: nothing leads here from another site.
        response.set_cookie(
            COOKIE, token, longest, path=self._path, secure=self._secure, httponly=True, samesite="strict"
        )

    async def of(self, request: Request) -> A | None:
        """Who makes the request, which keeps the session alive; None without a living session."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        key, now = _key(token), self._now()
        row = self._store.read(lambda connection: connection.execute(self._by.read, {"key": key}).first())
        if row is None or now - row.opened_at >= milliseconds(LONGEST) or now - row.seen_at >= milliseconds(IDLE):
            return None
        if now - row.seen_at >= milliseconds(_SEEN_STEP):
            await self._store.write(lambda connection: connection.execute(self._by.touch, {"key": key, "now": now}))
        return self._account(row)

    async def close(self, request: Request, response: Response) -> None:
        """Log out: the session ends here, and the browser forgets it."""
        if token := request.cookies.get(COOKIE):
            await self._store.write(lambda connection: connection.execute(self._by.end, {"key": _key(token)}))
        response.delete_cookie(COOKIE, path=self._path, httponly=True, samesite="strict")

    async def purge(self) -> int:
        """Forget sessions that have ended; how many."""
        now = self._now()
        before = {"opened": now - milliseconds(LONGEST), "seen": now - milliseconds(IDLE)}
        return await self._store.write(lambda connection: connection.execute(self._by.purge, before).rowcount)

    def _now(self) -> int:
        return milliseconds(self._clock.machine())


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
