"""The log as the rest of the gateway uses it: `check` before anything is decided, `write` for what makes entries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import version
from typing import TypeVar

from sqlalchemy import Connection

from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.logkeys import LogKeys, log_signer
from warifu.gateway.log.events import Events, Write
from warifu.gateway.log.gate import Gate
from warifu.gateway.log.lease import Lease
from warifu.gateway.log.sequencer import Sequencer
from warifu.gateway.log.witness import WitnessCaller
from warifu.kernel.access import TABLE_PATH
from warifu.kernel.party import Context
from warifu.kernel.store import Store

T = TypeVar("T")


@cache  # a look at the installed distribution
def _program() -> str:
    return version("warifu")


class Log:
    """Gate, sequencer, witness and events of one gateway process."""

    def __init__(self, context: Context, store: Store, law: CurrentLaw) -> None:
        """Read the keys; nothing is written before `begin`.

        Raises:
        LogKeyError: the log's key, or a key that is to be pinned, is missing or damaged.
        """
        folder, clock = context.config.folder, context.clock
        self.keys = LogKeys.load(folder)
        self.events = Events(clock)
        self._store, self._law, self._simulation = store, law, context.config.simulation is not None
        self._gate = Gate(store, clock)
        lease = Lease()
        self._witness = WitnessCaller(store, clock, context.peers, self.keys, self._gate, lease)
        self._sequencer = Sequencer(store, log_signer(folder), self._witness.wake, self._witness.shown, lease)
        self._entered: bytes | None = None
        """Digest of the permission table that the newest event of its kind names."""

    @property
    def jobs(self) -> dict[str, Callable[[], Awaitable[int]]]:
        """Periodic jobs."""
        return {"rules": self.enter_rules, "log": self.integrate, "witness": self._witness.run}

    async def begin(self) -> None:
        """Open the log and enter that the gateway starts, and under which rules."""
        self._gate.begin(new_log=await self._sequencer.begin())
        started = self.events.started(simulation=self._simulation, program=_program())
        await self.write(started)
        await self.enter_rules()

    async def enter_rules(self) -> int:
        """Enter the permission table and the rights in force, where they changed; how many did."""
        book = self._law.book()
        if book.digest == self._entered:
            return 0
        writes: list[Write] = [
            self.events.table(book.version, book.digest),
            self.events.rights(TABLE_PATH.read_bytes()),
        ]
        entered = await self.write(lambda connection: sum(write(connection) for write in writes))
        self._entered = book.digest
        return entered

    async def admit(self) -> None:
        """Let an exchange begin or go on; by no permission table that is not entered.

        Raises:
            LinkageError: GATEWAY_LOG_UNAVAILABLE, GATEWAY_TABLE_INVALID.
        """
        self._gate.check()
        await self.enter_rules()

    def check(self) -> None:
        """Raise while exchanges are stopped: a health check."""
        self._gate.check()

    async def integrate(self) -> int:
        """Have what waits placed in the log, here or by another process; how many entries were placed here."""
        return await self._sequencer.run()

    async def turn(self, needed: Callable[[], bool]) -> bool:
        """Whether a job that one process of this gateway should do is this one's now: see `Sequencer.turn`."""
        return await self._sequencer.turn(needed)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Commit what makes entries, durable on return, and have them integrated at once; not waited for."""
        result = await self._store.write(change)
        self._sequencer.wake()
        return result

    async def close(self) -> None:
        """Integrate what is under way, and end."""
        await self._sequencer.close()
        await self._witness.close()
