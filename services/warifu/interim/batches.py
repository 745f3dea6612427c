"""Streams in batches: what came in while the last batch was worked on goes together, with no timer.

One change is done at once; a million flow in few transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def in_batches(
    incoming: AsyncIterator[A], work: Callable[[list[A]], Awaitable[list[B]]], limit: int
) -> AsyncIterator[B]:
    """The results of `work` over batches of at most `limit`, in the order asked.

    Raises whatever `incoming` or `work` raises, after the results of the batches before.
    """
    waiting: asyncio.Queue[A | None] = asyncio.Queue(2 * limit)
    reader = asyncio.create_task(_fill(incoming, waiting))
    try:
        while batch := await _next(waiting, limit):
            for result in await work(batch):
                yield result
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _fill(incoming: AsyncIterator[A], waiting: asyncio.Queue[A | None]) -> None:
    """Read ahead. Not in a `finally`: who cancelled this reads no more, and a full queue would never take the end."""
    try:
        async for one in incoming:
            await waiting.put(one)
    except Exception:
        await waiting.put(None)
        raise
    await waiting.put(None)


async def _next(waiting: asyncio.Queue[A | None], limit: int) -> list[A]:
    """The next batch, as soon as there is one item; empty at the end."""
    first = await waiting.get()
    batch: list[A] = [] if first is None else [first]
    while batch and len(batch) < limit and not waiting.empty():
        following = waiting.get_nowait()
        if following is None:
            waiting.put_nowait(None)
            break
        batch.append(following)
    return batch
