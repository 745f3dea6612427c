"""The page of notices and its JSON: always about whoever logged in, never about a principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.portal.login.views import to_login
from warifu.portal.notices.queries import Notice, Notices
from warifu.portal.proxies.refusals import own
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PATH: Final = "/notices"


@dataclass(frozen=True, slots=True)
class NoticeViews:
    """The page and the document of notices."""

    pages: Pages
    sessions: Sessions
    notices: Notices

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{PATH}/open", self.open, methods=["POST"]),
            Route(f"{PATH}/read", self.read_all, methods=["POST"]),
            Route("/api/v1/notices", self.listed_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of notices."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        page, language = self.notices.page(session.account, request.query_params.get("before")), languages.of(request)
        told = [(one, written(datetime_at(one.at), language)) for one in page.notices]
        first = "before" not in request.query_params
        return self.pages.render(request, "notices.html", session=session, told=told, older=page.older, first=first)

    async def listed_json(self, request: Request) -> Response:
        """The same as JSON: `notices`, each `{notice, at, kind, about, values, texts, read}`; `next` is the value of `before` for the page after it."""
        session = await self._required(request)
        page = self.notices.page(session.account, request.query_params.get("before"))
        return JSONResponse({"notices": [self._document(one) for one in page.notices], "next": page.older})

    async def open(self, request: Request) -> Response:
        """Mark one as read and go on to what it is about; somebody else's is missing like one that never was."""
        session = await self._posting(request)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}", 303)
        notice = await self.notices.open(session.account, str((await request.form()).get("notice", "")))
        if notice is None:
            raise HTTPException(404)
        return JSONResponse(self._document(notice)) if wants_json(request) else RedirectResponse(notice.about, 303)

    async def read_all(self, request: Request) -> Response:
        """Mark all as read."""
        session = await self._posting(request)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}", 303)
        count = await self.notices.read_all(session.account)
        return JSONResponse({"read": count}) if wants_json(request) else RedirectResponse(PATH, 303)

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        own(session)
        return session

    async def _posting(self, request: Request) -> Session | None:
        session = await self.sessions.of(request)
        if session is None and wants_json(request):
            raise HTTPException(401)
        if session is not None:
            own(session)
        return session

    def _document(self, one: Notice) -> Mapping[str, object]:
        templates = [f"notices/{one.kind}.html", "notices/other.html"]
        return {
            "notice": one.notice,
            "at": iso(datetime_at(one.at)),
            "kind": one.kind,
            "about": one.about,
            "values": dict(one.values),
            "texts": {
                language: self.pages.text(language, templates, values=one.values) for language in languages.LANGUAGES
            },
            "read": one.read,
        }
