"""The page of the operation history and its JSON: always about whoever logged in, never about a principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operation, Operations
from warifu.portal.proxies.refusals import own
from warifu.portal.sessions import Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.pages import Pages

PATH: Final = "/operations"


@dataclass(frozen=True, slots=True)
class OperationViews:
    """The page and the document of operations."""

    pages: Pages
    sessions: Sessions
    operations: Operations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.listed, methods=["GET"]),
            Route("/api/v1/operations", self.listed_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of operations."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        page = self.operations.page(session.account, request.query_params.get("before"))
        told = [(one, written(datetime_at(one.at), languages.of(request))) for one in page.operations]
        first = "before" not in request.query_params
        return self.pages.render(request, "operations.html", session=session, told=told, older=page.older, first=first)

    async def listed_json(self, request: Request) -> Response:
        """The same as JSON: `operations`, each `{at, act, about, mandate, proxy, texts}`; `next` is the value of `before` for the page after it."""
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        own(session)
        page = self.operations.page(session.account, request.query_params.get("before"))
        return JSONResponse({"operations": [self._document(one) for one in page.operations], "next": page.older})

    def _document(self, one: Operation) -> Mapping[str, object]:
        templates = [f"operations/{one.act}.html", "operations/other.html"]
        return {
            "at": iso(datetime_at(one.at)),
            "act": one.act,
            "about": one.about,
            "mandate": one.mandate or None,
            "proxy": one.proxy or None,
            "texts": {
                language: self.pages.text(language, templates, about=one.about) for language in languages.LANGUAGES
            },
        }
