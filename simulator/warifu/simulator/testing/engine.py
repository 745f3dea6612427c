"""The engine: a whole network in one process, which is back at its beginning in a fraction of a second.

Real sockets, mTLS, databases and cryptography, as in a network of processes; the state lies in memory where the machine has such a folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc

from warifu.authority import replace_log_keys
from warifu.control.v1 import control_pb2
from warifu.kernel.errors import LinkageError
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
from warifu.simulator.testing.calls import Own
from warifu.simulator.testing.content import Content, Shelf
from warifu.simulator.testing.outside import Outside, move_out
from warifu.simulator.testing.parties import Parties
from warifu.simulator.testing.where import HERE, Where


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
    others: Outside
    """Institutions that systems of the tester's own serve."""
    handed: Sequence[dict[str, Any]]
    """What each of these systems is to be configured with."""
    ready_seconds: float
    """From the beginning of `run` to a network that answers."""
    _shelf: Shelf
    _beginning: Content
    _snapshots: dict[str, tuple[Content, datetime, bool]] = field(default_factory=dict)
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
                engine = cls(state, file, parties, opened, outside, own, others, handed, 0.0, shelf, Content({}, {}))
                async with engine._changing(BEGINNING, stopped=stopped):
                    engine._beginning = engine._shelf.take()
                engine.ready_seconds = round(time.monotonic() - began, 3)
                file.ready_seconds = engine.ready_seconds
                file.save(state)
                yield engine

    async def plant(self, party: str, faults: Sequence[control_pb2.Fault]) -> None:
        """Have these faults at a party, and no others.

        Raises:
            LinkageError: one of them cannot be planted there.
        """
        try:
            await self.doors.control(party).SetFaults(control_pb2.SetFaultsRequest(faults=faults), timeout=5)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error) from error

    async def reset(self, *, now: datetime = BEGINNING, stopped: bool = False) -> None:
        """Put everything back as it was at the beginning: people, data, clock, cards, no faults; a new log with new keys.

        Certificates and keys of institutions stay, and so do addresses.
        """
        async with self._changing(now, stopped=stopped):
            self._shelf.lay(self._beginning)

    async def snapshot(self, name: str) -> None:
        """Keep everything as it is now under a name, in place of what was kept under it. What runs goes on, with a new log."""
        clock = self.parties.clock
        now, stopped = clock.network(), clock.stopped
        async with self._changing(now, stopped=stopped):
            before = self._snapshots.pop(name, None)
            if before is not None:
                before[0].close()
            self._snapshots[name] = (self._shelf.take(), now, stopped)

    async def restore(self, name: str) -> None:
        """Put everything back as it was at a snapshot, its time too.

        Raises:
            LookupError: there is none of that name.
        """
        if name not in self._snapshots:
            raise LookupError(name)
        content, now, stopped = self._snapshots[name]
        async with self._changing(now, stopped=stopped):
            self._shelf.lay(content)

    @asynccontextmanager
    async def _changing(self, now: datetime, *, stopped: bool) -> AsyncIterator[None]:
        """No party runs within the block. Afterwards they begin at this time, with a new log."""
        async with self._turn:
            published = await self.others.entries()
            await self.parties.go()
            yield
            replace_log_keys(self.state, [party.name for party in self.file.parties])
            self.others.begin_anew()
            self.file.log = setup.log_of(self.state, self.file.log["url"])
            self.file.save(self.state)
            self.parties.come(now, stopped=stopped)
            await self.others.publish(published)
