"""やさしい日本語: whether a reader wishes it. Chosen by a link, remembered by a cookie that says nothing else."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from warifu.web import languages

COOKIE: Final = "warifu_easy"
_SECONDS: Final = 365 * 24 * 3600


def wished(request: Request) -> bool:
    """Whether this page is to be in easy Japanese; never in another language."""
    return languages.of(request) == "ja" and (_asked(request) or request.cookies.get(COOKIE)) == "1"


def remember(request: Request, response: Response, *, secure: bool) -> Response:
    """Keep what this very request chose."""
    asked = _asked(request)
    if asked is not None:
        response.set_cookie(COOKIE, asked, max_age=_SECONDS, secure=secure, httponly=True, samesite="lax")
    return response


def _asked(request: Request) -> str | None:
    asked = request.query_params.get("easy")
    return asked if asked in {"0", "1"} else None
