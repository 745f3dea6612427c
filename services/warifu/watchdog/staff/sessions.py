"""Sessions of staff: kept in the store, so they outlast a restart; of a session's secret only the hash is kept.

Times are the machine clock's: 30 minutes without a request, or 8 hours in all, end a session.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, update
from starlette.requests import Request
from starlette.responses import Response

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.watchdog.schema import STAFF, STAFF_SESSION
from warifu.watchdog.staff.accounts import Account
from warifu.watchdog.staff.roles import Role

COOKIE: Final = "warifu_staff"
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
_SEEN_STEP: Final = timedelta(seconds=30)
_READ: Final = (
    select(STAFF.c.login, STAFF.c.role, STAFF_SESSION.c.opened_at, STAFF_SESSION.c.seen_at)
    .join(STAFF, STAFF.c.login == STAFF_SESSION.c.login)
    .where(STAFF_SESSION.c.token_hash == bindparam("key"))
)
_ADD: Final = insert(STAFF_SESSION)
_TOUCH: Final = (
    update(STAFF_SESSION).where(STAFF_SESSION.c.token_hash == bindparam("key")).values(seen_at=bindparam("now"))
)
_END: Final = delete(STAFF_SESSION).where(STAFF_SESSION.c.token_hash == bindparam("key"))
_PURGE: Final = delete(STAFF_SESSION).where(
    or_(STAFF_SESSION.c.opened_at <= bindparam("opened"), STAFF_SESSION.c.seen_at <= bindparam("seen"))
)


class Sessions:
    """The sessions of one supervisor's staff."""

    def __init__(self, store: Store, clock: Clock, *, secure: bool) -> None:
        """`secure`: the console is served over HTTPS."""
        self._store, self._clock, self._secure = store, clock, secure

    async def open(self, account: Account, response: Response) -> None:
        """Log somebody in: always a new secret, whatever cookie the browser sent."""
        token, now = secrets.token_urlsafe(32), self._now()
        row = {"token_hash": _key(token), "login": account.login, "opened_at": now, "seen_at": now}
        await self._store.write(lambda connection: connection.execute(_ADD, row))
        # Strict: nothing leads here from another site.
        response.set_cookie(
            COOKIE, token, int(LONGEST.total_seconds()), secure=self._secure, httponly=True, samesite="strict"
        )

    async def of(self, request: Request) -> Account | None:
        """Who makes the request, which keeps the session alive; None without a living session."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        key, now = _key(token), self._now()
        row = self._store.read(lambda connection: connection.execute(_READ, {"key": key}).first())
        if row is None or now - row.opened_at >= milliseconds(LONGEST) or now - row.seen_at >= milliseconds(IDLE):
            return None
        if now - row.seen_at >= milliseconds(_SEEN_STEP):
            await self._store.write(lambda connection: connection.execute(_TOUCH, {"key": key, "now": now}))
        return Account(row.login, Role(row.role))

    async def close(self, request: Request, response: Response) -> None:
        """Log out: the session ends here, and the browser forgets it."""
        if token := request.cookies.get(COOKIE):
            await self._store.write(lambda connection: connection.execute(_END, {"key": _key(token)}))
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")

    async def purge(self) -> int:
        """Forget sessions that have ended; how many."""
        now = self._now()
        before = {"opened": now - milliseconds(LONGEST), "seen": now - milliseconds(IDLE)}
        return await self._store.write(lambda connection: connection.execute(_PURGE, before).rowcount)

    def _now(self) -> int:
        return milliseconds(self._clock.machine())


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
