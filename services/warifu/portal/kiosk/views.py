"""The pages of a shared terminal: its first page, and the end of a visit.

Ending a visit ends the session, lets the browser forget what it kept for this site, takes the card off the reader, and comes back to the
terminal's first page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.portal.kiosk.downloads import NoDownloadsError
from warifu.portal.kiosk.terminals import is_kiosk, make_kiosk, make_own
from warifu.portal.operations.queries import Operations
from warifu.portal.sessions import Sessions
from warifu.web.face import Face, Failure, wants_json
from warifu.web.pages import Pages

PATH: Final = "/kiosk"
_FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True)
class KioskViews:
    """For terminals in public places."""

    face: Face
    pages: Pages
    sessions: Sessions
    operations: Operations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.front, methods=["GET"]),
            Route(f"{PATH}/finish", self.finish, methods=["POST"]),
            Route(f"{PATH}/leave", self.leave, methods=["POST"]),
        ]

    def failures(self) -> Mapping[type[Exception], Failure]:
        """What is answered where a file would stay on the terminal."""
        return {NoDownloadsError: self.no_downloads}

    async def front(self, request: Request) -> Response:
        """The first page of a terminal. Opening it makes the browser one."""
        there = urlencode({"origin": self.face.origin})
        response = self.pages.render(
            request,
            "kiosk.html",
            session=None,
            over="over" in request.query_params,
            done="done" in request.query_params,
            # A page of its own in between: a form's way may not lead to another site, not even by redirects.
            clearing=f"{self.face.origins['card']}/finish?{there}" if "clearing" in request.query_params else "",
        )
        make_kiosk(response, secure=self.face.secure)
        return response

    async def finish(self, request: Request) -> Response:
        """End the visit and leave nothing for who comes next."""
        session = await self.sessions.of(request, anywhere=True)
        if session is not None:
            await self.operations.note(session.account, "logout")
        response: Response = RedirectResponse(f"{PATH}?clearing", 303)
        if wants_json(request):
            response = JSONResponse({"finished": True})
        await self.sessions.close(request, response)
        response.headers["clear-site-data"] = '"cache", "storage"'
        return response

    async def leave(self, request: Request) -> Response:
        """Make the browser somebody's own again."""
        response = RedirectResponse("/", 303)
        await self.sessions.close(request, response)
        make_own(response)
        return response

    async def no_downloads(self, request: Request, _error: Exception) -> Response:
        """Say why there is no file here, and where there is."""
        if wants_json(request):
            return JSONResponse({"error": {"reason": "NO_DOWNLOADS_AT_A_SHARED_TERMINAL"}}, _FORBIDDEN)
        return self.pages.render(
            request, "kiosk_downloads.html", status=_FORBIDDEN, session=None, kiosk=is_kiosk(request)
        )
