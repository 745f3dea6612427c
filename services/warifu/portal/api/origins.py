"""Cross-origin requests in development: one stated origin may call `/api/` with a bearer token, and no other may.

Cookies never count from there: `Access-Control-Allow-Credentials` is not sent (Fetch standard, CORS protocol). Without a stated origin the
portal sends no such header at all.
"""

from __future__ import annotations

from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from warifu.web.face import API

ORIGIN_NAME: Final = "dev"
"""Under this name the configuration states the origin (web.origins)."""
_METHODS: Final = ("GET", "POST")
_HEADERS: Final = ("authorization", "content-type")


class DevelopmentOrigin:
    """Lets pages of `origin` call the API of `app`."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._api = CORSMiddleware(app, allow_origins=[origin], allow_methods=_METHODS, allow_headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        api = scope["type"] == "http" and scope["path"].startswith(API)
        await (self._api if api else self._app)(scope, receive, send)
