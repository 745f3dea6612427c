"""Login sessions. They are kept in the store, so they outlast a restart of the portal; of a session's secret only the hash is kept.

Times are the machine clock's: 15 minutes without a request or 60 minutes in all end a session, whatever the simulated clock does.

A session may read somebody else's history under a mandate (`warifu.portal.proxies`). Whether that mandate lives is looked up with the
session, on every request, so that revoking it works at once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.ready import Ready
from warifu.kernel.store import Store, StoreClosedError
from warifu.portal.kiosk import downloads
from warifu.portal.notices.schema import notices
from warifu.portal.proxies import scopes
from warifu.portal.schema import mandates, sessions
from warifu.web.face import API

_LOG: Final = logging.getLogger(__name__)
COOKIE: Final = "warifu_session"
IDLE: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(minutes=60)
KIOSK_IDLE: Final = timedelta(minutes=3)
SEEN_STEP: Final = timedelta(seconds=30)
"""The time of the last request is noted at most this often, and no page waits for that."""
_IDLE, _LONGEST, _KIOSK_IDLE, _SEEN_STEP = map(milliseconds, (IDLE, LONGEST, KIOSK_IDLE, SEEN_STEP))

_ROW: Final = (
    sessions.c.account,
    sessions.c.opened_at,
    sessions.c.seen_at,
    sessions.c.acting,
    sessions.c.serial,
    type_coerce(sessions.c.kiosk, Integer),
)


def beside(*columns: ColumnElement[Any], joined: Callable[[Table], FromClause] = lambda table: table) -> Ready:
    """A SELECT of a session and `columns` of what is `joined` to it from the left, for `Sessions.beside`."""
    select_from = select(*_ROW, *columns).select_from(joined(sessions))
    return Ready(select_from.where(sessions.c.token_hash == bindparam("hash")), "hash")


_ALONE: Final = beside()
_MANDATE: Final = select(mandates.c.principal, mandates.c.principal_label, mandates.c.scope).where(
    mandates.c.mandate == bindparam("mandate"),
    mandates.c.proxy == bindparam("proxy"),
    mandates.c.ended_at.is_(None),
    mandates.c.until > bindparam("today"),
)
_UNREAD: Final = select(exists().where(notices.c.account == bindparam("whose"), notices.c.read_at.is_(None)))
_INSERT: Final = insert(sessions)
_TOUCH: Final = update(sessions).where(sessions.c.token_hash == bindparam("hash")).values(seen_at=bindparam("now"))
_DELETE: Final = delete(sessions).where(sessions.c.token_hash == bindparam("hash"))
_COUNT: Final = select(func.count()).where(
    sessions.c.account == bindparam("whose"),
    sessions.c.opened_at > bindparam("opened"),
    sessions.c.seen_at > bindparam("seen"),
)
_PURGE: Final = delete(sessions).where(
    or_(sessions.c.opened_at <= bindparam("opened"), sessions.c.seen_at <= bindparam("seen"))
)


def new_token() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """By which a cookie's value is kept and bound: SHA-256."""
    return sha256(token.encode("utf-8", "surrogateescape")).digest()


def set_cookie(
    response: Response, name: str, token: str, *, secure: bool, seconds: int | None, path: str = "/"
) -> None:
    """Give the browser a secret cookie; without `seconds` until it is closed.

    SameSite is Lax, not Strict: the card service, another site, leads the browser back to the portal by a redirect, and with Strict the
    cookie that the login is bound to would stay behind on that step. Lax sends it on such a top-level GET and on nothing else from
    other sites; and no GET of the portal changes anything, but the login's own, which a single-use challenge protects, and the application's, which a card's signature over that very form does.
    Secure is set where the portal is served over HTTPS; the demo's plain HTTP never leaves the machine.
    """
    response.set_cookie(name, token, max_age=seconds, path=path, secure=secure, httponly=True, samesite="lax")


class MandateEndedError(Exception):
    """The session was reading somebody else's history, and may no longer."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A living mandate under which a session reads."""

    mandate: str
    principal: str
    """The account whose history is read."""
    label: str
    """What the proxy calls the principal."""
    scope: str
    """How far it reaches (`warifu.portal.proxies.scopes.Scope`)."""


class Session(NamedTuple):
    """A living session."""

    token_hash: bytes
    account: str
    """Whose card opened it."""
    acting: Acting | None = None
    lapsed: bool = False
    """It was reading under a mandate that has ended since, and has not been told to go back yet."""
    unread: bool = False
    """Its holder has a notice that is not read: for the frame of pages, and not looked up for programs."""
    serial: str = ""
    """Serial number of the certificate that opened it; empty for a bearer token."""
    kiosk: bool = False
    """It was opened at a terminal that others use after."""

    @property
    def whose(self) -> str:
        """The account whose history this session reads: its own, or the principal's.

        Raises:
            MandateEndedError: it lapsed. Its own history instead would be taken for the principal's.
        """
        if self.lapsed:
            raise MandateEndedError
        return self.acting.principal if self.acting else self.account


class Sessions:
    """The sessions of one portal."""

    def __init__(
        self, store: Store, clock: Clock, *, secure: bool, bearer: Callable[[Request], Session | None] | None = None
    ) -> None:
        """`secure`: the portal is served over HTTPS; `bearer`: what a request that shows a bearer token opens (`warifu.portal.api`)."""
        self._store, self._clock, self._secure, self._bearer = store, clock, secure, bearer
        self._seen: dict[bytes, int] = {}
        """Of sessions whose last request is being noted: when it was."""
        self._noting: set[asyncio.Task[None]] = set()

    async def open(self, account: str, response: Response, *, serial: str, kiosk: bool = False) -> bytes:
        """Log `account` in: always a new secret, whatever cookie the browser sent, so that nobody can plant one beforehand.

        `serial`: of the certificate that was proved; when that one ends, so does the session. `kiosk`: others use the terminal after,
        so it ends sooner and its cookie is gone with the browser. Returns the hash by which the session is kept.
        """
        token, now = new_token(), milliseconds(self._clock.machine())
        key = token_hash(token)
        row = {
            "token_hash": key,
            "account": account,
            "opened_at": now,
            "seen_at": now,
            "serial": serial,
            "kiosk": kiosk,
        }
        await self._store.write(lambda connection: connection.execute(_INSERT, row))
        seconds = None if kiosk else int(LONGEST.total_seconds())
        set_cookie(response, COOKIE, token, secure=self._secure, seconds=seconds)
        return key

    async def of(self, request: Request, *, anywhere: bool = False) -> Session | None:
        """The living session of a request, which this very request keeps alive; None when there is none.

        A request with an Authorization header is judged by that alone, never by a cookie that came along.

        Raises:
            OutOfScopeError: it acts for somebody, and the mandate does not reach the page asked for; unless `anywhere`.
            NoDownloadsError: it was opened at a shared terminal, and what is asked for would stay there; unless `anywhere`.
        """
        return self.beside(request, _ALONE, anywhere=anywhere)[0]

    def beside(
        self, request: Request, asked: Ready, *, anywhere: bool = False
    ) -> tuple[Session | None, Sequence[tuple[Any, ...]] | None]:
        """The session as `of`, and what else a SELECT (`beside`) says of it: of each row what follows the session; None unless the session reads its own holder's by a cookie."""
        scope = request.scope
        token, authorized = _shown(scope["headers"])
        if authorized and self._bearer is not None:
            return self._bearer(request), None
        if not token:
            return None, None
        key, now = token_hash(token), milliseconds(self._clock.machine())
        found = self._store.read(lambda connection: asked.rows(connection, (key,)))
        if not found:
            return None, None
        account, opened_at, seen_at, mandate, serial, kiosk = found[0][: len(_ROW)]
        if self._seen:
            seen_at = max(seen_at, self._seen.get(key, 0))
        if not _lives(opened_at, seen_at, now, kiosk=kiosk):
            return None, None
        if kiosk and not anywhere:
            downloads.refuse(request.url.path)
        if now - seen_at >= _SEEN_STEP:
            self._touch(key, now)
        if mandate is not None:
            session = Session(key, account, kiosk=bool(kiosk), serial=serial)
            return self._for_another(session, mandate, request, anywhere=anywhere), None
        unread = not scope["path"].startswith(API) and self._has_unread(account)
        session = Session(key, account, None, False, unread, serial, bool(kiosk))
        return session, [row[len(_ROW) :] for row in found]

    def _for_another(self, session: Session, mandate: str, request: Request, *, anywhere: bool) -> Session:
        """The session under its mandate; raises as `of`."""
        acting = self._acting(mandate, session.account)
        if acting is None:
            return session._replace(lapsed=True)
        if not anywhere:
            scopes.check(acting.scope, request.url.path)
        return session._replace(acting=acting)

    def _has_unread(self, account: str) -> bool:
        return bool(self._store.read(lambda connection: connection.execute(_UNREAD, {"whose": account}).scalar_one()))

    def _acting(self, mandate: str, proxy: str) -> Acting | None:
        """The mandate; None when it does not live now, or is not this proxy's."""
        keys = {"mandate": mandate, "proxy": proxy, "today": milliseconds(self._clock.network())}
        row = self._store.read(lambda connection: connection.execute(_MANDATE, keys).one_or_none())
        return None if row is None else Acting(mandate, row.principal, row.principal_label, row.scope)

    def _touch(self, key: bytes, now: int) -> None:
        """Note that a session was used. Until that is kept it counts here; if it never is, the session ends the sooner."""
        self._seen[key] = now
        task = asyncio.get_running_loop().create_task(self._note(key, now))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _note(self, key: bytes, now: int) -> None:
        try:
            await self._store.write(lambda connection: connection.execute(_TOUCH, {"hash": key, "now": now}))
        except StoreClosedError:
            pass  # the portal ends
        except DBAPIError:
            _LOG.warning("the use of a session was not kept; it may end sooner", exc_info=True)
        finally:
            if self._seen.get(key) == now:
                del self._seen[key]

    async def frame(self, request: Request) -> Mapping[str, object]:
        """What the frame of a page knows that shows nothing of anybody's: an error page, and what everyone may read."""
        return {"session": await self.of(request, anywhere=True)}

    def count(self, account: str) -> int:
        """How many sessions of an account live."""
        now = milliseconds(self._clock.machine())
        keys = {"whose": account, "opened": now - milliseconds(LONGEST), "seen": now - milliseconds(IDLE)}
        return self._store.read(lambda connection: connection.execute(_COUNT, keys).scalar_one())

    async def close(self, request: Request, response: Response) -> None:
        """Log out: the session ends here and the browser forgets it. Who shows a token instead of a cookie has no session to end."""
        token, authorized = _shown(request.scope["headers"])
        if authorized:
            return
        if token:
            key = token_hash(token)
            await self._store.write(lambda connection: connection.execute(_DELETE, {"hash": key}))
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")

    async def purge(self) -> int:
        """Forget sessions that have ended; returns how many."""
        now = milliseconds(self._clock.machine())
        before = {"opened": now - milliseconds(LONGEST), "seen": now - milliseconds(IDLE)}
        return await self._store.write(lambda connection: connection.execute(_PURGE, before).rowcount)


def _shown(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, bool]:
    """The session's cookie, and whether there is an Authorization header. As `Request.cookies` and `Request.headers` tell it, of which no more is asked for."""
    token, authorized = None, False
    for name, value in headers:
        if name == b"cookie":
            token = cookie_parser(value.decode("latin-1")).get(COOKIE, token)
        elif name == b"authorization":
            authorized = True
    return token, authorized


def _lives(opened_at: int, seen_at: int, now: int, *, kiosk: bool) -> bool:
    return now - opened_at < _LONGEST and now - seen_at < (_KIOSK_IDLE if kiosk else _IDLE)
