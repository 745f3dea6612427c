"""Streams of many items, worked on in batches without a timer: what arrived during the last batch is the next one.

A lone item goes through at once; a million go through in full batches; memory stays bounded by a few batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Final, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

_IN_FLIGHT: Final = 1
"""Batches that wait between the one just started and the one whose results are being sent: three in all."""


async def batches(items: AsyncIterator[T], limit: int) -> AsyncIterator[list[T]]:
    """The items in lists of 1 to `limit`. Reads at most `limit` items ahead of whoever takes the lists.

    Raises what `items` raises, after what came before it was handed on. Use inside `aclosing`.
    """
    queue: asyncio.Queue[T | BaseException | None] = asyncio.Queue(limit)
    reader = asyncio.create_task(_read(items, queue))
    try:
        ended: T | BaseException | None = cast("T", items)
        while ended is not None and not isinstance(ended, BaseException):
            batch, ended = await _take(queue, limit)
            if batch:
                yield batch
        if isinstance(ended, BaseException):
            raise ended
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(items: AsyncIterator[T], queue: asyncio.Queue[T | BaseException | None]) -> None:
    try:
        async for item in items:
            await queue.put(item)
    except Exception as error:  # noqa: BLE001 - raised again by whoever takes the batches
        await queue.put(error)
    else:
        await queue.put(None)
