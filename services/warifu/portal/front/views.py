"""The front page."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.portal.sessions import Sessions
from warifu.web.pages import Pages


@dataclass(frozen=True, slots=True)
class FrontViews:
    """The page that everyone may see."""

    pages: Pages
    sessions: Sessions

    def routes(self) -> list[BaseRoute]:
        """Its route."""
        return [Route("/", self.front, methods=["GET"])]

    async def front(self, request: Request) -> Response:
        """What one can do here."""
        return self.pages.render(request, "front.html", session=await self.sessions.of(request))
