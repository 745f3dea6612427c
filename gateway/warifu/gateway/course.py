"""The course of exchanges: what Inquire, Collect and the reconciler share.

One run at a time for each exchange in this process; who comes later joins it. A run is not the caller's: it goes on when the caller
leaves, since what was recorded must come to an outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from warifu.gateway.forward import Forwarder, expired
from warifu.gateway.lanes import Lanes
from warifu.gateway.outcome import Outcomes
from warifu.gateway.stored import Stored
from warifu.kernel.errors import LinkageError, Reason

Result = Stored | Exception
"""An exchange, or why nothing is known of it."""


class Wanted(Protocol):
    """What names an exchange: a stored one, or an inquiry as it came in."""

    @property
    def request_id(self) -> str:
        """Its id."""

    @property
    def requester(self) -> str:
        """Whose it is."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the inquiry."""


W = TypeVar("W", bound=Wanted)


@dataclass(frozen=True, slots=True)
class _Running:
    requester: str
    digest: bytes
    told: asyncio.Future[Result]

    def result(self, wanted: Wanted) -> Result | asyncio.Future[Result]:
        if (self.requester, self.digest) != (wanted.requester, wanted.digest):
            return LinkageError(Reason.CLIENT_REQUEST_CHANGED)
        return self.told


class Course:
    """Runs exchanges to their outcome."""

    def __init__(self, forwarder: Forwarder, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._lanes = Lanes(forwarder, outcomes)
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, request_id: str) -> bool:
        """Is a run in progress."""
        return request_id in self._running

    async def join(self, wanted: Sequence[W], run: Callable[[Sequence[W]], Awaitable[None]]) -> list[Result]:
        """What becomes of each, in order, in the run in progress or a new one; CLIENT_REQUEST_CHANGED when that run is of other bytes.

        `run(new)` tells (`tell`) what becomes of each that it is given; what it raises, it tells of the rest.
        """
        loop = asyncio.get_running_loop()
        new, results = [], []
        for one in wanted:
            running = self._running.get(one.request_id)
            if running is None:
                running = self._running[one.request_id] = _Running(one.requester, one.digest, loop.create_future())
                new.append(one)
            results.append(running.result(one))
        if new:
            self._start(self._carry([one.request_id for one in new], run(new)))
        return [await _told(one) if isinstance(one, asyncio.Future) else one for one in results]

    def tell(self, request_id: str, result: Result) -> None:
        """End the run of an exchange with what became of it."""
        running = self._running.pop(request_id, None)
        if running is not None and not running.told.done():
            running.told.set_result(result)

    async def resume(self, stored: Sequence[Stored]) -> list[Result]:
        """Ask the providers (again) under the stored permits, unless an exchange is final.

        An error says that nothing new is known; the exchange stays as it is.
        """
        results = iter(await self.join([one for one in stored if not one.is_final], self.advance))
        return [one if one.is_final else next(results) for one in stored]

    async def expire(self, stored: Sequence[Stored]) -> list[Result]:
        """Close exchanges whose time is over."""
        return await self.join(stored, self._expire)

    async def advance(self, stored: Sequence[Stored]) -> None:
        """Steps 3 to 5 within a run: each is told as soon as its provider has been asked, whatever becomes of the others."""
        pairs: dict[tuple[str, str], list[Stored]] = {}
        for one in stored:
            pairs.setdefault((one.requester, one.provider), []).append(one)
        groups = list(pairs.items())
        if len(groups) == 1:  # as ever, but without a task for it
            await self._advance(*groups[0])
        else:
            await asyncio.gather(*(self._advance(pair, group) for pair, group in groups))

    async def drain(self) -> None:
        """Wait for the runs in progress."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _advance(self, pair: tuple[str, str], group: Sequence[Stored]) -> None:
        for one, result in zip(group, await self._lanes.ask(pair, group), strict=True):
            self.tell(one.request_id, result)

    async def _expire(self, stored: Sequence[Stored]) -> None:
        settled = await self._outcomes.settle(stored, [expired()] * len(stored))
        for one, result in zip(stored, settled, strict=True):
            self.tell(one.request_id, result)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, ids: Sequence[str], run: Awaitable[None]) -> None:
        failed: Exception = asyncio.InvalidStateError("a run ended without a word")
        try:
            await run
        except Exception as error:  # noqa: BLE001 - told to everyone who waits for it
            failed = error
        finally:  # also when the loop ends: nobody is to wait for ever
            for request_id in ids:
                self.tell(request_id, failed)


async def _told(future: asyncio.Future[Result]) -> Result:
    return await asyncio.shield(future)  # which leaves it alone when the caller goes away
