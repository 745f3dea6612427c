"""The settings of a web face, and the application that a face's routes become."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from warifu.kernel.config import Web
from warifu.kernel.errors import LinkageError
from warifu.web.differs import PATH, differences
from warifu.web.guard import STRICTEST, Guard, Policy
from warifu.web.pages import Pages

_LOG: Final = logging.getLogger(__name__)
API: Final = "/api/"
Failure = Callable[[Request, Exception], Awaitable[Response]]
"""Answers a request in which an exception was raised."""
_NONE: Final[Mapping[type[Exception], Failure]] = MappingProxyType({})
_BROKEN: Final = 500
_WHAT_TO_DO: Final[Mapping[int, Mapping[str, str]]] = MappingProxyType(
    {
        400: {
            "ja": "要求を処理できません。内容を確かめてください。",
            "en": "The request cannot be served. Check what it says.",
        },
        401: {
            "ja": "ログインしていないか、トークンが期限切れです。ログインするか、新しいトークンを Authorization: Bearer で送ってください。",
            "en": "Not logged in, or the token has ended. Log in, or send a new token as Authorization: Bearer.",
        },
        403: {
            "ja": "ほかのサイトから送られた操作か、許されていない操作です。",
            "en": "It was sent from another site, or is not allowed.",
        },
        404: {
            "ja": "アドレスが違うか、見ることのできるものではありません。",
            "en": "The address is wrong, or it is nothing that you may see.",
        },
        405: {"ja": "このアドレスでは、その操作はできません。", "en": "This address does not take that method."},
        413: {
            "ja": "送られた内容が大きすぎます。短くしてください。",
            "en": "What was sent is too large. Make it shorter.",
        },
        421: {
            "ja": "Host が、この画面のものではありません。案内されたアドレスを使ってください。",
            "en": "The Host is not this face's. Use the address that you were given.",
        },
        500: {
            "ja": "いまは答えられません。しばらく待ってから、もう一度送ってください。",
            "en": "No answer just now. Wait a while, then send it again.",
        },
    }
)
"""By status: 400 stands for every other one below 500."""


class Unopened:
    """A face whose pages are put together when somebody first asks for one."""

    def __init__(self, opened: Callable[[], ASGIApp]) -> None:
        self._opened = opened

    @cached_property
    def application(self) -> ASGIApp:
        """The face itself."""
        return self._opened()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        await self.application(scope, receive, send)


async def _alike(_: Request) -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame of pages that no feature makes (`error.html` and 本物との違い) needs to know, such as who is logged in."""

    known: Callable[[Request], Awaitable[Mapping[str, object]]] = _alike
    """Of a request. Its route may be unknown, and whatever failed may fail here again."""
    nobody: Mapping[str, object] = field(default_factory=dict)
    """What is shown when that fails."""

    async def of(self, request: Request) -> Mapping[str, object]:
        """What is known; never fails."""
        try:
            return {**self.nobody, **await self.known(request)}
        except Exception:  # noqa: BLE001 - the page that says that something failed is shown, whatever else fails
            _LOG.warning("an error page is shown without its menu", exc_info=True)
            return self.nobody


@dataclass(frozen=True, slots=True)
class Face:
    """Where this face is and which others it works with."""

    host: str
    origin: str
    """Own origin, such as "http://portal.localhost:8170"."""
    origins: dict[str, str]
    """Origins of other faces by name: portal, card."""
    policy: Policy = STRICTEST
    """What its pages may do; one page may have a policy of its own (`Pages.render`)."""

    @classmethod
    def of(cls, web: Web, name: str) -> Face:
        """The face called `name` of a party's configuration. Without an origin of its own there, host and port make one."""
        own = web.origins.get(name, f"http://{web.host}:{web.port}")
        return cls(web.host, own, {other: origin for other, origin in web.origins.items() if other != name})

    @property
    def secure(self) -> bool:
        """It is served over HTTPS, so its cookies may be confined to that."""
        return self.origin.startswith("https:")


_RAISED: Final = "warifu.raised"
"""In a request's scope: what its answer raised."""


class Document(Response):
    """JSON that is ready, as `Response` would send it."""

    def __init__(self, body: bytes) -> None:
        self.status_code, self.background, self.body = 200, None, body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON]


_JSON: Final = b"content-type", b"application/json"


class Direct:
    """An endpoint for a route without parameters that is asked for often. It answers before the framework's own layers are gone through; what it raises is raised there again, where failures are answered as ever."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]]) -> None:
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if (raised := scope.get(_RAISED)) is not None:
            raise raised
        response = await self.answer(Request(scope, receive, send))
        await response(scope, receive, send)


class _Routes(Router):
    """Looks an address without parameters up among the few routes that it may be, instead of trying one after the other; of several the first is meant, as ever."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        # An address that is not one of ours is missing, never mended.
        super().__init__(routes, redirect_slashes=False)
        self._named = {route.path for route in routes if isinstance(route, Route) and not route.param_convertors}
        self._near: dict[str, Sequence[BaseRoute]] = {}
        """Of each of them that was asked for: found when it first is, since most never are and each is held against all routes."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Router.app`, which is gone on to unless there is a route that takes address and method."""
        near = self._near_to(scope["path"]) if scope["type"] == "http" and not scope.get("root_path") else ()
        for route in near:
            match, matched = route.matches(scope)
            if match is Match.FULL:
                scope.setdefault("router", self)
                scope["route"] = route
                scope.update(matched)
                await route.handle(scope, receive, send)
                return
        await super().app(scope, receive, send)

    def direct(self) -> Mapping[str, Direct]:
        """By path: endpoints that are asked before the framework's layers, each the first of all routes that its path may mean."""
        given = {route.path: route.endpoint for route in self.routes if isinstance(route, Route)}
        return {
            path: endpoint
            for path, endpoint in given.items()
            if isinstance(endpoint, Direct) and getattr(self._near_to(path)[0], "endpoint", None) is endpoint
        }

    def _near_to(self, path: str) -> Sequence[BaseRoute]:
        if path not in self._named:
            return ()
        if path not in self._near:
            self._near[path] = [
                route for route in self.routes if not isinstance(route, Route) or route.path_regex.match(path)
            ]
        return self._near[path]


class Ahead:
    """Asks direct endpoints; whatever else there is, and what they raise, goes through all layers."""

    def __init__(self, app: ASGIApp, direct: Mapping[str, Direct]) -> None:
        self.app, self._direct = app, direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        direct = self._direct.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if direct is None or scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        try:
            response = await direct.answer(Request(scope, receive, send))
        except Exception as error:  # noqa: BLE001 - raised again where failures are answered
            scope[_RAISED] = error
        else:
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)


def wants_json(request: Request) -> bool:
    """The caller is a program: it asks below /api/ or accepts JSON and no pages."""
    accepted = request.headers.get("accept", "")
    return request.url.path.startswith(API) or ("application/json" in accepted and "text/html" not in accepted)


def problem(error: LinkageError, status: int) -> JSONResponse:
    """A failure for a program."""
    message = {"ja": error.text("ja"), "en": error.text("en")}
    return JSONResponse({"error": {"reason": error.reason, "message": message, **error.metadata}}, status)


def _told(status: int) -> Mapping[str, str]:
    """What to do about a status, for whoever reads a program's answers."""
    return _WHAT_TO_DO.get(status, _WHAT_TO_DO[500 if status >= _BROKEN else 400])


def application(
    face: Face,
    pages: Pages,
    routes: Sequence[BaseRoute],
    failures: Mapping[type[Exception], Failure] = _NONE,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    *,
    tokens: str = "",
    frame: Frame = Frame(),
    below: str = "",
) -> ASGIApp:
    """The guarded application, static files and 本物との違い (`differs`) included. Failures are pages (`error.html`), or JSON for programs; none shows an exception.

    `failures` answer the face's own exceptions, by type; `around` is laid around the routes, within the guard; bearer tokens are taken
    below the path `tokens`, by default nowhere. 本物との違い is told below the route `below` too: a cookie may reach no further.
    """

    async def shown(request: Request, template: str, status: int, **values: object) -> Response:
        known: dict[str, Any] = {**await frame.of(request), **values, "status_code": status}
        return pages.render(request, template, status=status, **known)

    async def failed(request: Request, status: int) -> Response:
        if wants_json(request):
            return JSONResponse({"error": {"status": status, "message": _told(status)}}, status)
        return await shown(request, "error.html", status)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = await failed(request, error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def broken(request: Request, _error: Exception) -> Response:
        return await failed(request, 500)

    async def differs(request: Request) -> Response:
        return await shown(request, "differs.html", 200, listed=listed)

    shared = [pages.assets.route()]
    if listed := differences(face.host):
        pages.share(differs=PATH)
        shared += [Route(path, differs, methods=["GET"]) for path in {PATH, below + PATH}]
    app = Starlette(
        routes=[*routes, *shared],
        exception_handlers={HTTPException: refused, Exception: broken, **failures},
    )
    app.router = routes_of = _Routes(app.routes)
    return Guard(around(Ahead(app, routes_of.direct())), face.host, face.origin, failed, face.policy, tokens)
