"""Turns of load over two things at once: E2 and the network. Every turn runs each step once; every other turn runs them backwards."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from warifu.authority import provision
from warifu.kernel.config import Config
from warifu.simulator.bench.echo import CLIENT, END, MIDDLE
from warifu.simulator.bench.field import Field
from warifu.simulator.bench.hands import Hand, Stretch
from warifu.simulator.bench.network import REQUESTER, free_addresses
from warifu.simulator.bench.ratios import Ratio, spread
from warifu.simulator.bench.rows import ECHO, LOADED, Row, Step

WARM_UP: Final = 0.4
"""Seconds of each step before anything is measured."""

Progress = Callable[[int, int], None]
"""Told after each stretch: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch with what it cost."""

    stretch: Stretch
    cpu: Mapping[str, float]
    """CPU seconds of each process, from the first call until its afterwork was done."""


Turn = Mapping[Step, Measured]


@dataclass(frozen=True, slots=True)
class Echo:
    """E2, up."""

    client: Hand
    hands: Mapping[str, Hand]


@asynccontextmanager
async def echo(state: Path) -> AsyncIterator[Echo]:
    """E2's three processes, while the block lasts."""
    parties = {END: ("main",), MIDDLE: ("main",), CLIENT: (REQUESTER,)}
    await asyncio.to_thread(provision, state, parties)
    addresses = dict(zip(parties, free_addresses(len(parties)), strict=True))
    for name in parties:
        Config(name, addresses[name], addresses, (REQUESTER,)).save(state / name)
    async with AsyncExitStack() as stack:
        hands = {}
        for role, name in (("end", END), ("middle", MIDDLE), ("client", CLIENT)):
            hand = await Hand.start(f"echo-{role}", "warifu.simulator.bench.echo", role, state / name)
            hands[hand.name] = hand
            stack.push_async_callback(hand.end)
        for hand in hands.values():  # all load at the same time
            await hand.ready()
        hand = hands["echo-client"]
        yield Echo(hand, hands)


async def alone(one: Echo, callers: Sequence[int], seconds: float) -> dict[int, Stretch]:
    """E2 by itself, before anything else is up."""
    for count in callers:
        await one.client.load(ECHO, count, WARM_UP)
    return {count: await one.client.load(ECHO, count, seconds) for count in callers}


@dataclass(frozen=True, slots=True)
class Side:
    """Who makes a kind of load, and whose it is."""

    worker: Hand
    call: str
    """As the worker knows it."""
    hands: Mapping[str, Hand]
    """The processes that it costs."""
    settle: Callable[[], Awaitable[None]] | None = None
    """Waits until what the load leaves to do is done: it belongs to its cost, and to nobody else's turn."""
    busy: Path | None = None
    """File by which the disk is kept busy meanwhile."""

    async def run(self, callers: int, seconds: float) -> Measured:
        """A stretch of it."""
        before = {name: hand.cpu() for name, hand in self.hands.items()}
        async with _disk(self.busy):
            stretch = await self.worker.load(self.call, callers, seconds)
        if self.settle is not None:
            await self.settle()
        return Measured(stretch, {name: hand.cpu() - before[name] for name, hand in self.hands.items()})


async def turns(
    sides: Mapping[str, Side], steps: Sequence[Step], count: int, seconds: float, progress: Progress
) -> list[Turn]:
    """So many turns; the first is preceded by a short one that is not counted."""
    for step in steps:
        await sides[step.call].run(step.callers, WARM_UP)
    found: list[Turn] = []
    for number in range(count):
        turn: dict[Step, Measured] = {}
        for place, step in enumerate(steps if number % 2 == 0 else steps[::-1]):
            turn[step] = await sides[step.call].run(step.callers, seconds)
            progress(number * len(steps) + place + 1, count * len(steps))
        found.append(turn)
    return found


def sides_of(one: Echo, network: Field) -> dict[str, Side]:
    """E2 and a network."""
    calls = {
        call: Side(network.requester, call, network.hands, network.settle) for call in ("unary", "connector", "bulk")
    }
    loaded = replace(calls["connector"], busy=network.state / "busy")
    return {ECHO: Side(one.client, ECHO, one.hands), LOADED: loaded, **calls}


@asynccontextmanager
async def _disk(path: Path | None) -> AsyncIterator[None]:
    """While the block lasts, another process writes and syncs a megabyte after the other on the same disk."""
    if path is None:
        yield
        return
    hand = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(path), str(os.getpid()), start_new_session=True
    )
    try:
        yield
    finally:
        hand.terminate()
        await hand.wait()
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - a moment, between two stretches


_WRITER: Final = """
import os, sys
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o600)
block = bytes(1 << 20)
while os.getppid() == int(sys.argv[2]):
    for place in range(64):
        os.pwrite(file, block, place << 20)
        os.fdatasync(file)
"""


def ratio(row: Row, found: Sequence[Turn]) -> Ratio:
    """The row's ratio over the turns."""
    return spread(
        [
            row.figure(turn[row.over].stretch) / (1.0 if row.under is None else row.figure(turn[row.under].stretch))
            for turn in found
        ]
    )


def cores() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))
