"""A party's web face in the same event loop as its RPCs. Loaded only by parties that have one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn

from warifu.kernel import limits
from warifu.kernel.config import Web

BACKLOG: Final = 128


class _Server(uvicorn.Server):
    """Leaves signals to the party, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See `uvicorn.Server.capture_signals`."""
        yield


@asynccontextmanager
async def serve_web(application: Any, web: Web, **secured: Any) -> AsyncIterator[int]:
    """Serve an ASGI application while the block lasts; yields the port. `secured`: uvicorn's settings of TLS.

    Nothing of a request is logged: a path or query may name a person.

    Raises:
        OSError: the port is taken; the message names it.
    """
    listener = _listener(web)
    config = uvicorn.Config(
        application,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=int(limits.DRAIN),
        **secured,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        up = asyncio.ensure_future(server.up.wait())
        await asyncio.wait((up, task), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if task.done():
            await task
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


def _listener(web: Web) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in web.bind else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if web.shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((web.bind, web.port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"the web face cannot listen on {web.bind}:{web.port}: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener
