"""The one page of a party's metrics listener: `GET /metrics`, HTTP/1.1, each answer on a connection of its own.

Local by default and without a password, so it tells only what `metrics` tells. A whole web server for one page would cost every party several
megabytes; this reads one request line and its headers, bounded in size and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

REQUEST_BYTES: Final = 8_192
WITHIN: Final = 5.0
"""Seconds for a request to come in and its answer to go out."""
CONNECTIONS: Final = 16
"""At once; more are closed."""
Render = Callable[[], bytes]


class _Listener:
    def __init__(self, render: Render, content_type: str) -> None:
        self._render, self._type = render, content_type
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                with suppress(TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
                    async with asyncio.timeout(WITHIN):
                        writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                        await writer.drain()
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        method, _, rest = request.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return _response("404 Not Found", b"only /metrics is here\n", "text/plain")
        if method not in {b"GET", b"HEAD"}:
            return _response("405 Method Not Allowed", b"", "text/plain", "Allow: GET, HEAD\r\n")
        body = self._render()
        return _response("200 OK", body, self._type, shown=method == b"GET")


def _response(status: str, body: bytes, content_type: str, headers: str = "", *, shown: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{headers}"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + (body if shown else b"")


@asynccontextmanager
async def serve_metrics(address: str, render: Render, content_type: str) -> AsyncIterator[str]:
    """Listen on `address` while the block lasts; gives the address with the real port.

    Raises:
        OSError: the address is taken or not ours.
    """
    host, _, port = address.rpartition(":")
    server = await asyncio.start_server(_Listener(render, content_type).serve, host, int(port), limit=REQUEST_BYTES)
    try:
        yield f"{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
