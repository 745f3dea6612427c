"""How the network stands now: asked at most once a moment, however many look."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import grpc

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.instants import stamped
from warifu.law import LawBook, Text
from warifu.simulator.doors import Doors
from warifu.simulator.stage.map.places import Line, Place, lines, places
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.names import Names, when
from warifu.simulator.state import NetworkFile

SHOWN: Final = 12
"""Exchanges on the map."""
_EACH: Final = 6
"""Newest inquiries that one institution is asked for."""
_MOMENT: Final = 1.5
"""Seconds for which what was seen is told again."""
_FRESH: Final = 6.0
"""Seconds for which a new exchange's way is lit."""
_DEADLINE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A party on the map."""

    place: Place
    well: bool
    institutions: int
    """How many it serves; 0 for one that is no agency."""
    url: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """An exchange in the list."""

    request_id: str
    requester: Text
    provider: Text
    item: Text
    outcome: str
    told: Text
    """The outcome in words."""
    at: Text | None
    """Simulated time of the request; None until the gateway has it."""
    fresh: bool


@dataclass(frozen=True, slots=True)
class Now:
    """The map at one moment."""

    spots: Sequence[Spot]
    lines: Sequence[tuple[Line, bool]]
    """Each with whether something new went along it."""
    exchanges: Sequence[Seen]


@dataclass(slots=True)
class Live:
    """Looks at one network. Use from one event loop."""

    network: NetworkFile
    doors: Doors
    book: LawBook
    _told: Now | None = None
    _until: float = 0.0
    _first: dict[str, float] = field(default_factory=dict)
    """When each exchange was first seen here."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def now(self) -> Now:
        """How the network stands."""
        async with self._lock:
            if self._told is None or time.monotonic() >= self._until:
                self._told = await self._look()
                self._until = time.monotonic() + _MOMENT
            return self._told

    async def _look(self) -> Now:
        health, inquiries = await asyncio.gather(self.doors.all_healthy(), self._inquiries())
        kinds: dict[str, str] = self.network.extra.get("kinds", {})
        agencies = list(dict.fromkeys(kinds.values()))
        put = places([party.name for party in self.network.parties], agencies)
        served = {agency: sum(kind == agency for kind in kinds.values()) for agency in agencies}
        urls = self.network.urls
        spots = [
            Spot(place, health.get(name, False), served.get(name, 0), urls.get(name)) for name, place in put.items()
        ]
        seen = [self._seen(inquiry) for inquiry in inquiries]
        lit = {
            kinds.get(code, "")
            for one, inquiry in zip(seen, inquiries, strict=True)
            for code in (inquiry.request.institution, inquiry.request.provider)
            if one.fresh
        }
        drawn = [(line, line.start in lit and line.end == "gateway") for line in lines(put, agencies)]
        return Now(spots, drawn, seen)

    async def _inquiries(self) -> list[interim_pb2.InquiryState]:
        """The newest of all institutions, by the network's time, those that the gateway has not answered first."""
        found = await asyncio.gather(*(self._of(code) for code in self.network.counters))
        every = [one for each in found for one in each]
        every.sort(key=_age, reverse=True)
        return every[:SHOWN]

    async def _of(self, institution: str) -> Sequence[interim_pb2.InquiryState]:
        request = interim_pb2.ListInquiriesRequest(institution=institution, page_size=_EACH)
        try:
            stub = interim_pb2_grpc.InterimServiceStub(self.doors.counter(institution))
            answer = await stub.ListInquiries(request, timeout=_DEADLINE)
        except (grpc.aio.AioRpcError, KeyError):  # down, or no agency
            return ()
        return answer.inquiries

    def _seen(self, inquiry: interim_pb2.InquiryState) -> Seen:
        names, asked, now = Names(self.book), inquiry.request, time.monotonic()
        begun = self._told is None  # what was there before anybody looked is not new
        first = self._first.setdefault(inquiry.request_id, 0.0 if begun else now)
        fine = inquiry.fine_outcome
        answered = inquiry.outcome == exchange_pb2.OUTCOME_ANSWERED
        return Seen(
            inquiry.request_id,
            names.institution(asked.institution),
            names.institution(asked.provider),
            names.item(asked.item),
            words.outcome_name(inquiry.outcome),
            words.fine(fine) if answered and fine else words.outcome(inquiry.outcome),
            when(stamped(inquiry.requested_at)) if inquiry.HasField("requested_at") else None,
            fresh=now - first < _FRESH and first > 0,
        )


def _age(inquiry: interim_pb2.InquiryState) -> tuple[bool, int]:
    return not inquiry.HasField("requested_at"), stamped(inquiry.requested_at)
