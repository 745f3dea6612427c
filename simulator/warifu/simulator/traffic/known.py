"""Addressee numbers: under which number each institution knows the people whom a plan asks it about.

Asked at the institution's own front door, before anything is measured. Whoever is not known there comes as a visitor and is taken in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import grpc

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.traffic.plan import Intended

AT_ONCE: Final = 24
Wanted = tuple[str, str]
"""Institution, and the handle of a person."""


async def find(
    doors: Doors,
    intended: Sequence[Intended],
    items: Mapping[str, common_pb2.BasicItems],
    told: Callable[[int, int], None],
) -> Mapping[Wanted, str]:
    """Addressee numbers of everyone in a plan; whoever cannot be identified, since a play changed their life, is left out.

    Raises:
        grpc.aio.AioRpcError: an institution cannot be reached.
    """
    wanted = list(dict.fromkeys((one.requester, one.person) for one in intended))
    found: dict[Wanted, str] = {}
    queue = iter(wanted)

    async def work() -> None:
        for institution, person in queue:
            number = await _number(Clerk(doors, institution), items[person])
            if number is not None:
                found[institution, person] = number
            told(len(found), len(wanted))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(work())
    return found


_NOT_HERE: Final = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
)


async def _number(clerk: Clerk, items: common_pb2.BasicItems) -> str | None:
    number = await clerk.find(items)
    if number is not None:
        return number
    try:
        return (await clerk.receive(items)).addressee_no
    except LinkageError:
        return None
    except grpc.aio.AioRpcError as error:
        if error.code() in _NOT_HERE:
            return None
        raise
