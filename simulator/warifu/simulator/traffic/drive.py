"""Making the inquiries of a plan on a running network, by the front doors of the institutions that ask.

Open loop: with a rate, inquiries are due at moments drawn beforehand, whether or not earlier ones were answered, and a latency begins at the
moment that was drawn: an inquiry that had to wait for its turn has waited. Without a rate each is due when there is room for it; an institution
then hands in what is due at one setting of the clock together, by whom it asks, as a business system does with many.

The network's clock is moved from step to step of the plan, never while an inquiry is under way, since two parties would then put two times on
one exchange. What lies between steps is not measured.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import grpc

from warifu.agency.v1 import cases_pb2
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.law import LawBook
from warifu.simulator.called import calling
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.population.dice import Dice
from warifu.simulator.traffic.known import Wanted
from warifu.simulator.traffic.lane import Lane
from warifu.simulator.traffic.plan import Intended, Plan
from warifu.simulator.traffic.room import IN_FLIGHT, Room

DRAINS_WITHIN: Final = 120.0
"""Seconds in which the last answers of a step come, or the run ends."""
REFUSED, SILENT = "REFUSED", "NO_ANSWER"
"""Outcomes of the terminal's own: its interim server took the inquiry not at all; the run ended before anything came."""
_LOOKS: Final = 0.5
"""Seconds between two looks at what is waited for."""
_A_MOMENT: Final = timedelta(seconds=10)
"""Parties' clocks differ by what a call takes, on a busy machine seconds; none may be asked to go back."""
_TRIES: Final = 5
_PASSING: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})


@dataclass(slots=True)
class Made:
    """One inquiry that was made, as whoever made it saw it."""

    intended: Intended
    request_id: str
    due: float
    """Seconds of driving from the first inquiry of the run to the moment at which this one was due."""
    latency: float | None = None
    """Seconds from that moment to its first answer; None while there is none."""
    outcome: str = SILENT
    """The fine outcome where there is one, else the gateway's, else of the terminal's own."""
    reason: str = ""
    finally_: str = ""
    """What became of it after a clerk had looked, where one had to."""

    @property
    def done(self) -> float | None:
        """Seconds of driving until its answer."""
        return None if self.latency is None else self.due + self.latency


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast."""

    rate: float | None
    """Inquiries a second; None: as fast as possible."""
    in_flight: int = IN_FLIGHT
    """At most; without a rate fewer while answers come late."""


@dataclass(slots=True)
class Driver:
    """One run."""

    doors: Doors
    book: LawBook
    plan: Plan
    known: Mapping[Wanted, str]
    pace: Pace
    keep_clock: bool = False
    """Leave the network's clock alone: what the plan says of hours is then in the plan only."""
    told: Callable[[Driver], None] = lambda _: None
    """Told now and then."""
    between: Callable[[Intended | None], Awaitable[None]] | None = None
    """Awaited between two steps, while nothing is under way, with the first inquiry of the next; None after the last."""
    made: list[Made] = field(default_factory=list)
    unknown: int = 0
    """Inquiries that were left out: whoever they are about cannot be identified."""
    answered: int = 0
    seconds: float = 0.0
    """Of driving: steps without what lies between them."""
    stopping: bool = False
    """Set to end the run after what is under way."""
    _ids: Ids = field(default_factory=Ids)
    _waiting: dict[str, Made] = field(default_factory=dict)
    _room: Room = field(init=False)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _begun: float = 0.0
    """Machine time at which this step's driving began."""

    async def run(self) -> None:
        """Make every inquiry of the plan.

        Raises:
            CallError: an interim server takes no inquiries any more, or another call failed.
        """
        self._room = Room(self.pace.in_flight, fixed=self.pace.rate is not None)
        dice = Dice(self.plan.seed, "traffic", "arrivals")
        try:
            for step in () if self.stopping else self._steps():
                if self.stopping:
                    break
                if self.between is not None:
                    await self.between(step[0])
                await self._step(step, dice)
            if self.between is not None:
                await self.between(None)
        finally:
            await asyncio.gather(*(lane.close() for lane in self._lanes.values()))

    def _steps(self) -> Iterator[list[Intended]]:
        minutes = self.plan.frame.step / timedelta(minutes=1)

        def step(one: Intended) -> tuple[object, int]:
            return one.at.date(), math.floor((one.at.hour * 60 + one.at.minute) / minutes)

        known = [one for one in self.plan.intended if (one.requester, one.person) in self.known]
        self.unknown = len(self.plan.intended) - len(known)
        return (list(some) for _, some in groupby(known, step))

    async def _step(self, step: Sequence[Intended], dice: Dice) -> None:
        await self._move(step[0])
        ready = [await self._closed(one) if one.closed_case else one for one in step]
        self._begun = time.perf_counter() - self.seconds
        first = len(self.made)
        if self.pace.rate is None:
            await self._together(ready)
        else:
            await self._paced(ready, self.pace.rate, dice)
        await self._drained()
        self.seconds = self._now()
        self.made[first:] = sorted(self.made[first:], key=_planned)
        self.told(self)

    async def _paced(self, step: Sequence[Intended], rate: float, dice: Dice) -> None:
        """Each when it is due."""
        due = self.seconds
        for one in step:
            if self.stopping:
                return
            due += dice.years(rate)  # a waiting time: exponential
            await self._until(due)
            await self._some_room()
            self._send(one, due)

    async def _together(self, step: Sequence[Intended]) -> None:
        """As fast as answers come, an institution's one after the other."""
        asked = ""
        for one in sorted(step, key=_pair):
            if self.stopping:
                return
            if one.requester != asked:
                await asyncio.sleep(0)  # what was handed in so far goes out
                asked = one.requester
            await self._some_room()
            self._send(one, self._now())

    def _now(self) -> float:
        return time.perf_counter() - self._begun

    async def _until(self, due: float) -> None:
        """Wait for a moment of driving, or until the run is to end."""
        while (left := due - self._now()) > 0 and not self.stopping:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(min(left, _LOOKS))

    async def _some_room(self) -> None:
        """Wait for room, with an eye on lanes that may have ended."""
        while not self._room.take():
            if not await self._room.freed(_LOOKS):
                self._check()

    def _check(self) -> None:
        for lane in self._lanes.values():
            lane.check()

    def _send(self, one: Intended, due: float) -> None:
        request = self._request(one)
        made = Made(one, request.request_id, due)
        self.made.append(made)
        self._waiting[made.request_id] = made
        self._idle.clear()
        if one.requester not in self._lanes:
            self._lanes[one.requester] = Lane(self.doors, one.requester, self._take)
        self._lanes[one.requester].ask(request)
        if len(self.made) % 20 == 0:
            self.told(self)

    def _take(self, result: interim_pb2.BulkResult) -> None:
        made = self._waiting.pop(result.request_id, None)
        if made is None:
            return  # it was given up
        made.latency = self._now() - made.due
        made.outcome, made.reason = told_of(result)
        self.answered += 1
        self._room.give(made.latency)
        if not self._waiting:
            self._idle.set()

    async def _drained(self) -> None:
        """Wait for the answers that are out; what does not come stays without one."""
        deadline = time.monotonic() + DRAINS_WITHIN
        while self._waiting and time.monotonic() < deadline:
            self._check()
            try:
                await asyncio.wait_for(self._idle.wait(), _LOOKS)
            except TimeoutError:
                self.told(self)
        for _ in range(len(self._waiting)):
            self._room.give(DRAINS_WITHIN)
        self._waiting.clear()

    async def _move(self, first: Intended) -> None:
        """Bring the network's clock to a step's first inquiry, where that lies ahead."""
        if self.keep_clock:
            return
        now, _ = await self.doors.clock()
        if first.at <= now + _A_MOMENT:
            return
        for left in reversed(range(_TRIES)):
            try:
                await self.doors.set_clock(first.at + _A_MOMENT * (_TRIES - 1 - left), stopped=False)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING or not left:
                    raise
                await asyncio.sleep(_LOOKS)  # some have moved already: a little further on
            else:
                return

    def _request(self, one: Intended) -> interim_pb2.InquireRequest:
        row = self.book.rows[one.row]
        request = interim_pb2.InquireRequest(
            institution=one.claims or one.requester,
            # Not by the seed: the same id again would be the same exchange, and no traffic.
            request_id=self._ids.uuid("traffic", milliseconds(one.at)),
            addressee_no=self.known[one.requester, one.person],
            provider=one.provider,
            affair=row.affair.code,
            procedure=one.procedure,
            item=one.item,
            span=_span(one),
            office=one.office,
            clerk=one.clerk,
            case_reference=one.case,
        )
        if one.consent:
            request.consent.given_on, request.consent.reference = one.at.date().isoformat(), "form"
        return request

    async def _closed(self, one: Intended) -> Intended:
        """The inquiry with a case that was truly opened and decided."""
        clerk, number = Clerk(self.doors, one.requester), self.known[one.requester, one.person]
        with calling("OpenCase", one.requester):
            reference = await clerk.open_case(number, one.procedure, one.office)
        actor = cases_pb2.Actor(office=one.office, clerk=one.clerk)
        decision = cases_pb2.DecideCaseRequest(
            institution=one.requester, reference=reference, granted=False, note="-", actor=actor
        )
        with calling("DecideCase", one.requester):
            await clerk.desk.DecideCase(decision, timeout=15)
        return replace(one, case=reference)


def _pair(one: Intended) -> tuple[str, str]:
    return one.requester, one.provider


def _planned(made: Made) -> datetime:
    return made.intended.at


def _span(one: Intended) -> common_pb2.Span:
    """The tax year; where a row has none, everything until the day of the inquiry: what was before a move or a change is what is asked for."""
    if one.year is not None:
        return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=one.year))
    return common_pb2.Span(period=common_pb2.Period(last_day=one.at.date().isoformat()))


def told_of(result: interim_pb2.BulkResult) -> tuple[str, str]:
    """Outcome and reason of a result."""
    if result.WhichOneof("result") == "refused":
        return REFUSED, result.refused.reason
    return told_by(result.inquiry)


def told_by(state: interim_pb2.InquiryState) -> tuple[str, str]:
    """Outcome and reason of an inquiry."""
    reason = state.denial.reason if state.HasField("denial") else state.error.reason if state.HasField("error") else ""
    if state.fine_outcome:
        return exchange_pb2.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_"), reason
    return exchange_pb2.Outcome.Name(state.outcome).removeprefix("OUTCOME_"), reason
