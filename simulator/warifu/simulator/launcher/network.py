"""Brings up one network and keeps it until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from warifu.law import packaged
from warifu.simulator.doors import Doors, doors
from warifu.simulator.launcher import elsewhere, keycopies, setup
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.launcher.processes import Processes, folder_of
from warifu.simulator.state import NetworkFile, StateError, locked, registered

if TYPE_CHECKING:
    from warifu.simulator.launcher.fill import Load

COPIES_FOLLOW = 30.0
"""Seconds between two looks at whether copies of the month keys have to follow an erasure."""
HEALTHY_WITHIN = 60.0
"""Seconds in which every party must serve, or the start is given up."""

Progress = Callable[[str, int, int], None]
"""Called with a step's name, how much of it is done and of how much."""


@dataclass(slots=True)
class Network:
    """A running network. Made by `Network.run`."""

    state: Path
    file: NetworkFile
    doors: Doors
    processes: Processes

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls, options: Options, progress: Progress, began: float | None = None) -> AsyncIterator[Network]:
        """Bring the network up, fill it when it is new, and drain it when the block ends.

        `began` is the `time.monotonic()` from which `ready_seconds` counts.

        Raises:
            StateError: the state folder cannot be used.
            PortError: a port that was asked for is taken.
        """
        began = time.monotonic() if began is None else began
        state = options.state.absolute()
        with locked(state), contextlib.closing(Ports()) as ports:
            processes = Processes(plan(packaged(), bare=options.bare), state)
            await processes.open(drivers=options.database_url is not None)
            file = None
            try:
                file = await asyncio.to_thread(setup.prepare, state, options, ports)
                keycopies.follow(state, file)
                # Needs no party: the first people are drawn while they start.
                load = asyncio.create_task(asyncio.to_thread(load_of, file, state))
                await migrate(setup.database_order(state, file, options.database_url))
                await processes.start({party.name: len(party.processes) for party in file.parties})
                async with doors(file) as opened:
                    network = cls(state, file, opened, processes)
                    await network.until_healthy(progress)
                    await network.fill(await load, progress)
                    async with network.stage(options.listen):
                        file.ready_seconds = round(time.monotonic() - began, 2)
                        file.save(state)
                        with registered(state):
                            following = asyncio.create_task(network.move_copies())
                            with network.following_orders():
                                yield network
                            following.cancel()
                    await network.note_clock()
                    keycopies.follow(state, file)
            finally:
                await processes.stop()
                if options.fleeting and options.database_url is not None and file is not None:
                    await migrate(setup.drop_order(file, options.database_url))

    @contextlib.asynccontextmanager
    async def stage(self, listen: str) -> AsyncIterator[None]:
        """Serve the trainer's stage from this process while the block lasts; a play that still runs at its end is ended."""
        if not self.file.stage:
            yield
            return
        from warifu.simulator.stage.serving import served  # noqa: PLC0415 - the web server is loaded while parties start

        async with served(self.file, self.state, self.doors, listen):
            yield

    async def until_healthy(self, progress: Progress) -> None:
        """Wait until every party serves.

        Raises:
            StateError: one does not within `HEALTHY_WITHIN`; the message names it and its log.
        """
        deadline = time.monotonic() + HEALTHY_WITHIN
        while True:
            health = await self._health()
            progress("parties", sum(health.values()), len(health))
            if all(health.values()):
                return
            if time.monotonic() > deadline:
                sick = sorted(name for name, well in health.items() if not well)
                raise StateError(
                    f"{HEALTHY_WITHIN:.0f} 秒たっても正常にならない機関があります: {', '.join(sick)}。記録: {self.state}/<機関>/party.log と party.err",
                    f"not healthy after {HEALTHY_WITHIN:.0f} s: {', '.join(sick)}. Their logs are in {self.state}/<party>/party.log and party.err",
                )
            await asyncio.sleep(0.05)

    async def _health(self) -> dict[str, bool]:
        """Of every process, by its folder within the state."""
        parties = self.file.parties
        found = await asyncio.gather(*(self.doors.processes_healthy(party.name) for party in parties))
        return {
            str(folder_of(Path(), party.name, number)): well
            for party, healthy in zip(parties, found, strict=True)
            for number, well in enumerate(healthy, 1)
        }

    async def fill(self, load: Load | None, progress: Progress) -> None:
        """Load the population, or what an interrupted start left of it to do."""
        if load is None:
            return
        from warifu.simulator.launcher import fill  # noqa: PLC0415 - a carried-on network needs no population

        await fill.fill(self.file, self.state, self.doors, load, progress)
        self.file.filled = True
        self.file.save(self.state)

    async def move_copies(self) -> None:
        """Have the copies of the month keys follow what the parties erase, as long as the network runs."""
        while True:
            await asyncio.sleep(COPIES_FOLLOW)
            keycopies.follow(self.state, self.file)

    @contextlib.contextmanager
    def following_orders(self) -> Iterator[None]:
        """Take up who is to be served elsewhere whenever the process is told to (SIGUSR1), while the block lasts."""
        loop, turn = asyncio.get_running_loop(), asyncio.Lock()
        running: set[asyncio.Task[None]] = set()

        def heard() -> None:
            task = loop.create_task(self.follow_order(turn))
            running.add(task)
            task.add_done_callback(running.discard)

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop.add_signal_handler(signal.SIGUSR1, heard)
        self.file.extra[elsewhere.FOLLOWS] = True
        self.file.save(self.state)
        try:
            yield
        finally:
            self.file.extra.pop(elsewhere.FOLLOWS)
            loop.remove_signal_handler(signal.SIGUSR1)
            for task in running:
                task.cancel()

    async def follow_order(self, turn: asyncio.Lock) -> None:
        """Have the institution of the order, if there is one, served where it says; the parties concerned begin anew."""
        async with turn:
            order = elsewhere.ordered(self.state)
            if order is None:
                return
            changed = await asyncio.to_thread(elsewhere.move, self.state, self.file, *order)
            await self.processes.renew(changed)
            await self.until_healthy(lambda *_: None)
            (self.state / elsewhere.ORDER).unlink()

    async def note_clock(self) -> None:
        """Write the simulated time down, so that the next start goes on from there."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            now, _ = await self.doors.clock()
            self.file.clock = now.isoformat()
            self.file.save(self.state)


def load_of(file: NetworkFile, state: Path) -> Load | None:
    """What is to be loaded of the population of a network that does not have it all yet."""
    if file.filled:
        return None
    from warifu.simulator.launcher import fill  # noqa: PLC0415 - slow to import, and not needed to carry on

    return fill.Load(file, state)


async def migrate(order: dict[str, Any]) -> None:
    """Make, upgrade or drop the databases in a process of its own.

    Raises:
        StateError: the databases were written by a newer program, or cannot be used.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "warifu.simulator.migrations",
        stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    _, errors = await child.communicate(json.dumps(order).encode())
    if child.returncode:
        raise _migration_trouble(errors.decode().strip())


def _migration_trouble(said: str) -> StateError:
    try:
        ja, en = json.loads(said.rpartition("\n")[2])
    except ValueError:  # no word for people: a defect, so all of it is shown
        ja, en = f"データベースを準備できません。\n{said}", f"the databases could not be prepared.\n{said}"
    return StateError(ja, en)
