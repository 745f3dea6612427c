"""Slow answers and failures for one account, on its own wish: so that whoever builds a portal's pages sees what a citizen sees on a bad day.

Simulation only. The fault enters around the application, before any page: pages know nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from warifu.kernel.store import Store
from warifu.portal.api.schema import api_faults
from warifu.portal.kiosk.downloads import NoDownloadsError
from warifu.portal.proxies.scopes import OutOfScopeError
from warifu.portal.sessions import Sessions
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PATH: Final = "/api/v1/developers/fault"
DELAY: Final = 3.0
"""Seconds by which a slow account's answers are late."""
_UNTOUCHED: Final = (PATH, "/login", "/logout", "/static/", "/api/v1/logout")
_ALL: Final = select(api_faults)
_ADD: Final = insert(api_faults)
_DROP: Final = delete(api_faults).where(api_faults.c.account == bindparam("whose"))
_TOLD: Final = {
    "ja": "このアカウントは、開発のために停止中にしてあります。",
    "en": "This account was set to fail, for development.",
}


class Fault(StrEnum):
    """What goes wrong for an account."""

    NONE = "none"
    SLOW = "slow"
    """Every answer is `DELAY` late."""
    DOWN = "down"
    """Every answer is 503."""


class Faults:
    """The faults of one portal's accounts."""

    def __init__(self, store: Store, sessions: Sessions, pages: Pages) -> None:
        self._store, self._sessions, self._pages = store, sessions, pages
        self._of = store.read(lambda c: {row.account: Fault(row.fault) for row in c.execute(_ALL)})

    def around(self, app: ASGIApp) -> ASGIApp:
        """`app`, slow or down for the accounts that wish it."""

        def around(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            return (faulty if self._of else app)(scope, receive, send)

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            fault = await self._felt(scope)
            if fault is Fault.SLOW:
                await asyncio.sleep(DELAY)
            if fault is Fault.DOWN:
                unavailable = await self._unavailable(Request(scope))
                await unavailable(scope, receive, send)
                return
            await app(scope, receive, send)

        return around

    def routes(self) -> list[BaseRoute]:
        """Where an account says what it wishes to feel."""
        return [Route(PATH, self.shown, methods=["GET"]), Route(PATH, self.wish, methods=["POST"])]

    async def shown(self, request: Request) -> Response:
        """What the caller's account feels."""
        account = await self._account(request)
        return JSONResponse({"fault": self._of.get(account, Fault.NONE)})

    async def wish(self, request: Request) -> Response:
        """Set it: `fault` is none, slow or down."""
        account = await self._account(request)
        try:
            fault = Fault(str((await request.form()).get("fault", "")))
        except ValueError as error:
            raise HTTPException(400) from error
        await self._store.write(lambda connection: _set(connection, account, fault))
        self._of[account] = fault
        return JSONResponse({"fault": fault})

    async def _felt(self, scope: Scope) -> Fault:
        if scope["type"] != "http" or scope["path"].startswith(_UNTOUCHED):
            return Fault.NONE
        try:
            session = await self._sessions.of(Request(scope))
        except (NoDownloadsError, OutOfScopeError):
            return Fault.NONE  # refused by the pages, in words
        return self._of.get(session.account, Fault.NONE) if session is not None else Fault.NONE

    async def _unavailable(self, request: Request) -> Response:
        headers = {"retry-after": "60"}
        if wants_json(request):
            return JSONResponse({"error": {"status": 503, "message": _TOLD}}, 503, headers)
        session = await self._sessions.of(request, anywhere=True)
        response = self._pages.render(request, "error.html", status=503, status_code=503, session=session)
        response.headers.update(headers)
        return response

    async def _account(self, request: Request) -> str:
        session = await self._sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session.account


def _set(connection: Connection, account: str, fault: Fault) -> None:
    connection.execute(_DROP, {"whose": account})
    if fault is not Fault.NONE:
        connection.execute(_ADD, {"account": account, "fault": fault})
