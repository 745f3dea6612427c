"""The sequencer: gives waiting entries their places, moves the tree's edge and signs the new head, all in one transaction.

Whoever committed an entry wakes it; after a quiet moment it runs at once, and otherwise what queues while one run's head is being witnessed,
or within `PACE` of it, goes into the next: nobody waits for a place in the log. Any number of processes may run one on the same store: one of
them leads for a term (`lease`) and looks for what the others commit as long as it does; they wait for it, and follow when it falls silent.
The head's size is compared and swapped, so whoever signs, the log has one past.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import Connection

from warifu.exchange.logkeys import ORIGIN
from warifu.gateway.log import entries, heads, tiles
from warifu.gateway.log.heads import Head, LostRaceError
from warifu.gateway.log.lease import TERM, HeldElsewhereError, Lease, LeaseLostError
from warifu.kernel.store import Store
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import LogSigner

_LOG: Final = logging.getLogger(__name__)
MOST: Final = 5_000
"""Entries placed in one transaction: bounds how long it holds up other writes."""

PACE: Final = 0.1
"""Seconds from one run to the next. Each head costs a signature, a proof, a call to the witness and three commits, however many entries it
takes in, on the cores that the exchanges need; the merge delay is twenty times as long."""


class Sequencer:
    """Integrates. Invariant: what is signed is committed in the same transaction, and nothing else is ever shown."""

    def __init__(
        self,
        store: Store,
        signer: LogSigner,
        moved: Callable[[], None],
        shown: Callable[[], Awaitable[None]] | None = None,
        lease: Lease | None = None,
    ) -> None:
        """`moved` is called after each new head; `shown` waits until that has been shown, and with it the next run."""
        self._store, self._signer, self._moved, self._shown = store, signer, moved, shown
        self._lease = lease or Lease()
        self._edge = Frontier()
        self._task: asyncio.Task[None] | None = None
        self._woken = self._closing = False
        self._pause: asyncio.Future[None] | None = None
        """Until the pace allows another run; cut short at the end."""
        self._ran_at = -PACE
        """The event loop's time of the last run."""
        self._placed_at = -float(TERM)
        """And of the last run that placed anything."""

    async def begin(self) -> bool:
        """Open the log; a new one when there is none of this key, to which everything ever committed will be added. Is it new?"""
        return await self._store.write(self._open)

    def wake(self) -> None:
        """Something waits."""
        self._woken = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def run(self) -> int:
        """Have everything that waits placed, here or by the process that leads; how many entries were placed here."""
        placed, newest = 0, self._store.read(entries.last)
        try:
            while self._waits(newest):
                if not self._lease.believed and self._store.read(self._lease.elsewhere):
                    await asyncio.sleep(PACE)
                else:
                    placed += await self._place()
        except LostRaceError:  # the log is another's by now
            pass
        return placed

    async def turn(self, needed: Callable[[], bool]) -> bool:
        """Whether what one process alone should do is this one's: while it is needed and nobody else leads.

        Waits for the leader to do it, for no longer than a term.
        """
        for _ in range(int(TERM / 1000 / PACE) + 1):
            if not needed():
                return False
            if not self._store.read(self._lease.elsewhere):
                return True
            await asyncio.sleep(PACE)
        return False  # who leads lives

    async def close(self) -> None:
        """Wait for the run in progress, and let another lead."""
        self._closing = True
        if self._pause is not None:
            self._pause.cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._lease.believed:
            try:
                await self._store.write(self._lease.give_up)
            except Exception as error:  # noqa: BLE001 - it ends by itself
                _LOG.warning("cannot give up the lease", exc_info=error)

    def _waits(self, newest: int) -> bool:
        """Whether anything up to this position waits."""
        first = self._store.read(entries.first_waiting)
        return first is not None and first <= newest

    async def _place(self) -> int:
        """One transaction's worth."""
        try:
            count = await self._store.write(self._integrate)
        except HeldElsewhereError:
            return 0
        except LeaseLostError as error:  # we were silent for too long, and whoever followed has moved the head
            _LOG.info("no longer the log's leader", extra={"detail": str(error)})
            return 0
        if count:
            self._placed_at = asyncio.get_running_loop().time()
            self._moved()
        return count

    @property
    def _looks_out(self) -> bool:
        """Whether others' entries are this process's to find: as long as they may believe that it leads."""
        since = asyncio.get_running_loop().time() - self._placed_at
        return self._lease.believed and not self._closing and since * 1000 < TERM

    async def _drain(self) -> None:
        try:
            while self._woken or self._looks_out:
                await self._keep_pace()
                self._woken = False
                await self.run()
                if self._shown is not None:
                    await self._shown()
        except Exception as error:  # noqa: BLE001 - the gate closes by itself, and the next entry or second tries again
            _LOG.warning("log cannot move", exc_info=error)

    async def _keep_pace(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._ran_at + PACE - loop.time()
        if left > 0 and not self._closing:
            self._pause = asyncio.ensure_future(asyncio.sleep(left))
            await asyncio.wait([self._pause])
        self._ran_at = loop.time()

    def _open(self, connection: Connection) -> bool:
        head = heads.read(connection)
        if head is not None and head.log_key == self._signer.key.vkey:
            return False
        fence = max(self._lease.clear(connection), 0 if head is None else head.fence)
        entries.forget_places(connection)
        tiles.clear(connection)
        heads.begin(connection, self._signer.key.vkey, self._signed(Frontier()), fence)
        return True

    def _integrate(self, connection: Connection) -> int:
        head = heads.read(connection)
        assert head is not None, "the log was begun at start"
        if head.log_key != self._signer.key.vkey:
            raise LostRaceError("another process began a new log under another key")
        waiting = entries.waiting(connection, MOST)
        if not waiting:
            return 0
        fence = self._lease.take(connection, head.fence)
        grown, finished = self._edge_at(connection, head).grow([leaf_hash(commitment) for _, commitment in waiting])
        entries.place(connection, [position for position, _ in waiting], head.size)
        tiles.add(connection, finished)
        heads.advance(connection, head, grown.size, self._signed(grown), fence)
        self._edge = grown
        return len(waiting)

    def _edge_at(self, connection: Connection, head: Head) -> Frontier:
        """The stored tree's edge. The kept one serves if it leads to the signed root; a failed commit or another process leaves it behind."""
        if self._edge.size != head.size or self._signed_root(head) != self._edge.root:
            self._edge = tiles.frontier(connection, head.size)
            if self._signed_root(head) != self._edge.root:
                raise LogDamagedError(f"the stored leaves do not give the signed root of {head.size} leaves")
        return self._edge

    def _signed(self, edge: Frontier) -> str:
        return Checkpoint(ORIGIN, edge.size, edge.root).signed(self._signer).raw

    def _signed_root(self, head: Head) -> bytes:
        return read_head(head.checkpoint).root


class LogDamagedError(RuntimeError):
    """What is stored contradicts the signed head. The log stops: to sign on would be to fork it."""


def read_head(note: str) -> Checkpoint:
    """The tree head in one of the log's own notes, whose signature needs no check here."""
    return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
