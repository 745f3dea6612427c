"""Driving: open loop, nothing lost when a stream breaks, the clock moved while nothing is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import grpc
import pytest
from unit.traffic import lab

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.simulator.called import CallError
from warifu.simulator.traffic import drive, lane
from warifu.simulator.traffic.drive import REFUSED, Driver, Pace
from warifu.simulator.traffic.plan import Intended, Plan

Answer = Callable[[interim_pb2.InquireRequest], interim_pb2.BulkResult]


def provided(request: interim_pb2.InquireRequest) -> interim_pb2.BulkResult:
    """As an interim server tells that it was provided."""
    state = interim_pb2.InquiryState(
        request_id=request.request_id,
        outcome=exchange_pb2.OUTCOME_ANSWERED,
        fine_outcome=exchange_pb2.FINE_OUTCOME_PROVIDED,
    )
    return interim_pb2.BulkResult(request_id=request.request_id, inquiry=state)


class Server(interim_pb2_grpc.InterimServiceServicer):
    """The bulk face of an interim server over a real socket, with its faults."""

    def __init__(self, answer: Answer = provided, breaks: int = 0, each: float = 0.0) -> None:
        self.answer, self.breaks, self.each = answer, breaks, each
        self.asked: list[interim_pb2.InquireRequest] = []
        self.open = 0
        """Inquiries that came and were not answered."""

    async def InquireBulk(self, request_iterator, context):  # noqa: N802 - the contract's name
        """Answer one by one; break off after the first answer as often as wanted."""
        async for chunk in request_iterator:
            for request in chunk.inquiries:
                self.asked.append(request)
                self.open += 1
            for request in chunk.inquiries:
                await asyncio.sleep(self.each)
                self.open -= 1
                yield interim_pb2.InquireBulkResponse(results=[self.answer(request)])
                if self.breaks:
                    self.breaks -= 1
                    self.open = 0
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "broken off")


class Doors:
    """As much of a network's doors as a driver without cases needs."""

    def __init__(self, channel: grpc.aio.Channel, server: Server) -> None:
        self._channel, self._server = channel, server
        self.now = lab.NOW
        self.moves: list[tuple[datetime, int]] = []
        self.failing: list[grpc.StatusCode] = []
        """How the next settings of the clock fail."""

    def counter(self, institution: str) -> grpc.aio.Channel:
        """Everyone's is the one."""
        return self._channel

    async def clock(self) -> tuple[datetime, bool]:
        """As it was set last."""
        return self.now, False

    async def set_clock(self, now: datetime, *, stopped: bool) -> None:
        """Note where to, and what was under way."""
        if self.failing:
            raise grpc.aio.AioRpcError(self.failing.pop(0), grpc.aio.Metadata(), grpc.aio.Metadata())
        self.now = now
        self.moves.append((now, self._server.open))


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[Doors]:
    """Doors to a server for the block's length."""
    running = grpc.aio.server()
    interim_pb2_grpc.add_InterimServiceServicer_to_server(server, running)
    port = running.add_insecure_port("127.0.0.1:0")
    await running.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Doors(channel, server)
    await running.stop(None)


def driver(doors: Doors, intended: list[Intended], pace: Pace, **more: object) -> Driver:
    """A driver of these inquiries, about people who are known under numbers of their own."""
    known = {(one.requester, one.person): str(number) for number, one in enumerate(intended)}
    plan = Plan(lab.frame(), 1, intended, ())
    return Driver(doors, lab.book(), plan, known, pace, **more)  # type: ignore[arg-type]


def inquiries(count: int, apart: timedelta = timedelta()) -> list[Intended]:
    """Inquiries about as many people, from an hour after the beginning on."""
    begin = lab.NOW + timedelta(hours=1)
    return [lab.intended(at=begin + apart * number, person=f"p-{number:06d}") for number in range(count)]


async def test_each_inquiry_is_made_and_answered_once() -> None:
    """As fast as possible, every inquiry of the plan is asked once, in order, with the fields that it intends, and has its answer."""
    server = Server()
    async with served(server) as doors:
        run = driver(doors, inquiries(450), Pace(None, 64), keep_clock=True)
        await run.run()
    assert [one.addressee_no for one in server.asked] == [str(number) for number in range(450)]
    first = server.asked[0]
    assert (first.institution, first.provider, first.clerk, first.case_reference) == (
        "nhi-480029",
        "tax-480011",
        "s-0001",
        "2026-1",
    )
    assert (first.affair, first.procedure, first.span.fiscal_year.year) == (
        "JM90000000000101",
        "JT90000000000101",
        2025,
    )
    assert all(one.outcome == "PROVIDED" and one.latency is not None for one in run.made)
    assert doors.moves == []


async def test_a_broken_stream_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the stream breaks twice everything unanswered is sent again under its id, and each inquiry counts once."""
    monkeypatch.setattr(lane, "_PAUSE", 0.0)
    server = Server(breaks=2)
    async with served(server) as doors:
        run = driver(doors, inquiries(40), Pace(None, 40), keep_clock=True)
        await run.run()
    assert len(run.made) == run.answered == 40
    assert {one.request_id for one in run.made} == {one.request_id for one in server.asked}
    assert len(server.asked) > 40


async def test_a_latency_begins_when_the_inquiry_was_due() -> None:
    """Due at once one after the other with room for one, ten inquiries of 20 ms each have waited for those before them: the last 180 ms at least."""
    async with served(Server(each=0.02)) as doors:
        run = driver(doors, inquiries(10), Pace(100_000, 1), keep_clock=True)
        await run.run()
    latencies = [one.latency or 0.0 for one in run.made]
    assert latencies == sorted(latencies)
    assert latencies[-1] >= 0.18


async def test_no_more_are_under_way_than_allowed() -> None:
    """With room for three no fourth inquiry is under way."""
    most = 0

    def answer(request: interim_pb2.InquireRequest) -> interim_pb2.BulkResult:
        nonlocal most
        most = max(most, server.open + 1)
        return provided(request)

    server = Server(answer)
    async with served(server) as doors:
        run = driver(doors, inquiries(30), Pace(None, 3), keep_clock=True)
        await run.run()
    assert most <= 3
    assert run.answered == 30


async def test_the_clock_is_moved_while_nothing_is_under_way() -> None:
    """The clock goes to each step's first inquiry, forward only, and no inquiry is out meanwhile."""
    server = Server(each=0.001)
    async with served(server) as doors:
        intended = inquiries(30, timedelta(minutes=3))
        run = driver(doors, intended, Pace(None, 8))
        await run.run()
    times = [time for time, _ in doors.moves]
    assert times == sorted(times)
    assert set(times) <= {one.at for one in intended}
    assert len(times) == 9  # ninety minutes by tens
    assert all(out == 0 for _, out in doors.moves)


async def test_a_party_that_is_slow_to_set_its_clock_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a clock could not be set in time all are set again, to a time that none of them has passed; another failure ends the run."""
    monkeypatch.setattr(drive, "_LOOKS", 0.001)
    async with served(Server()) as doors:
        doors.failing = [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE]
        intended = inquiries(1)
        await driver(doors, intended, Pace(None)).run()
        assert [time - intended[0].at for time, _ in doors.moves] == [timedelta(seconds=20)]
        doors.now, doors.failing = lab.NOW, [grpc.StatusCode.FAILED_PRECONDITION]
        with pytest.raises(grpc.aio.AioRpcError):
            await driver(doors, intended, Pace(None)).run()


async def test_a_clock_that_is_later_is_left_alone() -> None:
    """Inquiries whose time is over are made all the same; the clock is not asked to go back."""
    async with served(Server()) as doors:
        doors.now = lab.NOW + timedelta(days=2)
        run = driver(doors, inquiries(5), Pace(None))
        await run.run()
    assert doors.moves == []
    assert run.answered == 5


async def test_what_the_terminal_is_refused_is_told_with_its_reason() -> None:
    """An inquiry that the interim server does not take has the outcome REFUSED and the reason; it asked in the name that was claimed."""

    def refused(request: interim_pb2.InquireRequest) -> interim_pb2.BulkResult:
        result = interim_pb2.BulkResult(request_id=request.request_id)
        result.refused.reason = "CLIENT_NOT_YOURS"
        return result

    server = Server(refused)
    async with served(server) as doors:
        run = driver(doors, [lab.intended("pretence", claims="tax-490016")], Pace(None), keep_clock=True)
        await run.run()
    assert (run.made[0].outcome, run.made[0].reason) == (REFUSED, "CLIENT_NOT_YOURS")
    assert server.asked[0].institution == "tax-490016"


async def test_whoever_is_not_known_is_left_out_and_counted() -> None:
    """An inquiry about somebody whom the institution cannot identify is not made, and counted."""
    async with served(Server()) as doors:
        run = driver(doors, inquiries(3), Pace(None), keep_clock=True)
        run.known = {key: number for key, number in run.known.items() if number != "1"}
        await run.run()
    assert (len(run.made), run.unknown) == (2, 1)


async def test_a_run_can_be_stopped_whole() -> None:
    """Once it is stopped nothing more is begun, and what was begun has its answer."""
    async with served(Server()) as doors:
        run = driver(doors, inquiries(500), Pace(None, 4), keep_clock=True)

        def stop(one: Driver) -> None:
            one.stopping = one.answered >= 20

        run.told = stop
        await run.run()
    assert 20 <= len(run.made) < 100
    assert run.answered == len(run.made)


async def test_an_interim_server_that_takes_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """When no stream stays open the run ends with an error that names the institution."""
    monkeypatch.setattr(lane, "_PAUSE", 0.0)
    monkeypatch.setattr(lane, "PATIENCE", -1.0)
    async with served(Server(breaks=1_000_000)) as doors:
        run = driver(doors, inquiries(20), Pace(None, 20), keep_clock=True)
        with pytest.raises(CallError) as caught:
            await run.run()
    assert (caught.value.call, caught.value.called) == ("InquireBulk", "nhi-480029")


async def test_between_steps_is_told_what_follows() -> None:
    """Between two steps whoever is asked to is told the next step's first inquiry, and after the last that there is none."""
    told: list[Intended | None] = []

    async def between(following: Intended | None) -> None:
        told.append(following)

    async with served(Server()) as doors:
        intended = inquiries(3, timedelta(minutes=30))
        await driver(doors, intended, Pace(None), between=between).run()
    assert told == [*intended, None]
