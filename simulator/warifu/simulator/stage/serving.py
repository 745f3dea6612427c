"""Serving the stage from the launcher: made in a thread, so that the launcher's loop goes on, and ended with its plays."""

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
    from warifu.simulator.stage.app import StageFace


@asynccontextmanager
async def served(network: NetworkFile, state: Path, doors: Doors, listen: str) -> AsyncIterator[None]:
    """Serve the stage at its address of `network.json` while the block lasts.

    Raises:
        OSError: its port is taken.
    """
    web = _web(network, listen)
    made = await asyncio.to_thread(_assemble, web, network, state, doors)
    from warifu.kernel.web import serve_web  # noqa: PLC0415 - loaded in the thread above

    try:
        async with serve_web(made.web, web):
            try:
                yield
            finally:
                await made.close()
    finally:
        await made.close()


def _web(network: NetworkFile, listen: str) -> Web:
    parts = urlsplit(network.stage)
    return Web(parts.hostname or "", parts.port or 0, {"stage": network.stage}, bind=listen)


def _assemble(web: Web, network: NetworkFile, state: Path, doors: Doors) -> StageFace:
    import warifu.kernel.web  # noqa: PLC0415 - slow to import: done here, in the thread
    from warifu.simulator.stage.app import assemble  # noqa: PLC0415
    from warifu.web.face import Face  # noqa: PLC0415

    del warifu
    return assemble(Face.of(web, "stage"), network, state, doors)
