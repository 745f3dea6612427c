"""Calls that queue together go out together: what came while a batch was under way is the next one. There is no timer.

A lone call goes out at once, alone. Under load a batch grows to what arrives within one run, so its fixed cost is shared by all who wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

LANES: Final = 2
"""Batches under way at once: while one is with the next party, another is made here."""


class Coalescer(Generic[T, R]):
    """Runs items in batches. Use from one event loop.

    Invariant: every item is in exactly one batch; no more than `lanes` batches of at most `most` items are under way.
    """

    def __init__(
        self, run: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]], most: int, lanes: int = LANES
    ) -> None:
        """`run(items)` gives one result an item, in order; an exception among them is raised to that item's caller alone."""
        self._run, self._most, self._free = run, most, lanes
        self._queue: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = False

    async def __call__(self, item: T) -> R:
        """The item's result. A caller that is cancelled undoes nothing.

        Raises whatever `run` gave for this item, or raised for all.
        """
        return await self.submit(item)

    def submit(self, item: T) -> asyncio.Future[R]:
        """The same for who does not wait now: the result to come."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        self._wake()
        return future

    async def drain(self) -> None:
        """Wait for all that is queued or under way."""
        while self._tasks or self._queue:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)

    def _wake(self) -> None:
        """Start what can start, once everyone who is ready in this turn of the loop has queued."""
        if not self._woken and self._free:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._woken = False
        while self._queue and self._free:
            # Shared out among the free lanes: one batch of all would leave every party idle but the one that has it.
            share = -(-len(self._queue) // self._free)
            batch = [self._queue.popleft() for _ in range(min(share, self._most))]
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free += 1
        if self._queue:
            self._wake()

    async def _carry(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results: Sequence[R | Exception] = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - told to everyone who waits for it
            results = [error] * len(batch)
        except BaseException:  # the loop ends: nobody is to wait for ever
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
