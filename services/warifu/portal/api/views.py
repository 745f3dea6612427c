"""The developers' page: what the API is, its description, and the visitor's bearer tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.law import Text
from warifu.portal.api.tokens import LONGEST_LABEL, MOST, Token, Tokens, TooManyTokensError, bearer
from warifu.portal.sessions import Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import Face, wants_json
from warifu.web.pages import Pages

PATH: Final = "/developers"
DESCRIPTION: Final = Path(__file__).with_name("openapi.json")
TOO_MANY: Final = Text(
    f"トークンは一人{MOST}個までです。使わないものを終えてから、つくってください。",
    f"One person has at most {MOST} tokens. End one that you no longer use, then make another.",
)


@cache
def description() -> Mapping[str, Any]:
    """The OpenAPI document, without its server."""
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return document


@dataclass(frozen=True, slots=True)
class ApiViews:
    """What developers of a portal's pages need."""

    face: Face
    pages: Pages
    sessions: Sessions
    tokens: Tokens

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.shown, methods=["GET"]),
            Route(f"{PATH}/tokens", self.make, methods=["POST"]),
            Route(f"{PATH}/tokens/end", self.end, methods=["POST"]),
            Route("/api/v1/developers", self.shown_json, methods=["GET"]),
            Route("/api/v1/openapi.json", self.described, methods=["GET"]),
        ]

    async def described(self, _request: Request) -> Response:
        """The description of the API: OpenAPI 3.1. Nobody need be logged in to read it."""
        return JSONResponse({**description(), "servers": [{"url": self.face.origin}]})

    async def shown(self, request: Request) -> Response:
        """The page; with the visitor's tokens when they are logged in."""
        return await self._page(request)

    async def shown_json(self, request: Request) -> Response:
        """The visitor's tokens."""
        account = await self._account(request)
        return JSONResponse({"tokens": [_document(token) for token in self.tokens.of(account)]})

    async def make(self, request: Request) -> Response:
        """Make a token and show it, this once. Neither a token nor a shared terminal makes one: it would outlive both."""
        session = await self.sessions.of(request)
        if session is not None and (session.kiosk or bearer(request)):
            raise HTTPException(403)
        account = await self._account(request)
        label = str((await request.form()).get("label", "")).strip()
        if not label or len(label) > LONGEST_LABEL:
            raise HTTPException(400)
        try:
            token, secret = await self.tokens.make(account, label)
        except TooManyTokensError:
            if wants_json(request):
                problem = {"reason": "TOO_MANY_TOKENS", "message": {"ja": TOO_MANY.ja, "en": TOO_MANY.en}}
                return JSONResponse({"error": problem}, 409)
            return await self._page(request, problem=TOO_MANY.to(languages.of(request)), status=409)
        if wants_json(request):
            return JSONResponse({**_document(token), "secret": secret})
        return await self._page(request, secret=secret)

    async def end(self, request: Request) -> Response:
        """End a token. Somebody else's is missing like one that never was."""
        account = await self._account(request)
        if not await self.tokens.end(account, str((await request.form()).get("token", ""))):
            raise HTTPException(404)
        return JSONResponse({"ended": True}) if wants_json(request) else RedirectResponse(PATH, 303)

    async def _account(self, request: Request) -> str:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session.account

    async def _page(self, request: Request, *, secret: str = "", problem: str = "", status: int = 200) -> Response:
        session, language = await self.sessions.of(request), languages.of(request)
        tokens = [
            (token, written(datetime_at(token.made_at), language), written(datetime_at(token.ends_at), language))
            for token in (self.tokens.of(session.account) if session else ())
        ]
        operations = [
            (method.upper(), path, operation["summary"], operation["x-summary-ja"])
            for path, methods in description()["paths"].items()
            for method, operation in methods.items()
        ]
        return self.pages.render(
            request,
            "developers.html",
            status=status,
            session=session,
            tokens=tokens,
            operations=operations,
            secret=secret,
            problem=problem,
            longest=LONGEST_LABEL,
            origin=self.face.origin,
        )


def _document(token: Token) -> Mapping[str, object]:
    return {
        "token": token.token,
        "label": token.label,
        "made_at": iso(datetime_at(token.made_at)),
        "ends_at": iso(datetime_at(token.ends_at)),
    }
