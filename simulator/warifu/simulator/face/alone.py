"""An institution that is the tester's alone: its simulated business system does nothing by itself meanwhile (the fault `office-idle`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import grpc

from warifu.control.v1 import control_pb2
from warifu.simulator.doors import Doors, doors
from warifu.simulator.state import NetworkFile

IDLE: Final = "office-idle"


def idle(institution: str) -> control_pb2.Fault:
    """The fault, of this institution."""
    return control_pb2.Fault(name=IDLE, institution=institution)


@asynccontextmanager
async def alone(network: NetworkFile, institution: str) -> AsyncIterator[None]:
    """While the block lasts. Whatever else is planted at the institution's party stays as it is.

    Raises:
        grpc.aio.AioRpcError: its party does not answer.
    """
    party = network.extra["kinds"][institution]
    async with doors(network) as opened:
        others = [one for one in await _planted(opened, party) if not _same(one, institution)]
        await _plant(opened, party, [*others, idle(institution)])
        try:
            yield
        finally:
            with suppress(grpc.aio.AioRpcError):  # the network has ended
                left = [one for one in await _planted(opened, party) if not _same(one, institution)]
                await _plant(opened, party, left)


def _same(fault: control_pb2.Fault, institution: str) -> bool:
    return (fault.name, fault.institution) == (IDLE, institution)


async def _planted(opened: Doors, party: str) -> Sequence[control_pb2.Fault]:
    return (await opened.control(party).ListFaults(control_pb2.ListFaultsRequest(), timeout=5)).faults


async def _plant(opened: Doors, party: str, faults: Sequence[control_pb2.Fault]) -> None:
    await opened.control(party).SetFaults(control_pb2.SetFaultsRequest(faults=faults), timeout=5)
