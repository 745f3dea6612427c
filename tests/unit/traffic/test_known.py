"""Addressee numbers: asked for many at a time, and visitors taken in one by one, as fast as an institution may have them identified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import pytest
from unit.traffic import lab

from warifu.agency.v1 import agency_pb2, agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.interceptor import Interceptor
from warifu.kernel.limits import BULK
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.traffic import known


class Desk(agency_pb2_grpc.AgencyServiceServicer):
    """An institution that knows some people by name."""

    def __init__(self, numbers: dict[str, str], refusals: list[Reason] | None = None) -> None:
        self.numbers, self.refusals = numbers, refusals or []
        self.calls: list[int] = []
        self.visitors: list[str] = []

    async def FindSubjects(self, request: agency_pb2.FindSubjectsRequest, context: Any) -> Any:  # noqa: N802 - the contract's name
        """Whoever is known."""
        del context
        self.calls.append(len(request.people))
        found = [agency_pb2.FoundSubject(addressee_no=self.numbers.get(one.name)) for one in request.people]
        return agency_pb2.FindSubjectsResponse(results=found)

    async def ReceiveVisitor(self, request: agency_pb2.ReceiveVisitorRequest, context: Any) -> Any:  # noqa: N802
        """Takes a visitor in, or refuses as wanted."""
        del context
        if self.refusals:
            raise LinkageError(self.refusals.pop(0))
        self.visitors.append(request.basic_items.name)
        return agency_pb2.ReceiveVisitorResponse(addressee_no=f"v-{request.basic_items.name}")


@asynccontextmanager
async def doors(desk: Desk) -> AsyncIterator[Doors]:
    """Doors that all lead to it, over a real socket."""
    server = grpc.aio.server(interceptors=[Interceptor("tax", None)])
    agency_pb2_grpc.add_AgencyServiceServicer_to_server(desk, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    class One:
        def counter(self, institution: str) -> grpc.aio.Channel:
            """Everyone's is the one."""
            del institution
            return channel

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield cast("Doors", One())
    await server.stop(None)


def items(name: str) -> common_pb2.BasicItems:
    """Of somebody."""
    return common_pb2.BasicItems(name=name, address="-", birth_date="2000-01-01", sex=common_pb2.SEX_FEMALE)


async def test_everyone_is_asked_about_once_and_in_few_calls() -> None:
    """Whoever a plan names several times is asked about once, an institution's people in calls of at most so many; strangers are received."""
    people = [f"p-{number}" for number in range(BULK + 5)]
    desk = Desk({name: f"n-{name}" for name in people[:-1]})
    intended = [lab.intended(person=name) for name in [*people, people[0]]]
    told: list[tuple[int, int]] = []
    async with doors(desk) as opened:
        wanted = {name: items(name) for name in people}
        found = await known.find(opened, intended, wanted, lambda *so_far: told.append(so_far))
    requester = intended[0].requester
    assert desk.calls == [BULK, 5]
    assert desk.visitors == [people[-1]]
    assert found[requester, people[0]] == f"n-{people[0]}"
    assert found[requester, people[-1]] == f"v-{people[-1]}"
    assert told[-1] == (len(people), len(people)) == (len(found), len(found))


async def test_nobody_more_is_asked_about_once_it_is_ended() -> None:
    """A run that is ended while people are looked for asks about nobody more, at no institution."""
    desk = Desk({})
    intended = [lab.intended(person=f"p-{number}") for number in range(60)]
    ended = False

    def told(*_: int) -> None:
        nonlocal ended
        ended = True

    async with doors(desk) as opened:
        wanted = {one.person: items(one.person) for one in intended}
        assert await known.find(opened, intended, wanted, told, lambda: ended) == {}
        assert len(desk.calls) == 1
        assert await known.find(opened, intended, wanted, told, lambda: ended) == {}
    assert len(desk.calls) == 1
    assert desk.visitors == []


async def test_a_visitor_waits_while_too_many_were_identified() -> None:
    """Where an institution had so many identified that more are refused for now, the visitor is received when the time is over."""
    pauses = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    desk = Desk({}, [Reason.CLIENT_RATE_LIMITED, Reason.CLIENT_RATE_LIMITED])
    async with doors(desk) as opened:
        assert await known._received(Clerk(opened, "tax-480011"), items("a"), pause) == "v-a"
    assert len(pauses) == 2


async def test_who_cannot_be_identified_is_left_out_and_a_failure_is_not_hidden() -> None:
    """A person who is not matched has no number; an institution that fails ends the look."""
    desk = Desk({}, [Reason.CLIENT_PERSON_NOT_MATCHED, Reason.PROVIDER_STORE_UNAVAILABLE])
    async with doors(desk) as opened:
        clerk = Clerk(opened, "tax-480011")
        assert await known._received(clerk, items("a")) is None
        with pytest.raises(grpc.aio.AioRpcError):
            await known._received(clerk, items("b"))
