"""Calls at a party that goes: who merely waits, who is waited for, and what each is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from warifu.kernel.calls import Calls
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.seat import GoneError

Work = Callable[[], Awaitable[object]]


async def call(calls: Calls, work: Work, *, waits: bool = False) -> object:
    """A call as the interceptor answers it; of one that fails what its caller is told."""
    task = None
    try:
        task = calls.begin(waits=waits)
        return await work()
    except (Exception, asyncio.CancelledError) as error:
        told = calls.told(error, task)
        if told is None:
            raise
        await asyncio.sleep(0)  # as it does to tell it
        return told
    finally:
        calls.end(task)


async def begun(calls: Calls, work: Work, *, waits: bool = False) -> asyncio.Task[object]:
    """One that is under way."""
    task = asyncio.create_task(call(calls, work, waits=waits))
    await asyncio.sleep(0)
    assert task in calls.under_way
    return task


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.Event().wait()


async def test_who_merely_waits_is_told_at_once() -> None:
    """When the party hurries a long poll ends, a call that works goes on and is answered, and nobody begins to wait any more."""
    calls, done = Calls(), asyncio.Event()
    poll, work = await begun(calls, never, waits=True), await begun(calls, done.wait)

    calls.hurry()

    assert isinstance(await poll, GoneError)
    assert calls.under_way == [work]
    assert isinstance(await call(calls, never, waits=True), GoneError)
    done.set()
    assert await work is True
    assert calls.under_way == []


async def test_who_waits_for_a_while_within_a_call_waits_too() -> None:
    """It is ended within that while; a call that comes to it later is told so."""
    calls = Calls()

    async def held() -> None:
        task = asyncio.current_task()
        assert task is not None
        with calls.waiting(task):
            await never()

    under_way = await begun(calls, held)
    calls.hurry()

    assert isinstance(await under_way, GoneError)
    assert isinstance(await call(calls, held), GoneError)


async def test_whoever_is_left_when_the_party_closes_is_told_so() -> None:
    """A call that will not end is ended, and has said so on return; what breaks under another is told as the end of the party."""
    calls, closed = Calls(), asyncio.Event()

    async def on_a_closed_store() -> None:
        await closed.wait()
        raise RuntimeError("the store is closed")

    async def refused() -> None:
        await closed.wait()
        raise LinkageError(Reason.CLIENT_NOT_YOURS)

    left = await begun(calls, never)
    await calls.cut()
    assert left.done()
    broken, denied = await begun(calls, on_a_closed_store), await begun(calls, refused)
    closed.set()

    assert isinstance(await left, GoneError)
    assert isinstance(await broken, GoneError)
    told = await denied
    assert isinstance(told, LinkageError)
    assert told.reason == Reason.CLIENT_NOT_YOURS


async def test_nobody_begins_once_the_party_has_gone() -> None:
    """Whoever found the way in before is told so."""
    calls = Calls()
    await calls.leave()

    assert isinstance(await call(calls, never), GoneError)


async def test_a_caller_who_gives_up_is_told_nothing() -> None:
    """A call that its caller cancelled stays cancelled, also while the party hurries."""
    calls = Calls()
    for hurries in (False, True):
        under_way = await begun(calls, never)
        if hurries:
            calls.hurry()
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        assert calls.under_way == []


async def test_what_breaks_while_the_party_stays_is_told_as_it_is() -> None:
    """Also while it hurries: only what breaks once it closes breaks because of that."""
    calls = Calls()

    async def broken() -> None:
        raise ValueError("a mistake of ours")

    for _ in range(2):
        assert isinstance(await call(calls, broken), ValueError)
        calls.hurry()
