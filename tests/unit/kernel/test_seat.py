"""A seat that is left free: who sits down there, when, and what callers are told meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from warifu.kernel.clock import Clock, SystemClock
from warifu.kernel.errors import Reason, Side
from warifu.kernel.failures import explain
from warifu.kernel.party import Context, Party
from warifu.kernel.seat import GoneError, Seat


class Builder:
    """Builds parties and notes what becomes of them."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.contexts: list[Context] = []
        self.fails_at = ""
        self.began, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def build(self, context: Context) -> Party:
        """See `Build`."""
        self.noted.append("built")
        self.contexts.append(context)
        self.began.set()
        await self.gate.wait()
        self._fail("build")
        return Party(services=(), start=self._noting("start"), close=self._noting("close"))

    def _noting(self, what: str) -> Callable[[], Any]:
        async def note() -> None:
            self.noted.append(what)
            self._fail(what)

        return note

    def _fail(self, at: str) -> None:
        if self.fails_at == at:
            raise OSError(at)


def seat_of(builder: Builder) -> Seat:
    """A seat of which nothing is looked at but who sits there."""
    nothing: Any = SimpleNamespace(
        require_rows=lambda _names: None, check=lambda: None, refresh=lambda: None, channel=lambda *_: "a channel"
    )
    context = Context(config=nothing, clock=SystemClock(), peers=nothing, trust=nothing)
    return Seat(context, builder.build, nothing, nothing)


async def left_free(builder: Builder, clock: Clock | None = None) -> Seat:
    """One in which somebody sat, who has gone."""
    seat = seat_of(builder)
    await seat.take()
    await seat.rest()
    await seat.end()
    seat.free(clock or SystemClock())
    builder.noted.clear()
    builder.contexts.clear()
    builder.began.clear()
    return seat


async def test_nobody_is_built_until_somebody_looks_for_them() -> None:
    """In a free seat a party is built, lazily and by the clock that was given, when it is first looked for, and not again."""
    builder, clock = Builder(), SystemClock()
    seat = await left_free(builder, clock)

    assert (seat.is_free, builder.noted, seat.clock) == (True, [], clock)
    first = await seat.present()

    assert await seat.present() is first is seat.now
    assert builder.noted == ["built", "start"]
    assert not seat.is_free
    assert [(one.lazily, one.clock is clock) for one in builder.contexts] == [(True, True)]


async def test_a_party_that_takes_its_seat_opens_everything() -> None:
    """Whoever is given a seat at the start of a process is not built lazily."""
    builder = Builder()
    await seat_of(builder).take()

    assert [one.lazily for one in builder.contexts] == [False]


async def test_all_who_look_at_once_find_the_same_party() -> None:
    """Of many who look for it while it is being built, and of whom one gives up, it is built once."""
    builder = Builder()
    seat = await left_free(builder)
    builder.gate.clear()
    looking = [asyncio.create_task(seat.present()) for _ in range(3)]
    await builder.began.wait()
    looking.pop(0).cancel()
    builder.gate.set()

    found = await asyncio.gather(*looking)

    assert found == [seat.now, seat.now]
    assert builder.noted == ["built", "start"]


async def test_who_has_gone_is_not_built_again_before_the_seat_is_free() -> None:
    """Between its rest and the moment when the seat is free again nobody sits down, and callers are told to try again."""
    builder = Builder()
    seat = await left_free(builder)
    await seat.rest()
    await seat.end()

    with pytest.raises(GoneError) as told:
        await seat.present()

    assert explain(told.value, Side.of("tax")).reason == Reason.PROVIDER_UNAVAILABLE
    assert builder.noted == []
    seat.free(SystemClock())
    await seat.present()
    assert builder.noted == ["built", "start"]


async def test_who_is_about_to_sit_down_does_so_before_all_rest() -> None:
    """A party that is being built when all are to go is waited for, and ends as the others do."""
    builder = Builder()
    seat = await left_free(builder)
    builder.gate.clear()
    looking = asyncio.create_task(seat.present())
    await builder.began.wait()
    resting = asyncio.create_task(seat.rest())
    await asyncio.sleep(0)
    assert not resting.done()

    builder.gate.set()
    await resting
    await seat.end()

    assert await looking is seat.now
    assert builder.noted == ["built", "start", "close"]


@pytest.mark.parametrize(("at", "noted"), [("build", ["built"]), ("start", ["built", "start", "close"])])
async def test_a_party_that_cannot_sit_down_leaves_the_seat_free(at: str, noted: list[str]) -> None:
    """Whoever looked for it is told why; what it had opened is closed, and the next who looks has it built anew."""
    builder = Builder()
    seat = await left_free(builder)
    builder.fails_at = at

    with pytest.raises(OSError, match=at):
        await seat.present()

    assert builder.noted == noted
    assert seat.is_free
    builder.fails_at = ""
    await seat.present()
    assert builder.noted == [*noted, "built", "start"]
