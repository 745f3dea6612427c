"""The course of an exchange after its request record: what Inquire, Collect and the reconciler share.

One run at a time for each exchange in this process; who comes later joins it. A run is not the caller's: it goes on when the caller
leaves, since what was recorded must come to an outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from warifu.gateway.forward import Forwarder, expired
from warifu.gateway.outcome import Outcomes
from warifu.gateway.stored import Stored

Run = Coroutine[None, None, Stored]


@dataclass(frozen=True, slots=True)
class _Running:
    requester: str
    inquiry_hash: bytes
    task: asyncio.Task[Stored]


class Course:
    """Runs exchanges to their outcome."""

    def __init__(self, forwarder: Forwarder, outcomes: Outcomes) -> None:
        self._forwarder, self._outcomes = forwarder, outcomes
        self._running: dict[str, _Running] = {}

    def __contains__(self, request_id: str) -> bool:
        """Is a run in progress."""
        return request_id in self._running

    def same(self, request_id: str, requester: str, inquiry_hash: bytes) -> bool | None:
        """Is the run in progress for this requester and these bytes; None when there is none."""
        running = self._running.get(request_id)
        return None if running is None else (running.requester, running.inquiry_hash) == (requester, inquiry_hash)

    async def join(self, request_id: str, requester: str, inquiry_hash: bytes, start: Callable[[], Run]) -> Stored:
        """The result of the run in progress, or of a new one."""
        running = self._running.get(request_id)
        if running is None:
            task = asyncio.get_running_loop().create_task(start())
            running = self._running[request_id] = _Running(requester, inquiry_hash, task)
            task.add_done_callback(lambda done: self._ended(request_id, done))
        return await asyncio.shield(running.task)

    async def resume(self, stored: Stored) -> Stored:
        """Ask the provider (again) under the stored permit, unless the exchange is final.

        Raises:
            LinkageError: nothing new is known; the exchange stays as it is.
        """
        if stored.is_final:
            return stored
        return await self.join(stored.request_id, stored.requester, stored.inquiry_hash, lambda: self.advance(stored))

    async def expire(self, stored: Stored) -> Stored:
        """Close an exchange whose time is over."""

        def start() -> Run:
            return self._outcomes.settle(stored, expired())

        return await self.join(stored.request_id, stored.requester, stored.inquiry_hash, start)

    async def advance(self, stored: Stored) -> Stored:
        """Steps 3 to 5 within a run."""
        return await self._outcomes.settle(stored, await self._forwarder.ask(stored))

    async def drain(self) -> None:
        """Wait for the runs in progress."""
        await asyncio.gather(*(running.task for running in self._running.values()), return_exceptions=True)

    def _ended(self, request_id: str, done: asyncio.Task[Stored]) -> None:
        del self._running[request_id]
        if not done.cancelled():
            done.exception()  # looked at here, since every caller may have left
