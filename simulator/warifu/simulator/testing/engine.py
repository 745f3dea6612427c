"""The engine: a whole network in one process, which is back at its beginning in a fraction of a second.

Real sockets, mTLS, databases and cryptography, as in a network of processes; the state lies in memory where the machine has such a folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from warifu.authority import replace_log_keys
from warifu.kernel.places import kept_open
from warifu.law import packaged
from warifu.simulator.doors import Doors, doors
from warifu.simulator.launcher import setup
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.state import NetworkFile, locked
from warifu.simulator.testing import template
from warifu.simulator.testing.beginning import BEGINNING, healthy, memory, sweep
from warifu.simulator.testing.calls import Own, theirs
from warifu.simulator.testing.content import Content, Shelf
from warifu.simulator.testing.outside import Outside, move_out
from warifu.simulator.testing.parties import Parties
from warifu.simulator.testing.planting import Kept, Planting
from warifu.simulator.testing.where import HERE, Where


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A network as it was."""

    content: Content
    now: datetime
    stopped: bool
    planted: Kept


@dataclass(slots=True)
class Engine:
    """A network that runs here. Made by `Engine.run`; use from its event loop."""

    state: Path
    file: NetworkFile
    parties: Parties
    doors: Doors
    """The test's own; what goes through them is counted by `own`."""
    outside: Doors
    """For faces: what goes through them is the system under test's."""
    own: Own
    faults: Planting
    others: Outside
    """Institutions that systems of the tester's own serve."""
    handed: Sequence[dict[str, Any]]
    """What each of these systems is to be configured with."""
    ready_seconds: float
    """From the beginning of `run` to a network that answers."""
    _shelf: Shelf
    _beginning: Content
    _snapshots: dict[str, _Snapshot] = field(default_factory=dict)
    _undone: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls of others that no record tells of any more since the network was put back to a snapshot."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        people: int = 200,
        seed: int = 1,
        *,
        stopped: bool = False,
        elsewhere: Mapping[str, str] | None = None,
        where: Where = HERE,
    ) -> AsyncIterator[Engine]:
        """Bring a network up and keep it until the block ends; its state goes with it.

        The first network of its kind on a machine is filled first, which takes some seconds; later ones begin with a copy.

        `stopped`: its clock stands still. `elsewhere`: institutions that systems of the tester's own serve, with their addresses; an empty
        one is chosen here. `where`: of the web faces' ports.

        Raises:
            StateError: a party does not become healthy, or there is no place to keep the filled network.
            PortError: a port that was asked for is taken.
            OnboardError: one of `elsewhere` is no institution, or its address is none.
        """
        began = time.monotonic()
        sweep()
        with contextlib.ExitStack() as stack:
            state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warifu-", dir=memory()))) / "network"
            await template.begin(people, seed, state)
            stack.enter_context(locked(state))
            ports = stack.enter_context(contextlib.closing(Ports()))
            options = Options(state, port=where.web, listen=where.listen, bare=True, stopped_clock=True)
            file = setup.prepare(state, options, ports)
            move_out(state, file, elsewhere or {}, ports)
            replace_log_keys(state, file.trusting)
            file.log = setup.log_of(state, file.log["url"])
            stack.enter_context(kept_open(state))
            own = Own()
            async with (
                Parties.run(plan(packaged(), bare=True), state) as parties,
                doors(file, [own]) as opened,
                doors(file) as outside,
                Outside.of(state, file) as others,
            ):
                await healthy(opened)
                handed = await others.hand_over()
                shelf = Shelf(state, frozenset(file.server_of(code).name for code in file.elsewhere))
                places = {name: one.faults for name, one in parties.running.items() if one.faults is not None}
                planting = Planting(places, file.extra["kinds"])
                engine = cls(
                    state, file, parties, opened, outside, own, planting, others, handed, 0.0, shelf, Content({}, {})
                )
                async with engine._changing(BEGINNING, stopped=stopped):
                    engine._beginning = engine._shelf.take()
                    engine._count_anew()
                engine.ready_seconds = round(time.monotonic() - began, 3)
                file.ready_seconds = engine.ready_seconds
                file.save(state)
                yield engine

    async def calls(self) -> Counter[tuple[str, str]]:
        """What the system under test called since the last reset, by full method and outcome."""
        await self.own.booked()
        return theirs(self.parties.running.values(), self.own) + await self.others.calls() + self._undone

    async def reset(self, *, now: datetime = BEGINNING, stopped: bool = False) -> None:
        """Put everything back as it was at the beginning: people, data, clock, cards, no faults, no snapshots; a new log with new keys.

        Certificates and keys of institutions stay, and so do addresses.
        """
        async with self._changing(now, stopped=stopped):
            self._shelf.lay(self._beginning)
            self.faults.lift()
            self._count_anew()
            for one in self._snapshots.values():
                one.content.close()
            self._snapshots.clear()

    async def snapshot(self, name: str) -> None:
        """Keep everything as it is now under a name, in place of what was kept under it. What runs goes on, and its log with it."""
        async with self._turn:
            clock = self.parties.clock
            now, stopped = clock.network(), clock.stopped
            await self.parties.go()
            try:
                if (before := self._snapshots.pop(name, None)) is not None:
                    before.content.close()
                self._snapshots[name] = _Snapshot(self._shelf.take(), now, stopped, self.faults.kept())
            finally:
                self.parties.come(now, stopped=stopped)

    async def restore(self, name: str) -> None:
        """Put everything back as it was at a snapshot, its time and its faults too, with a new log. Calls count on.

        Raises:
            LookupError: there is none of that name.
        """
        if name not in self._snapshots:
            raise LookupError(name)
        kept = self._snapshots[name]
        told = await self.others.calls()
        async with self._changing(kept.now, stopped=kept.stopped):
            self._shelf.lay(kept.content)
            self.faults.put_back(kept.planted)
        told.subtract(await self.others.calls())
        self._undone.update(told)

    def _count_anew(self) -> None:
        self.parties.forget_calls()
        self.own.counts.clear()
        self._undone.clear()

    @asynccontextmanager
    async def _changing(self, now: datetime, *, stopped: bool) -> AsyncIterator[None]:
        """No party runs within the block. Afterwards they begin at this time, with a new log."""
        async with self._turn:
            published = await self.others.entries()
            await self.parties.go()
            try:
                yield
                replace_log_keys(self.state, [party.name for party in self.file.parties])
                self.others.begin_anew()
                self.file.log = setup.log_of(self.state, self.file.log["url"])
                self.file.save(self.state)
            except BaseException:
                self.parties.let_in()
                raise
            self.parties.come(now, stopped=stopped)
            await self.others.publish(published)
