"""The log over HTTP, for everyone: C2SP tlog-tiles at the face's origin. Nothing here names a person, so everyone may read everything.

`/checkpoint` is the newest head that the witness cosigned; before its first cosignature the newest that the log committed, which
`/latest` always is. Full tiles never change and may be kept for ever.
"""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from warifu.gateway.log import heads
from warifu.gateway.log.services import read_tile
from warifu.kernel.store import Store
from warifu.tlog.tiles import TileError
from warifu.web.differs import PATH, plain

_OPEN: Final = {
    "access-control-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_FRESH: Final = {**_OPEN, "cache-control": "no-cache"}
_KEEP: Final = {**_OPEN, "cache-control": "public, max-age=31536000, immutable"}
_ABOUT: Final = (
    "warifu: the public log of a training simulator's access records. Not a government service.\n"
    "訓練用シミュレータのアクセス記録の公開ログです。行政のサービスではありません。\n\n"
    "/checkpoint  the newest witnessed head (C2SP tlog-checkpoint)\n"
    "/latest      the newest committed head\n"
    "/log.vkey    the log's key    /witness.vkey  the witness' key\n"
    "/differs     how the real network differs    本物との違い\n"
    "/tile/...    tiles and entry bundles (C2SP tlog-tiles); an entry is a salted commitment of 32 bytes\n"
)


def face(store: Store, host: str, log_key: str, witness_key: str) -> ASGIApp:
    """The application; it answers to `host` alone."""
    texts = {"/": _ABOUT, PATH: plain(host), "/log.vkey": log_key + "\n", "/witness.vkey": witness_key + "\n"}

    async def told(request: Request) -> Response:
        return PlainTextResponse(texts[request.url.path], headers=_FRESH)

    async def checkpoint(request: Request) -> Response:
        head = store.read(heads.read)
        if head is None:
            return _missing()
        latest = request.url.path == "/latest" or head.witnessed is None
        return PlainTextResponse(head.checkpoint if latest else head.witnessed, headers=_FRESH)

    async def tile(request: Request) -> Response:
        try:
            content, full = store.read(lambda connection: read_tile(connection, request.url.path[1:]))
        except TileError:
            return _missing()
        headers = _KEEP if full else _FRESH
        return Response(content, media_type="application/octet-stream", headers=headers)

    routes = [
        *(Route(path, told, methods=["GET"]) for path in texts),
        *(Route(path, checkpoint, methods=["GET"]) for path in ("/checkpoint", "/latest")),
        Route("/tile/{rest:path}", tile, methods=["GET"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[host])])


def _missing() -> Response:
    return PlainTextResponse("Not found: the log has nothing at this path (yet).\n", 404, headers=_FRESH)
