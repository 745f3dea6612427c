"""Streams in batches: order, fullness, bounded memory, errors at their place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.streams import batches, in_order


async def numbers(count: int) -> AsyncIterator[int]:
    """0, 1, 2 and so on."""
    for n in range(count):
        yield n


async def double(batch: list[int]) -> list[int]:
    """Work that lets others run."""
    await asyncio.sleep(0)
    return [2 * n for n in batch]


@given(st.integers(0, 60), st.integers(1, 9))
def test_results_come_in_the_order_asked(count: int, limit: int) -> None:
    """Whatever the size of stream and batch, each item's result comes once and in order."""

    async def run() -> list[int]:
        return [result async for result in in_order(numbers(count), limit, double)]

    assert asyncio.run(run()) == [2 * n for n in range(count)]


async def test_what_waits_goes_together() -> None:
    """Items that came in during one batch are the next one, up to the limit."""
    seen: list[list[int]] = []

    async def work(batch: list[int]) -> list[int]:
        seen.append(batch)
        for _ in range(50):
            await asyncio.sleep(0)
        return batch

    assert [n async for n in in_order(numbers(10), 4, work)] == list(range(10))
    assert max(map(len, seen)) == 4
    assert len(seen) < 10


async def test_one_batch_at_a_time() -> None:
    """Two batches are never worked on at once."""
    busy = 0

    async def work(batch: list[int]) -> list[int]:
        nonlocal busy
        busy += 1
        assert busy == 1
        await asyncio.sleep(0)
        busy -= 1
        return batch

    assert [n async for n in in_order(numbers(20), 2, work)] == list(range(20))


async def test_a_lone_item_does_not_wait_for_others() -> None:
    """A caller who sends one item and waits for its answer before the next gets it."""
    asked: asyncio.Queue[int | None] = asyncio.Queue()

    async def items() -> AsyncIterator[int]:
        while (n := await asked.get()) is not None:
            yield n

    async with aclosing(in_order(items(), 100, double)) as results:
        for n in range(3):
            await asked.put(n)
            assert await asyncio.wait_for(anext(results), 60) == 2 * n
        await asked.put(None)
        assert [result async for result in results] == []


async def test_reading_ahead_is_bounded() -> None:
    """While nobody takes results, no more than a few batches are read."""
    read = 0

    async def items() -> AsyncIterator[int]:
        nonlocal read
        for n in range(10_000):
            read = n
            yield n

    async with aclosing(in_order(items(), 10, double)) as results:
        await anext(results)
        for _ in range(500):
            await asyncio.sleep(0)
    assert read < 60


async def test_an_error_of_the_stream_comes_after_what_came_before() -> None:
    """Results of the items before the failure are given first; then the failure is raised."""

    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise ConnectionError("gone")

    async with aclosing(in_order(items(), 10, double)) as results:
        assert [await anext(results), await anext(results)] == [2, 4]
        with pytest.raises(ConnectionError):
            await anext(results)


async def test_an_error_of_the_work_ends_the_stream() -> None:
    """A failure of the work is raised where the results are taken."""

    async def work(batch: list[int]) -> list[int]:
        raise ValueError(batch)

    with pytest.raises(ValueError, match="0"):
        await anext(in_order(numbers(3), 10, work))


async def test_leaving_early_leaves_no_task() -> None:
    """A taker who leaves ends reader and work."""
    before = len(asyncio.all_tasks())
    async with aclosing(in_order(numbers(10_000), 5, double)) as results:
        await anext(results)
    async with aclosing(batches(numbers(10_000), 5)) as lists:
        assert await anext(lists)
    assert len(asyncio.all_tasks()) == before
