"""Doing the same for many things, some of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def each(things: Iterable[T], do: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do it for all of them. The first failure ends all and is raised as it is, not in a group, so that whoever expects it catches it."""
    queue = iter(things)

    async def work() -> None:
        for thing in queue:
            await do(thing)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
