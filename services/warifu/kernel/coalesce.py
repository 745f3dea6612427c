"""Calls that queue together go out together: what came while a batch was under way is the next one.

A lone call goes out at once, alone. Under load a batch grows to what arrives within one run, so its fixed cost is shared by all who wait.
A second batch beside one that is under way pays only when it is worth its own fixed cost: below `least` it waits and grows, for no longer
than `PATIENCE`, since the one under way may hang. Nothing else waits for a timer.
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


PATIENCE: Final = 0.05
"""Seconds that a small batch waits beside one that is under way."""


class Coalescer(Generic[T, R]):
    """Runs items in batches. Use from one event loop.

    Invariant: every item is in exactly one batch; no more than `lanes` batches of at most `most` items are under way.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        most: int,
        lanes: int = LANES,
        *,
        least: int = 1,
        weight: Callable[[T], int] | None = None,
    ) -> None:
        """`run(items)` gives one result an item, in order; an exception among them is raised to that item's caller alone.

        `least`: what a batch weighs at least that sets out at once while another is under way. `weight` of an item; without it each is 1.
        """
        self._run, self._most, self._free = run, most, lanes
        self._lanes, self._least, self._weight = lanes, least, weight
        self._waiting = 0
        """What the queue weighs."""
        self._patience: asyncio.TimerHandle | None = None
        self._impatient = False
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
        self._waiting += 1 if self._weight is None else self._weight(item)
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
        while self._queue and self._free and self._is_due():
            # Shared out among the free lanes: one batch of all would leave every party idle but the one that has it.
            share = -(-len(self._queue) // max(1, min(self._free, self._waiting // self._least)))
            batch = [self._queue.popleft() for _ in range(min(share, self._most))]
            self._waiting -= len(batch) if self._weight is None else sum(self._weight(item) for item, _ in batch)
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _is_due(self) -> bool:
        """Whether the next batch sets out now; else it is looked at again when one ends, when more comes, or when patience does."""
        if self._waiting >= self._least or self._free == self._lanes or self._impatient:
            if self._patience is not None:
                self._patience.cancel()
            self._patience, self._impatient = None, False
            return True
        if self._patience is None:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._lose_patience)
        return False

    def _lose_patience(self) -> None:
        self._patience, self._impatient = None, True
        self._wake()

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
