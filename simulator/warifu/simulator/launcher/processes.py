"""The party processes of one network: started through the nursery, watched, restarted when they die, drained at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from warifu.simulator.launcher.databases import DATABASE_VARIABLE
from warifu.simulator.launcher.plan import PlannedParty, preloaded

_LOG = logging.getLogger(__name__)

RESTART_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before a died party is started again, by how often it died since it last ran for `SETTLED_SECONDS`."""
SETTLED_SECONDS = 10.0
_DRIVERS: Final = ("psycopg", "sqlalchemy.dialects.postgresql.psycopg")
DRAIN_SECONDS = 8.0


def folder_of(state: Path, party: str, number: int = 1) -> Path:
    """Where a process of a party has its configuration, log and control socket: the first in the party's folder, others within it."""
    return state / party if number == 1 else state / party / within(number)


def within(number: int) -> str:
    """The path of a further process's folder in the party's."""
    return f"replicas/{number}"


@dataclass(slots=True)
class _Child:
    party: PlannedParty
    folder: Path
    pid: int | None = None
    started: float = 0.0
    deaths: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Processes:
    """Starts and keeps the parties of one network. Use from one event loop."""

    def __init__(self, parties: Iterable[PlannedParty], state: Path) -> None:
        self._parties = tuple(parties)
        self._state = state
        self._children: dict[str, _Child] = {}
        self._nursery: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._stopping = False

    async def open(self, *, drivers: bool = False) -> None:
        """Start the nursery; parties are started by `start`. `drivers`: they will use a database server."""
        modules = (*preloaded(self._parties), *(_DRIVERS if drivers and find_spec("psycopg") else ()))
        self._nursery = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "warifu.simulator.launcher.nursery", *modules,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True, env=parties_environment(),
        )  # fmt: skip
        self._spawn(self._listen())

    async def start(self, several: Mapping[str, int]) -> None:
        """Start every party, each as one process or as so many.

        Raises:
            RuntimeError: the nursery ended before it was ready.
        """
        await self._ready.wait()
        if self._nursery is None or self._nursery.returncode is not None:
            msg = "the party processes could not be started; see the messages above"
            raise RuntimeError(msg)
        for party in self._parties:
            for number in range(1, several.get(party.name, 1) + 1):
                folder = folder_of(self._state, party.name, number)
                child = self._children[str(folder)] = _Child(party, folder)
                await self._order(child)

    async def renew(self, names: Collection[str]) -> None:
        """Drain the processes of these parties and start them again, with their configuration as it is now."""
        renewed = [child for child in self._children.values() if child.party.name in names and child.pid is not None]
        for child in renewed:
            self._signal(child, signal.SIGTERM)
        await self._ended(renewed)

    async def _ended(self, children: Collection[_Child]) -> None:
        """Wait until they have drained, and kill who does not leave. One that has ended may be running anew by then."""
        pids = [(child, child.pid) for child in children]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(child.ended.wait() for child in children))
        for child, pid in pids:
            if child.pid == pid:
                self._signal(child, signal.SIGKILL)

    async def stop(self) -> None:
        """Drain every party, kill what does not leave, and end the nursery."""
        self._stopping = True
        running = [c for c in self._children.values() if c.pid is not None]
        for child in running:
            self._signal(child, signal.SIGTERM)
        await self._ended(running)
        if self._nursery is not None and self._nursery.stdin is not None:
            self._nursery.stdin.close()
            await self._nursery.wait()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        assert self._nursery is not None
        assert self._nursery.stdout is not None
        async for line in self._nursery.stdout:
            self._hear(json.loads(line))
        self._ready.set()  # at end of file too, so that `start` does not wait for ever

    def _hear(self, message: dict[str, object]) -> None:
        if message.get("ready"):
            self._ready.set()
        elif "started" in message:
            child = self._children[str(message["started"])]
            child.pid, child.started = int(str(message["pid"])), asyncio.get_running_loop().time()
            child.ended.clear()
        elif "ended" in message:
            child = self._children[str(message["ended"])]
            child.pid = None
            child.ended.set()
            if not self._stopping:
                self._spawn(self._restart(child, str(message["code"])))

    async def _restart(self, child: _Child, code: str) -> None:
        lived = asyncio.get_running_loop().time() - child.started
        child.deaths = 0 if lived > SETTLED_SECONDS else child.deaths + 1
        _LOG.warning("%s ended (%s) and is started again; see %s", child.party.name, code, child.folder / "party.err")
        await asyncio.sleep(RESTART_PAUSES[min(child.deaths, len(RESTART_PAUSES) - 1)])
        if not self._stopping:
            await self._order(child)

    async def _order(self, child: _Child) -> None:
        assert self._nursery is not None
        assert self._nursery.stdin is not None
        order = {"start": str(child.folder), "build": child.party.build}
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        await self._nursery.stdin.drain()

    @staticmethod
    def _signal(child: _Child, number: signal.Signals) -> None:
        if child.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def parties_environment() -> dict[str, str]:
    """The launcher's, but for what says with which right databases are made, or how else libpq would connect."""
    return {
        name: value for name, value in os.environ.items() if name != DATABASE_VARIABLE and not name.startswith("PG")
    }
