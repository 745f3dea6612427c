"""Whether a browser is a shared terminal: a cookie says so that lives as long as the browser runs."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "warifu_kiosk"


def is_kiosk(request: Request) -> bool:
    """The request comes from a shared terminal."""
    return request.cookies.get(COOKIE) == "1"


def make_kiosk(response: Response, *, secure: bool) -> None:
    """From now on this browser is a shared terminal, until it is closed."""
    response.set_cookie(COOKIE, "1", secure=secure, httponly=True, samesite="lax")


def make_own(response: Response) -> None:
    """This browser is somebody's own again."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
