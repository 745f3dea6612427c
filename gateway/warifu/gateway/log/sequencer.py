"""The sequencer: gives waiting entries their places, moves the tree's edge and signs the new head, all in one transaction.

Whoever committed an entry wakes it; after a quiet moment it runs at once, and otherwise what queues while one run's head is being witnessed,
or within `PACE` of it, goes into the next: nobody waits for a place in the log. Any number of processes may run one on the same store: the
head's size is compared and swapped, and who loses begins anew from what is stored.
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
    ) -> None:
        """`moved` is called after each new head; `shown` waits until that has been shown, and with it the next run."""
        self._store, self._signer, self._moved, self._shown = store, signer, moved, shown
        self._edge = Frontier()
        self._task: asyncio.Task[None] | None = None
        self._woken = False
        self._ran_at = -PACE
        """The event loop's time of the last run."""

    async def begin(self) -> bool:
        """Open the log; a new one when there is none of this key, to which everything ever committed will be added. Is it new?"""
        return await self._store.write(self._open)

    def wake(self) -> None:
        """Something waits."""
        self._woken = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def run(self) -> int:
        """Place what waits; how many entries were placed."""
        placed = 0
        try:
            while True:
                count = await self._store.write(self._integrate)
                placed += count
                if count:
                    self._moved()
                if count < MOST:
                    break
        except LostRaceError:  # another process places them
            pass
        return placed

    async def close(self) -> None:
        """Wait for the run in progress."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        try:
            while self._woken:
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
        if left > 0:
            await asyncio.sleep(left)
        self._ran_at = loop.time()

    def _open(self, connection: Connection) -> bool:
        head = heads.read(connection)
        if head is not None and head.log_key == self._signer.key.vkey:
            return False
        entries.forget_places(connection)
        tiles.clear(connection)
        heads.begin(connection, self._signer.key.vkey, self._signed(Frontier()))
        return True

    def _integrate(self, connection: Connection) -> int:
        head = heads.read(connection)
        assert head is not None, "the log was begun at start"
        if head.log_key != self._signer.key.vkey:
            raise LostRaceError("another process began a new log under another key")
        waiting = entries.waiting(connection, MOST)
        if not waiting:
            return 0
        grown, finished = self._edge_at(connection, head).grow([leaf_hash(commitment) for _, commitment in waiting])
        entries.place(connection, [position for position, _ in waiting], head.size)
        tiles.add(connection, finished)
        heads.advance(connection, head, grown.size, self._signed(grown))
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
