"""A stream of many inquiries: a bounded number under way, told in lists of what is done, nothing lost when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest

from warifu.interim.bulk import WINDOW, Bulk
from warifu.interim.connect import Connector
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH


class Hand:
    """A connector whose inquiries come to something when a test says so."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Future[Any]] = {}
        self.later: dict[str, asyncio.Future[Any]] = {}

    def submit(self, request: pb.InquireRequest) -> asyncio.Future[Any]:
        """Under way until it is told."""
        self.open[request.request_id] = asyncio.get_running_loop().create_future()
        return self.open[request.request_id]

    async def come_to(self, told: str) -> pb.InquiryState:
        """What the first try did not tell."""
        self.later[told] = asyncio.get_running_loop().create_future()
        return cast("pb.InquiryState", await self.later[told])

    def answer(self, *ids: str) -> None:
        """These are done."""
        for one in ids:
            self.open.pop(one).set_result(pb.InquiryState(request_id=one))


def asked(*ids: str) -> pb.InquireBulkRequest:
    """A chunk."""
    return pb.InquireBulkRequest(inquiries=[pb.InquireRequest(request_id=one) for one in ids])


async def stream(chunks: Sequence[pb.InquireBulkRequest]) -> AsyncIterator[pb.InquireBulkRequest]:
    """The chunks of a bulk."""
    for chunk in chunks:
        yield chunk


def bulk(hand: Hand) -> Bulk:
    """A stream of it."""
    return Bulk(cast("Connector", hand))


async def turns() -> None:
    """As many turns of the loop as anything here needs."""
    for _ in range(10):
        await asyncio.sleep(0)


async def told(results: list[pb.BulkResult], lists: AsyncIterator[list[pb.BulkResult]]) -> None:
    """Take all that comes."""
    async for some in lists:
        results += some


async def test_what_is_done_together_is_told_together() -> None:
    """Results come in the order in which they are done, those of one batch in one list."""
    hand = Hand()
    lists = bulk(hand).run(stream([asked("a", "b"), asked("c")]))
    first = asyncio.ensure_future(anext(lists))
    await turns()
    hand.answer("c", "a")
    assert [one.request_id for one in await first] == ["c", "a"]
    hand.answer("b")
    assert [one.request_id for one in await anext(lists)] == ["b"]
    with pytest.raises(StopAsyncIteration):
        await anext(lists)


async def test_no_more_than_a_window_is_under_way() -> None:
    """While a window's inquiries are under way, or done and not taken, nothing further is read; lists have a batch at most."""
    hand = Hand()
    ids = [str(number) for number in range(3 * BATCH)]
    chunks = [asked(*ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
    lists = bulk(hand).run(stream(chunks))
    first = asyncio.ensure_future(anext(lists))
    await turns()
    assert len(hand.open) == WINDOW
    hand.answer(*ids[: WINDOW - 1])
    assert len(await first) == BATCH
    await turns()
    assert len(hand.open) == 1, "done, and not all taken"
    assert len(await anext(lists)) == WINDOW - 1 - BATCH
    rest: list[pb.BulkResult] = []
    taking = asyncio.ensure_future(told(rest, lists))
    await turns()
    hand.answer(*hand.open)
    await taking
    assert sorted(one.request_id for one in rest) == sorted(ids[WINDOW - 1 :])


async def test_one_that_goes_on_is_told_when_it_has_come_to_something() -> None:
    """Of which the first try told nothing is told later, the others at once; a refusal is told with its reason."""
    hand = Hand()
    results: list[pb.BulkResult] = []
    taking = asyncio.ensure_future(told(results, bulk(hand).run(stream([asked("a", "b", "c")]))))
    await turns()
    hand.open["a"].set_result("a")
    hand.open["b"].set_exception(LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN))
    hand.answer("c")
    await turns()
    assert [one.request_id for one in results] == ["b", "c"]
    assert results[0].refused.reason == Reason.CLIENT_ADDRESSEE_UNKNOWN
    hand.later["a"].set_result(pb.InquiryState(request_id="a"))
    await taking
    assert [one.request_id for one in results] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (pb.InquireBulkRequest(inquiries=[pb.InquireRequest()]), Reason.CLIENT_MALFORMED),
        (asked(*map(str, range(BATCH + 1))), Reason.CLIENT_TOO_MANY_ITEMS),
    ],
)
async def test_a_chunk_out_of_form_ends_it_after_what_was_begun(wrong: pb.InquireBulkRequest, reason: Reason) -> None:
    """What came before a chunk without ids, or of too many, is told; then the stream ends with the reason, and nothing after is read."""
    hand = Hand()
    results: list[pb.BulkResult] = []
    taking = asyncio.ensure_future(told(results, bulk(hand).run(stream([asked("a"), wrong, asked("b")]))))
    await turns()
    assert list(hand.open) == ["a"]
    hand.answer("a")
    with pytest.raises(LinkageError) as caught:
        await taking
    assert caught.value.reason == reason
    assert [one.request_id for one in results] == ["a"]


async def test_whatever_fails_ends_it_after_the_others() -> None:
    """An error of the connector itself ends the stream, once all that was begun is told."""
    hand = Hand()
    results: list[pb.BulkResult] = []
    taking = asyncio.ensure_future(told(results, bulk(hand).run(stream([asked("a", "b")]))))
    await turns()
    hand.open.pop("a").set_exception(OSError("disk"))
    await turns()
    hand.answer("b")
    with pytest.raises(OSError, match="disk"):
        await taking
    assert [one.request_id for one in results] == ["b"]


async def test_who_leaves_stops_the_reading() -> None:
    """When the stream is left nothing more is read, and what is under way is not ended by it."""
    hand = Hand()
    lists = bulk(hand).run(stream([asked("a", "b")]))
    first = asyncio.ensure_future(anext(lists))
    await turns()
    hand.answer("a")
    await first
    await lists.aclose()
    assert not hand.open["b"].cancelled()
    assert [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
