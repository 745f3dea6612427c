"""A lab behind real sockets, in a thread with a loop of its own, for browsers and HTTP clients."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ports import free_port
from unit.portal.lab import PEOPLE, Lab, open_lab
from unit.portal.paper_log import PaperLog

from warifu.kernel.config import Web
from warifu.kernel.web import serve_web
from warifu.simulator.cards.person import DemoPerson

T = TypeVar("T")


class RealTime:
    """The time that browsers have: by it they judge how fresh a cosignature is."""

    def machine(self) -> datetime:
        """Now."""
        return datetime.now(UTC)


class Served:
    """A lab that serves."""

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self.lab, self._loop = lab, loop

    def run(self, work: Awaitable[T]) -> T:
        """Run something in the lab's own loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(20)


@contextmanager
def served(folder: Path, people: tuple[DemoPerson, ...] = PEOPLE) -> Iterator[Served]:
    """Serve a lab while the block lasts."""
    ready: dict[str, Served] = {}
    up, down = threading.Event(), asyncio.Event()

    async def main() -> None:
        portal_port, card_port = free_port(), free_port()
        lab = await open_lab(
            folder, portal_port=portal_port, card_port=card_port, people=people, log=PaperLog(RealTime())
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve_web(lab.portal.web, Web("portal.localhost", portal_port)))
            await stack.enter_async_context(serve_web(lab.cards, Web("card.localhost", card_port)))
            ready["served"] = Served(lab, asyncio.get_running_loop())
            up.set()
            await down.wait()
        lab.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert up.wait(20)
    try:
        yield ready["served"]
    finally:
        ready["served"]._loop.call_soon_threadsafe(down.set)
        thread.join(20)
