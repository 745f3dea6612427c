"""The network's population, drawn once for all who ask in this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from warifu.simulator.people import People
from warifu.simulator.state import NetworkFile


@dataclass(slots=True)
class Crowd:
    """Use from one event loop, which goes on while the population is drawn."""

    network: NetworkFile
    _drawn: asyncio.Task[People] | None = field(default=None, init=False)

    async def people(self) -> People:
        """Everyone; drawn anew from the seed, in a thread, when this process has not drawn them yet."""
        if self._drawn is None or (self._drawn.done() and (self._drawn.cancelled() or self._drawn.exception())):
            self._drawn = asyncio.create_task(asyncio.to_thread(People.of, self.network))
        return await asyncio.shield(self._drawn)
