"""Reads what every party holds of one exchange, through its `view` and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import grpc

from warifu.control.v1 import control_pb2
from warifu.simulator.doors import Doors
from warifu.simulator.stage.picture.reading import Views

_DEADLINE: Final = 3.0
"""Seconds of machine time that a party has to show what it holds."""


async def look(doors: Doors, request_id: str) -> Views:
    """Holdings by party; a party that does not answer is left out."""
    names = [party.name for party in doors.network.parties]
    found = await asyncio.gather(*(_view(doors, name, request_id) for name in names))
    return {name: holdings for name, holdings in zip(names, found, strict=True) if holdings is not None}


async def _view(doors: Doors, party: str, request_id: str) -> Sequence[control_pb2.Holding] | None:
    try:
        answer = await doors.control(party).View(control_pb2.ViewRequest(request_id=request_id), timeout=_DEADLINE)
    except grpc.aio.AioRpcError:
        return None
    return answer.holdings


def digest(views: Views) -> str:
    """By which a page knows that what it shows is still so. The log grows with every exchange; of it what is this one's counts."""
    told = sha256()
    for party in sorted(views):
        told.update(party.encode())
        for holding in views[party]:
            if not holding.where.endswith(("/log_head", "watchdog/head")):
                told.update(holding.SerializeToString(deterministic=True))
    return told.hexdigest()[:16]
