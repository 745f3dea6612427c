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
ENTRANCES: Final = ("/warifu.interim.v1.", "/warifu.agency.v1.")
"""Where calls come in that no party makes: of these areas are the interim servers' and business systems' methods."""
PATIENCE: Final = 2.0
"""Seconds for which calls that are under way are waited for before a party goes."""
ROUNDS: Final = 3
"""How often it is looked which calls are under way: what a party does by itself makes calls too, and never ends where callers keep calling."""
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
        """Have every party finish and go; nothing of them writes or calls any more. Ports stay open.

        Calls from outside that come meanwhile wait until `come`. Whoever merely waits is told at once that the party goes, and so is, when
        patience has run out, whoever is left.
        """
        for one in self.running.values():
            one.interceptor.shut(ENTRANCES)
        try:
            await self._quiet()
            await self._slumber()
            await asyncio.gather(*(one.seat.rest() for one in self.running.values()))
            others = dict(self.running)
            await self._end(others.pop(GATEWAY))  # first: it shows the witness its last head
            await asyncio.gather(*map(self._end, others.values()))
        except BaseException:
            self.let_in()
            raise

    def come(self, now: datetime, *, stopped: bool) -> None:
        """Have parties built anew take the seats, each when it is first called, at this time in the network."""
        for one in self.running.values():
            one.interceptor.forget()
            one.seat.free(SimulatedClock(now, stopped=stopped))
        self.let_in()
        self.awake = asyncio.create_task(self._wake())

    def forget_calls(self) -> None:
        """Count calls from the beginning."""
        for one in self.running.values():
            one.counts.clear()

    @property
    def clock(self) -> SimulatedClock:
        """The time in the network, as the gateway has it."""
        clock = self.running[GATEWAY].seat.clock
        assert isinstance(clock, SimulatedClock)
        return clock

    def let_in(self) -> None:
        """Have calls from outside wait no more. `come` does it; without it they are told that nobody is there."""
        for one in self.running.values():
            one.interceptor.let_in()

    @staticmethod
    async def _end(one: Running) -> None:
        await one.interceptor.calls.cut()
        await one.seat.end()
        await one.interceptor.calls.leave()

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
        for one in self.running.values():
            one.interceptor.calls.hurry()
        for _ in range(ROUNDS):
            calls = [task for one in self.running.values() for task in one.interceptor.calls.under_way]
            if not calls:
                return
            await asyncio.wait(calls, timeout=max(0.0, until - loop.time()))


def _build(party: PlannedParty) -> Build:
    module, function = party.build.split(":")
    built: Build = getattr(importlib.import_module(module), function)
    return built
