"""Calls that queue go out together: batches grow by nature, nothing is lost, nothing is run twice, an error stays its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.coalesce import LANES, Coalescer, Sidings


class Work:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        """Twice each; a negative item fails by itself."""
        self.batches.append(list(items))
        await self.may_end.acquire()
        return [ValueError(item) if item < 0 else 2 * item for item in items]


async def settled() -> None:
    """Whatever can go on has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_item_goes_at_once_and_alone() -> None:
    """Nobody waits for company: an item that finds a free lane is a batch of one."""
    work = Work()
    call = asyncio.create_task(Coalescer(work, most=9)(1))
    await settled()
    assert work.batches == [[1]]
    work.may_end.release()
    assert await call == 2


async def test_what_queues_while_the_lanes_are_busy_goes_together() -> None:
    """Items that come while every lane is taken are the next batch, in their order."""
    work = Work()
    coalescer = Coalescer(work, most=9, lanes=1)
    calls = [asyncio.create_task(coalescer(1))]
    await settled()
    calls += [asyncio.create_task(coalescer(item)) for item in (2, 3, 4)]
    await settled()
    assert work.batches == [[1]]
    work.may_end.release()
    await settled()
    assert work.batches == [[1], [2, 3, 4]]
    work.may_end.release()
    assert await asyncio.gather(*calls) == [2, 4, 6, 8]


async def test_what_comes_at_once_is_shared_out_among_free_lanes() -> None:
    """One batch of everything would leave all parties idle but one, so free lanes get equal shares."""
    work = Work()
    coalescer = Coalescer(work, most=100)
    calls = [asyncio.create_task(coalescer(item)) for item in range(10)]
    await settled()
    assert [len(batch) for batch in work.batches] == [5, 5]
    for _ in range(LANES):
        work.may_end.release()
    assert await asyncio.gather(*calls) == [2 * item for item in range(10)]


async def test_an_error_of_one_item_is_its_own() -> None:
    """A result that is an exception is raised to that item's caller; the others have theirs."""
    work = Work()
    coalescer = Coalescer(work, most=9, lanes=1)
    calls = [asyncio.create_task(coalescer(item)) for item in (1, -1, 2)]
    await settled()
    work.may_end.release()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[::2] == [2, 4]
    assert isinstance(results[1], ValueError)


async def test_an_error_of_the_run_is_everybodys_and_the_lane_is_free_again() -> None:
    """When the run itself fails, all of its batch hear of it, and the next batch is run."""
    tries = []

    async def work(items: Sequence[int]) -> list[int | Exception]:
        tries.append(list(items))
        if len(tries) == 1:
            raise OSError
        return list(items)

    coalescer = Coalescer(work, most=9, lanes=1)
    failed = await asyncio.gather(coalescer(1), coalescer(2), return_exceptions=True)
    assert [type(error) for error in failed] == [OSError, OSError]
    assert await coalescer(3) == 3


async def test_a_caller_that_leaves_undoes_nothing() -> None:
    """A cancelled caller's item is still run, and the others of its batch get their results."""
    work = Work()
    coalescer = Coalescer(work, most=9, lanes=1)
    leaves, stays = (asyncio.create_task(coalescer(item)) for item in (1, 2))
    await settled()
    leaves.cancel()
    work.may_end.release()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await leaves
    assert work.batches == [[1, 2]]


@given(counts=st.lists(st.integers(0, 20), max_size=8), most=st.integers(1, 7), lanes=st.integers(1, 3))
def test_every_item_is_run_once_within_the_bounds(counts: list[int], most: int, lanes: int) -> None:
    """However items arrive, each is in exactly one batch, no batch is larger and no more are under way than allowed."""
    batches: list[list[int]] = []
    under_way = 0

    async def work(items: Sequence[int]) -> list[int | Exception]:
        nonlocal under_way
        under_way += 1
        assert under_way <= lanes
        batches.append(list(items))
        await asyncio.sleep(0)
        under_way -= 1
        return list(items)

    async def run() -> None:
        coalescer: Coalescer[int, int] = Coalescer(work, most, lanes)
        futures: list[asyncio.Future[int]] = []
        for count in counts:
            first = len(futures)
            futures += [coalescer.submit(first + place) for place in range(count)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*futures) == list(range(len(futures)))
        await coalescer.drain()

    asyncio.run(run())
    assert sorted(item for batch in batches for item in batch) == list(range(sum(counts)))
    assert all(0 < len(batch) <= most for batch in batches)


async def test_while_all_goes_well_there_is_one_queue_for_every_key() -> None:
    """Items of different keys that queue together are one batch."""
    work = Work()
    queue = Sidings(work, 9, str)
    calls = [queue.submit(1)]
    await settled()
    calls += [queue.submit(item) for item in (2, 3, 4, 5)]
    await settled()
    assert work.batches == [[1], [2, 3, 4, 5]]
    work.may_end.release()
    work.may_end.release()
    assert await asyncio.gather(*calls) == [2, 4, 6, 8, 10]


async def test_a_key_that_stands_still_holds_up_no_other() -> None:
    """With all lanes of such a key taken, others go out, also what had queued behind it; once it goes again it is one of all."""
    work = Work()
    queue = Sidings(work, 9, lambda item: "still" if item < 100 else "well")
    calls = [queue.submit(item) for item in (1, 2)]
    await settled()
    assert work.batches == [[1], [2]], "both lanes are taken"
    calls += [queue.submit(item) for item in (3, 101, 4)]
    queue.note({"still"}, ())
    await settled()
    assert work.batches[2:] == [[3], [4]], "on the siding"
    work.may_end.release()
    await settled()
    assert work.batches[4:] == [[101]]
    calls += [queue.submit(item) for item in (5, 102)]
    await settled()
    assert work.batches[5:] == []
    for _ in range(20):
        work.may_end.release()
    assert await asyncio.gather(*calls) == [2, 4, 6, 202, 8, 10, 204]
    assert not any({5, 102} <= set(batch) for batch in work.batches), (
        "a batch has nothing of what stands still beside others"
    )
    queue.note({"well", "still"}, {"still", "well"})
    calls = [queue.submit(item) for item in (6, 7, 103, 104)]
    assert await asyncio.gather(*calls) == [12, 14, 206, 208]
    assert work.batches[-2:] == [[6, 7], [103, 104]], "one queue, shared out among its lanes"
