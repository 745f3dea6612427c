"""Serving the stage from the launcher: it listens at once and is put together in a thread, so that a network is no later ready for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from warifu.kernel.config import Web
from warifu.simulator.doors import Doors
from warifu.simulator.state import NetworkFile

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from warifu.simulator.stage.app import StageFace


@asynccontextmanager
async def served(network: NetworkFile, state: Path, doors: Doors, listen: str) -> AsyncIterator[None]:
    """Serve the stage at its address of `network.json` while the block lasts. Whoever comes before it is put together waits for it.

    Raises:
        OSError: its port is taken.
    """
    from warifu.kernel.web import serve_web  # noqa: PLC0415 - slow to import: only for a network that is served

    web = _web(network, listen)
    made = asyncio.create_task(asyncio.to_thread(_assemble, web, network, state, doors))

    async def face(scope: Scope, receive: Receive, send: Send) -> None:
        await (await asyncio.shield(made)).web(scope, receive, send)

    try:
        async with serve_web(face, web):
            try:
                yield
            finally:
                await _close(made)  # first, so that nothing waits for a play while requests drain
    finally:
        await _close(made)


async def _close(made: asyncio.Task[StageFace]) -> None:
    """End what plays. A stage that could not be put together has told so to whoever came."""
    await asyncio.wait([made])
    if made.exception() is None:
        await made.result().close()


def _web(network: NetworkFile, listen: str) -> Web:
    parts = urlsplit(network.stage)
    return Web(parts.hostname or "", parts.port or 0, {"stage": network.stage}, bind=listen)


def _assemble(web: Web, network: NetworkFile, state: Path, doors: Doors) -> StageFace:
    from warifu.simulator.stage.app import assemble  # noqa: PLC0415 - slow to import: done here, in the thread
    from warifu.web.face import Face  # noqa: PLC0415

    return assemble(Face.of(web, "stage"), network, state, doors)
