"""Work on a stream's items, a few at a time, told in the order in which it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Pipeline(Generic[T, R]):
    """One stream's. While `lanes` items are worked on, or a result is not taken, nothing further is read."""

    def __init__(self, lanes: int, work: Callable[[int, T], Awaitable[R]]) -> None:
        """`work(number, item)`; numbers count the items from 0."""
        self._lanes, self._work = lanes, work
        self._reading: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[R]] = set()
        self._read = 0
        self._over = False
        self._failed: Exception | None = None

    async def run(self, items: AsyncIterator[T]) -> AsyncGenerator[list[R], None]:
        """The results, in lists of what was done when the list before was taken.

        Raises what `items` or `work` raised first, after all that was begun has been handed out.
        """
        try:
            while self._go_on(items):
                awaited: set[asyncio.Task[Any]] = {*self._running, *([self._reading] if self._reading else [])}
                ready, _ = await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
                self._reading = None if self._reading in ready else self._reading
                results = list(self._results(ready & self._running))
                if results:
                    yield results
            if self._failed is not None:
                raise self._failed
        finally:
            await self._stop()

    def _results(self, done: set[asyncio.Task[R]]) -> Iterator[R]:
        self._running -= done
        for task in done:
            if (error := task.exception()) is None:
                yield task.result()
            else:
                self._end(error)

    def _go_on(self, items: AsyncIterator[T]) -> bool:
        """Read on when there is a lane for it; False when nothing is to come any more."""
        if self._reading is None and not self._over and len(self._running) < self._lanes:
            self._reading = asyncio.get_running_loop().create_task(self._next(items))
        return bool(self._running) or not self._over

    async def _next(self, items: AsyncIterator[T]) -> None:
        try:
            item = await anext(items)
        except StopAsyncIteration:
            self._over = True
        except Exception as error:  # noqa: BLE001 - raised again once what was begun has been handed out
            self._end(error)
        else:
            if self._over:  # another one failed meanwhile
                return
            self._running.add(asyncio.ensure_future(self._work(self._read, item)))
            self._read += 1

    def _end(self, error: BaseException) -> None:
        self._over = True
        if self._failed is None and isinstance(error, Exception):
            self._failed = error

    async def _stop(self) -> None:
        tasks: list[asyncio.Task[Any]] = [*self._running, *([self._reading] if self._reading else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
