"""Addressee numbers: under which number each institution knows the people whom a plan asks it about.

Asked at the institution's own front door, before anything is measured. Whoever is not known there comes as a visitor and is taken in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import grpc

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.called import calling
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.traffic.each import each
from warifu.simulator.traffic.plan import Intended

AT_ONCE: Final = 24
"""Visitors who are received at once."""
_TURN: Final = 1.0
"""Seconds after which a visitor who had to wait is received again."""
Wanted = tuple[str, str]
"""Institution, and the handle of a person."""


async def find(
    doors: Doors,
    intended: Sequence[Intended],
    items: Mapping[str, common_pb2.BasicItems],
    told: Callable[[int, int], None],
    ended: Callable[[], bool] = lambda: False,
) -> Mapping[Wanted, str]:
    """Addressee numbers of everyone in a plan; whoever cannot be identified, since a play changed their life, is left out.

    Once `ended` says so nobody more is asked about.

    Raises:
        CallError: an institution cannot be reached, or failed.
    """
    wanted: dict[str, dict[str, None]] = {}
    for one in intended:
        wanted.setdefault(one.requester, {})[one.person] = None
    total = sum(map(len, wanted.values()))
    found: dict[Wanted, str] = {}
    strangers: list[Wanted] = []
    for institution, people in wanted.items():
        if ended():
            return found
        with calling("FindSubjects", institution):
            numbers = await Clerk(doors, institution).find_many([items[person] for person in people])
        for person, number in zip(people, numbers, strict=True):
            if number is None:
                strangers.append((institution, person))
            else:
                found[institution, person] = number
        told(len(found), total)

    async def receive(stranger: Wanted) -> None:
        if ended():
            return
        institution, person = stranger
        with calling("ReceiveVisitor", institution):
            number = await _received(Clerk(doors, institution), items[person])
        if number is not None:
            found[institution, person] = number
        told(len(found), total)

    await each(strangers, receive, AT_ONCE)
    return found


_NOT_HERE: Final = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
)


async def _received(
    clerk: Clerk, items: common_pb2.BasicItems, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> str | None:
    """The number under which a visitor is taken in; None for whoever cannot be identified.

    An institution may have so many identified in a minute; then its other visitors wait for their turn.
    """
    while True:
        try:
            return (await clerk.receive(items)).addressee_no
        except LinkageError:
            return None
        except grpc.aio.AioRpcError as error:
            if error.code() in _NOT_HERE:
                return None
            if LinkageError.from_rpc(error, party="agency").reason != Reason.CLIENT_RATE_LIMITED:
                raise
            await pause(_TURN)
