"""What becomes of a run when something fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self, cast

import grpc
import pytest
from unit.traffic import lab

from warifu.interim.v1 import interim_pb2 as pb
from warifu.simulator.called import CallError, calling
from warifu.simulator.clerk import Clerk
from warifu.simulator.traffic import desks, known, run
from warifu.simulator.traffic.drive import Made, Pace
from warifu.simulator.traffic.each import each
from warifu.simulator.traffic.failure import DETECTING, DRIVING, REVIEWING, Failure


def late(*_: object, **__: object) -> grpc.aio.AioRpcError:
    """A party does not answer in time."""
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, empty, empty, "Deadline Exceeded")


class Driving:
    """A driver that makes some inquiries, and has what lies behind them done."""

    stopping, seconds, unknown, answered = False, 1.0, 0, 0

    def __init__(self, made: list[Made], fails: CallError | None = None) -> None:
        self.made, self.fails = made, fails
        self.plan = lab.run(made).plan
        self.between: Any = None

    def instead(self, *_: object) -> Self:
        """It, where a driver is made."""
        return self

    async def run(self) -> None:
        """All at once."""
        if self.fails is not None:
            raise self.fails
        await self.between(None)


class Network:
    """Doors and inspector at once, of a network where calls of one name fail."""

    def __init__(self, failing: str = "", busy: tuple[str, ...] = ()) -> None:
        self.failing, self.busy = failing, busy
        self.full: set[tuple[str, str]] = set()
        self.extra = {"kinds": {"tax-480011": "tax", "nhi-480029": "health_insurance"}}

    def call(self, name: str, called: str) -> None:
        """It answers, or fails."""
        with calling(name, called):
            if name == self.failing:
                raise late()

    async def begin(self) -> None:
        """Nothing was there before."""

    async def clock(self) -> tuple[datetime, bool]:
        """The network's."""
        return lab.NOW, False

    async def settle(self, _parties: object) -> tuple[str, ...]:
        """Whoever has still to do."""
        self.call("Settle", "gateway")
        return self.busy

    async def look(self, _first: object, _sources: object) -> None:
        """A look at the rules."""
        self.call("ListSuspicions", "gateway")

    async def pointed_at(self) -> list[object]:
        """Nothing is pointed at."""
        self.call("ListRecords", "gateway")
        return []


async def driven(
    monkeypatch: pytest.MonkeyPatch, made: list[Made], network: Network, fails: CallError | None = None
) -> run.Run:
    """A run on that network."""
    driving, fake = Driving(made, fails), cast("Any", network)
    monkeypatch.setattr(run, "Driver", driving.instead)
    runner = run.Runner(fake, run.Wish("day", 1, 1.0, 0.0, 1, Pace(None)))
    return await runner._driven(fake, fake, driving.plan, {}, 100, lab.NOW)


def inquiries() -> list[Made]:
    """Three that were answered."""
    return [lab.made(number) for number in range(3)]


@pytest.mark.parametrize("call", ["Settle", "ListSuspicions", "ListRecords"])
async def test_what_was_made_outlives_what_fails_after_it(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When a call after the driving fails all inquiries are kept, without scores, and the run says which call to whom it was."""
    found = await driven(monkeypatch, inquiries(), Network(call))
    assert len(found.made) == 3
    assert not found.scores
    assert found.failed is not None
    assert (found.failed.doing, found.failed.error.call, found.failed.party) == (DETECTING, call, "gateway")
    for language in ("ja", "en"):
        assert f"GATEWAY_TIMEOUT: {found.failed.error.linkage.text(language)}" in found.failed.what(language)
        assert call in found.failed.what(language)


async def test_what_was_made_outlives_an_interim_server_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When an institution's stream stays broken in the middle, what was made until then is kept, and its party is named for whoever looks why."""
    error = CallError("InquireBulk", "nhi-480029", late())
    found = await driven(monkeypatch, inquiries(), Network(), error)
    assert found.failed is not None
    assert (found.failed.doing, found.failed.error.called, found.failed.party) == (
        DRIVING,
        "nhi-480029",
        "health_insurance",
    )
    assert "health_insurance" in found.failed.advice("en")
    assert "3 of 3" in found.failed.what("en")


@pytest.mark.parametrize("call", ["ListReviews", "ReleaseReview", "Collect"])
async def test_what_was_made_outlives_clerks_who_cannot_look(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """When a clerk's call fails, one of many under way at once, the run keeps all inquiries and names call and institution."""
    made = [lab.made(number, outcome="PENDING") for number in range(40)]
    waiting = [one.request_id for one in made]

    class Interim:
        def __init__(self, _doors: object, institution: str) -> None:
            self.institution, self.interim = institution, self

        async def ListReviews(self, _: object, timeout: float) -> pb.ListReviewsResponse:  # noqa: N802, ASYNC109 - as a stub has it
            await self._answer("ListReviews")
            return pb.ListReviewsResponse(reviews=[pb.Review(permit_id=one) for one in waiting])

        async def review(self, permit_id: str, _: object) -> None:
            await self._answer("ReleaseReview")
            waiting.remove(permit_id)

        async def Collect(self, _: object, timeout: float) -> pb.CollectResponse:  # noqa: N802, ASYNC109 - as a stub has it
            await self._answer("Collect")
            return pb.CollectResponse()

        async def _answer(self, name: str) -> None:
            await asyncio.sleep(0)
            if name == call:
                raise late()

    monkeypatch.setattr(desks, "Clerk", Interim)
    found = await driven(monkeypatch, made, Network())
    assert len(found.made) == 40
    assert found.failed is not None
    assert (found.failed.doing, found.failed.error.call) == (REVIEWING, call)
    assert found.failed.error.called == ("nhi-480029" if call == "Collect" else "tax-480011")


async def test_a_failure_before_any_inquiry_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was made there is nothing to keep."""
    with pytest.raises(CallError):
        await driven(monkeypatch, [], Network(), CallError("SetClock", "tax", late()))


async def test_a_party_that_was_not_done_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a party has still to do after the last round the run goes on, and says which."""
    found = await driven(monkeypatch, inquiries(), Network(busy=("gateway",)))
    assert found.failed is None
    assert found.unsettled == ("gateway",)
    assert run.summary(found, ())["unsettled"] == ["gateway"]


async def test_counters_that_fail_before_the_driving_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many visitors who are received at once, the call of the one that failed is raised by name, not a group of errors."""

    async def received(_clerk: Clerk, _items: object) -> str:
        await asyncio.sleep(0)
        raise late()

    class Nobody(Clerk):
        async def find_many(self, people: Sequence[object]) -> list[str | None]:
            return [None] * len(people)

    monkeypatch.setattr(known, "_received", received)
    monkeypatch.setattr(known, "Clerk", Nobody)
    intended = [lab.intended(person=f"p-{number}") for number in range(9)]
    items: Any = {one.person: None for one in intended}
    doors: Any = None
    with pytest.raises(CallError) as caught:
        await known.find(doors, intended, items, lambda *_: None)
    assert (caught.value.call, caught.value.called) == ("ReceiveVisitor", "nhi-480029")


async def test_each_is_done_and_a_failure_comes_as_it_is() -> None:
    """Everything is done once; what fails is raised by itself, whoever else was under way."""
    done: list[int] = []

    async def do(thing: int) -> None:
        await asyncio.sleep(0)
        if thing < 0:
            raise KeyError(thing)
        done.append(thing)

    await each(range(50), do, 7)
    assert sorted(done) == list(range(50))
    with pytest.raises(KeyError):
        await each([1, 2, -1, 3], do, 3)


def test_each_failure_says_what_it_means_and_what_to_do() -> None:
    """In both languages each kind of failure has words of its own for what it leaves out, names the log to look into, and has no gap."""
    error = CallError("Settle", "gateway", late())
    for language in ("ja", "en"):
        told = [Failure(doing, error, "gateway", 2, 9) for doing in (DRIVING, REVIEWING, DETECTING)]
        assert len({one.leaves(language) for one in told}) == len({one.what(language) for one in told}) == 3
        assert all("gateway" in one.advice(language) and "{" not in one.advice(language) for one in told)
        assert all("2" in one.what(language) and "9" in one.what(language) for one in told)
