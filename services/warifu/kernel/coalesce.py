"""Calls that queue together go out together: what came while a batch was under way is the next one. There is no timer.

A lone call goes out at once, alone. Under load a batch grows to what arrives within one run, so its fixed cost is shared by all who wait.

Where what is called may stand still for some of the items, such as for one of many providers, these are put on a siding (`Sidings`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
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

    def move(self, wanted: Callable[[T], bool], other: Coalescer[T, R]) -> None:
        """Have those of the items that are queued, and not yet under way, wait in another queue, in their order."""
        gone = [one for one in self._queue if wanted(one[0])]
        if gone:
            self._queue = deque(one for one in self._queue if not wanted(one[0]))
            other._queue += gone
            other._wake()

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


class Sidings(Generic[T, R]):
    """A coalescer in which items of a key that stands still queue by themselves, so that they hold up nobody else's. Use from one event loop.

    While all goes well everything is in one queue, whatever its key: batches of one key each would be more and smaller ones. Whoever runs a
    batch says which keys stand still and which go again.
    """

    def __init__(
        self, run: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]], most: int, key: Callable[[T], str]
    ) -> None:
        """As `Coalescer`; `most` and the lanes are each queue's own."""
        self._run, self._most, self._key = run, most, key
        self._main: Coalescer[T, R] = Coalescer(run, most)
        self._still: dict[str, Coalescer[T, R]] = {}

    async def __call__(self, item: T) -> R:
        """See `Coalescer.__call__`."""
        return await self.submit(item)

    def submit(self, item: T) -> asyncio.Future[R]:
        """See `Coalescer.submit`."""
        if not self._still:
            return self._main.submit(item)
        return self._still.get(self._key(item), self._main).submit(item)

    def note(self, still: Collection[str], goes: Collection[str]) -> None:
        """Keys of whose items nothing came, and keys of whose items something did, which counts more."""
        for key in goes:
            self._still.pop(key, None)  # what queues there goes out from there
        for key in still:
            if key not in self._still and key not in goes:
                siding = self._still[key] = Coalescer[T, R](self._run, self._most)
                self._main.move(lambda item, key=key: self._key(item) == key, siding)  # type: ignore[misc]
