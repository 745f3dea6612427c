"""A few items of a stream at a time: told as they are done, nothing read ahead, errors last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from warifu.kernel.pipeline import Pipeline


class BrokenError(Exception):
    """What fails in these tests."""


class Source:
    """Numbers, and how many of them were read."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.read, self._count, self._error = 0, count, error

    async def __aiter__(self) -> AsyncIterator[int]:
        """0, 1, 2 and so on, then the error."""
        for number in range(self._count):
            self.read += 1
            yield number
        if self._error is not None:
            raise self._error


async def taken(pipeline: Pipeline[int, int], source: Source) -> list[int]:
    """All results."""
    return [result async for results in pipeline.run(aiter(source)) for result in results]


async def test_results_come_as_they_are_done() -> None:
    """A slow item holds up nobody: later ones are told before it."""
    slow = asyncio.Event()

    async def work(number: int, item: int) -> int:
        assert number == item
        if item == 0:
            await slow.wait()
        if item == 3:
            slow.set()
        return item

    order = await taken(Pipeline(2, work), Source(5))
    assert sorted(order) == list(range(5))
    assert order.index(0) > order.index(2)


async def test_no_more_is_read_than_is_worked_on() -> None:
    """While every lane is taken, or nobody takes the results, the stream is not read further."""
    source, busy = Source(100), 0

    async def work(_: int, item: int) -> int:
        nonlocal busy
        busy += 1
        assert busy <= 3
        await asyncio.sleep(0)
        busy -= 1
        return item

    async with aclosing(Pipeline(3, work).run(aiter(source))) as lists:
        first = await anext(lists)
        for _ in range(50):
            await asyncio.sleep(0)
        assert source.read <= len(first) + 6
    assert source.read < 100


@pytest.mark.parametrize("where", ["source", "work"])
async def test_an_error_is_raised_after_what_was_begun(where: str) -> None:
    """Whether the stream or the work fails, results of what was begun are handed out before."""

    async def work(_: int, item: int) -> int:
        if where == "work" and item == 2:
            raise BrokenError
        await asyncio.sleep(0)
        return item

    seen: list[int] = []
    source = Source(3, BrokenError() if where == "source" else None)

    async def take() -> None:
        async for results in Pipeline(3, work).run(aiter(source)):
            seen.extend(results)

    with pytest.raises(BrokenError):
        await take()
    assert sorted(seen) == ([0, 1] if where == "work" else [0, 1, 2])
