"""All parties of a network in this one process, each on its own port with its own stores, keys and certificate, and in an unconfined process.

What is lost against processes of their own: nothing keeps one party's code from reading another's folder, and they share one core.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from warifu.kernel.clock import SimulatedClock
from warifu.kernel.party import Build
from warifu.kernel.server import Running, serve
from warifu.simulator.launcher.plan import GATEWAY, PlannedParty

_LOG: Final = logging.getLogger(__name__)
PATIENCE: Final = 2.0
"""Seconds for which calls that are under way are waited for before a party goes."""

JOBS_AFTER: Final = 1.0
"""Seconds after a reset until jobs run by themselves: most tests are over by then, and `settle` runs them at once."""


class Parties:
    """The parties that run here. Made by `Parties.run`."""

    def __init__(self, running: dict[str, Running]) -> None:
        self.running = running
        self.awake: asyncio.Task[None] | None = None
        """Done when everybody does by themselves what is due; None before the first reset."""

    @classmethod
    @asynccontextmanager
    async def run(cls, planned: tuple[PlannedParty, ...], state: Path) -> AsyncIterator[Parties]:
        """Serve them until the block ends.

        Raises whatever starting a party raises.
        """
        async with AsyncExitStack() as stack:
            running = {}
            for party in planned:
                running[party.name] = await stack.enter_async_context(serve(state / party.name, _build(party)))
            parties = cls(running)
            stack.push_async_callback(parties._slumber)
            yield parties

    async def go(self) -> None:
        """Have every party finish and go; nothing of them writes or calls any more. Ports stay open."""
        await self._quiet()
        await self._slumber()
        seats = {name: one.seat for name, one in self.running.items()}
        await asyncio.gather(*(seat.rest() for seat in seats.values()))
        await seats.pop(GATEWAY).end()  # first: it shows the witness its last head
        await asyncio.gather(*(seat.end() for seat in seats.values()))

    def come(self, now: datetime, *, stopped: bool) -> None:
        """Have parties built anew take the seats, each when it is first called, at this time in the network, with no faults planted."""
        for one in self.running.values():
            one.interceptor.forget()
            if one.faults is not None:
                one.faults.plant([])
            one.seat.free(SimulatedClock(now, stopped=stopped))
        self.awake = asyncio.create_task(self._wake())

    @property
    def clock(self) -> SimulatedClock:
        """The time in the network, as the gateway has it."""
        clock = self.running[GATEWAY].seat.clock
        assert isinstance(clock, SimulatedClock)
        return clock

    @property
    def under_way(self) -> int:
        """Calls that wait for their answer."""
        return sum(one.interceptor.under_way for one in self.running.values())

    async def _wake(self) -> None:
        """Have everybody do what is due by themselves, also whom nobody called."""
        await asyncio.sleep(JOBS_AFTER)
        # The gateway last, as at a start: its log calls the witness as soon as it is opened.
        for one in sorted(self.running.values(), key=lambda one: one.context.config.party == GATEWAY):
            try:
                (await one.seat.present()).work()
            except Exception:  # noqa: BLE001 - whoever calls the party is told; the others shall have their turn
                _LOG.exception("a party cannot be built", extra={"party": one.context.config.party})

    async def _slumber(self) -> None:
        if self.awake is not None:
            self.awake.cancel()
            await asyncio.gather(self.awake, return_exceptions=True)
            self.awake = None

    async def _quiet(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        while self.under_way and loop.time() < until:  # noqa: ASYNC110 - counted in many places, and nearly always none
            await asyncio.sleep(0.001)


def _build(party: PlannedParty) -> Build:
    module, function = party.build.split(":")
    built: Build = getattr(importlib.import_module(module), function)
    return built
