"""Streams of many items, worked on in batches without a timer: what arrived during the last batch is the next one.

A lone item goes through at once; a million go through in full batches; memory stays bounded by a few batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None = None


async def batches(items: AsyncIterator[T], limit: int) -> AsyncGenerator[list[T], None]:
    """The items in lists of 1 to `limit`. At most `limit` items are read ahead of whoever takes the lists.

    Raises what `items` raises, after what came before it was handed on. Close it when leaving early (`contextlib.aclosing`).
    """
    queue: asyncio.Queue[Any] = asyncio.Queue(limit)

    async def read() -> None:
        end = _End()
        try:
            async for item in items:
                await queue.put(item)
        except Exception as error:  # noqa: BLE001 - raised again where the batches are taken
            end = _End(error)
        await queue.put(end)

    reader = asyncio.create_task(read())
    try:
        while True:
            batch = [await queue.get()]
            while len(batch) < limit and not queue.empty():
                batch.append(queue.get_nowait())
            end = batch.pop() if isinstance(batch[-1], _End) else None
            if batch:
                yield batch
            if end is not None:
                if end.error is not None:
                    raise end.error
                return
    finally:
        await _stop(reader)


async def in_order(
    items: AsyncIterator[T], limit: int, work: Callable[[list[T]], Awaitable[list[R]]]
) -> AsyncGenerator[R, None]:
    """The results of `work` on batches of `items`, in the order of the items.

    While one batch is worked on, the next gathers and the results before it are handed out. Two batches are never worked on at once: that
    would make more and smaller ones. An error of `items` or of `work` is raised after the results before it.
    """
    begun: asyncio.Queue[asyncio.Task[list[R]] | _End] = asyncio.Queue(1)

    async def run(batch: list[T]) -> list[R]:
        return await work(batch)

    async def feed() -> None:
        end = _End()
        try:
            async with aclosing(batches(items, limit)) as lists:
                async for batch in lists:
                    task = asyncio.create_task(run(batch))
                    await begun.put(task)
                    await asyncio.wait([task])
        except Exception as error:  # noqa: BLE001 - raised again where the results are taken
            end = _End(error)
        await begun.put(end)

    feeder = asyncio.create_task(feed())
    current: asyncio.Task[list[R]] | _End | None = None
    try:
        while not isinstance(current := await begun.get(), _End):
            for result in await current:
                yield result
        if current.error is not None:
            raise current.error
    finally:
        await _stop(feeder)
        left = [] if begun.empty() else [begun.get_nowait()]
        await _stop(*(task for task in (current, *left) if isinstance(task, asyncio.Task)))


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
