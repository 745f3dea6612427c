"""The live map: where parties stand, and what it tells of a network that changes while somebody looks."""

# ruff: noqa: N802 - handlers have the names of the contract
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from unit.stage.sample import BOOK, ID, PROVIDER, REQUESTER, ROW

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.instants import timestamp
from warifu.simulator.stage.map import live
from warifu.simulator.stage.map.live import Live
from warifu.simulator.stage.map.places import WIDE, lines, places
from warifu.simulator.state import NetworkFile, PartyEntry

AGENCIES = ("residency", "tax", "health_insurance", "welfare")
PARTIES = ("numbering", "gateway", *AGENCIES, "portal", "watchdog", "simulator", "counter")


class Interim(interim_pb2_grpc.InterimServiceServicer):
    """Lists what it is given, to whoever asks."""

    def __init__(self) -> None:
        self.inquiries: list[interim_pb2.InquiryState] = []
        self.asked = 0

    async def ListInquiries(self, request, context):
        """See the contract."""
        self.asked += 1
        mine = [one for one in self.inquiries if one.request.institution == request.institution]
        return interim_pb2.ListInquiriesResponse(inquiries=mine)


class Doors:
    """Doors to a network of which only the interim servers are there."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel, self.ill = channel, set[str]()

    async def all_healthy(self) -> Mapping[str, bool]:
        """See `warifu.simulator.doors`."""
        return {name: name not in self.ill for name in PARTIES}

    def counter(self, institution: str) -> grpc.aio.Channel:
        """See `warifu.simulator.doors`."""
        if institution == "down-1":
            raise KeyError(institution)
        return self.channel


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[tuple[Live, Interim, Doors]]:
    """A map, the interim servers and the doors behind it."""
    server, interim = grpc.aio.server(), Interim()
    interim_pb2_grpc.add_InterimServiceServicer_to_server(interim, server)
    address = f"unix:{tmp_path / 'i.sock'}"
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        doors = Doors(channel)
        yield Live(network(), doors, BOOK), interim, doors  # type: ignore[arg-type] # the part of doors that is used
    await server.stop(None)


def network() -> NetworkFile:
    """What the network's file would say."""
    parties = [PartyEntry(name, "", "", "") for name in PARTIES]
    kinds = {REQUESTER: "health_insurance", PROVIDER: "tax", "nhi-490016": "health_insurance"}
    counters: dict[str, Any] = {REQUESTER: {}, PROVIDER: {}, "down-1": {}}
    return NetworkFile(1, 1, 1, True, 1, "", parties, counters, {}, extra={"kinds": kinds})


def inquiry(request_id: str = ID, at: int | None = 1_775_433_614_195) -> interim_pb2.InquiryState:
    """An inquiry as its institution lists it."""
    asked = interim_pb2.InquireRequest(institution=REQUESTER, provider=PROVIDER, item=ROW.item)
    made = interim_pb2.InquiryState(request_id=request_id, request=asked)
    if at is not None:
        made.requested_at.CopyFrom(timestamp(at))
        made.outcome = exchange_pb2.OUTCOME_ANSWERED
        made.fine_outcome = exchange_pb2.FINE_OUTCOME_NO_RECORD
    return made


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_boxes_do_not_overlap(count: int) -> None:
    """However many agencies there are, and with parties that nobody knew, every box lies in the drawing and touches no other."""
    agencies = [*AGENCIES, "one", "two", "three"][:count]
    put = list(
        places([*agencies, "gateway", "portal", "watchdog", "numbering", "simulator", "counter"], agencies).values()
    )
    for one in put:
        assert one.x >= 0
        assert one.x + one.width <= WIDE
        for other in put:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            over = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert one is other or apart or over, (one, other)


def test_every_agency_reaches_the_gateway() -> None:
    """Each agency has a line to the gateway, and lines join only parties that are there."""
    put = places(PARTIES, AGENCIES)
    drawn = {(line.start, line.end) for line in lines(put, AGENCIES)}
    assert {(agency, "gateway") for agency in AGENCIES} <= drawn
    assert not list(lines({"gateway": put["gateway"]}, AGENCIES))


def test_the_counters_are_tied_to_every_agency() -> None:
    """Counters serve all kinds of agencies, so each has a line to them that leaves its box, not one kind alone; without agencies there is none."""
    put = places([*PARTIES, "counter"], AGENCIES)
    drawn = {(line.start, line.x1) for line in lines(put, AGENCIES) if line.end == "counter"}
    for agency in AGENCIES:
        box = put[agency]
        assert any(start == agency and box.x < x < box.x + box.width for start, x in drawn)
    assert not [line for line in lines({"counter": put["counter"]}, AGENCIES) if line.end == "counter"]


async def test_the_newest_exchanges_come_first(seen: tuple[Live, Interim, Doors]) -> None:
    """What the gateway has not answered stands first, then by simulated time; outcomes are those that the requester knows."""
    eyes, interim, _ = seen
    interim.inquiries = [inquiry("old", 1_000), inquiry("new", 2_000), inquiry("sent", None)]
    told = (await eyes.now()).exchanges
    assert [one.request_id for one in told] == ["sent", "new", "old"]
    assert told[1].told.en == "no record"
    assert told[0].at is None
    assert told[1].requester == BOOK.institutions[REQUESTER].name


async def test_what_came_since_is_lit(seen: tuple[Live, Interim, Doors], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange that was there at the first look is not new; one that came afterwards lights the ways of both agencies."""
    eyes, interim, _ = seen
    monkeypatch.setattr(live, "_MOMENT", 0.0)
    interim.inquiries = [inquiry("before")]
    first = await eyes.now()
    assert not any(lit for _, lit in first.lines)
    interim.inquiries.append(inquiry("after"))
    second = await eyes.now()
    assert {line.start for line, lit in second.lines if lit} == {"health_insurance", "tax"}
    assert [one.fresh for one in second.exchanges if one.request_id == "before"] == [False]


async def test_many_who_look_ask_once(seen: tuple[Live, Interim, Doors]) -> None:
    """Within a moment the parties are asked once, however many look."""
    eyes, interim, _ = seen
    assert await eyes.now() is await eyes.now()
    assert interim.asked == 2


async def test_a_party_that_is_ill_is_shown_so(seen: tuple[Live, Interim, Doors]) -> None:
    """A party that does not answer is not well on the map; the others are, and an agency tells how many institutions it serves."""
    eyes, _, doors = seen
    doors.ill = {"tax"}
    spots = {spot.place.name: spot for spot in (await eyes.now()).spots}
    assert [name for name, spot in spots.items() if not spot.well] == ["tax"]
    assert spots["health_insurance"].institutions == 2
