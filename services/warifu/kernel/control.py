"""The control face of a simulation: clock, view, settle, faults. On a socket in the party's own folder, and in no other process (design §4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.control.v1 import control_pb2, control_pb2_grpc
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Config
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.faults import Faults
from warifu.kernel.interceptor import Interceptor
from warifu.kernel.limits import malformed
from warifu.kernel.seat import Seat

SOCKET_NAME: Final = "control.sock"
_PATH_LIMIT: Final = 107
"""Bytes of a socket's path (unix(7))."""
Context = grpc.aio.ServicerContext[Any, Any]


class ControlServicer(control_pb2_grpc.ControlServiceServicer):
    """See the contract, warifu/control/v1/control.proto."""

    def __init__(self, seat: Seat, folder: Path, faults: Faults) -> None:
        self._seat, self._folder, self._faults = seat, folder, faults

    @property
    def _clock(self) -> SimulatedClock:
        clock = self._seat.clock
        assert isinstance(clock, SimulatedClock)
        return clock

    async def SetClock(  # noqa: N802 - the contract's name
        self, request: control_pb2.SetClockRequest, context: Context
    ) -> control_pb2.SetClockResponse:
        """Moves the network clock forward, also for the process that may be started after this one; CLIENT_CLOCK_BACKWARD otherwise."""
        del context
        if not request.HasField("now"):
            raise malformed("now", "missing")
        try:
            self._clock.set(request.now.ToDatetime(tzinfo=UTC), stopped=request.stopped)
        except ValueError as error:
            raise LinkageError(Reason.CLIENT_CLOCK_BACKWARD) from error
        keep_clock(self._folder, self._clock)
        return control_pb2.SetClockResponse()

    async def GetClock(  # noqa: N802 - the contract's name
        self, request: control_pb2.GetClockRequest, context: Context
    ) -> control_pb2.GetClockResponse:
        """The network clock."""
        del request, context
        response = control_pb2.GetClockResponse(stopped=self._clock.stopped)
        response.now.FromDatetime(self._clock.network())
        return response

    async def View(  # noqa: N802 - the contract's name
        self, request: control_pb2.ViewRequest, context: Context
    ) -> control_pb2.ViewResponse:
        """What the party holds for one exchange."""
        del context
        return control_pb2.ViewResponse(holdings=await self._seat.view(request.request_id))

    async def Settle(  # noqa: N802 - the contract's name
        self, request: control_pb2.SettleRequest, context: Context
    ) -> control_pb2.SettleResponse:
        """Runs what is due."""
        del request, context
        sitting = await self._seat.present()
        return control_pb2.SettleResponse(done=await sitting.jobs.settle())

    async def SetFaults(  # noqa: N802 - the contract's name
        self, request: control_pb2.SetFaultsRequest, context: Context
    ) -> control_pb2.SetFaultsResponse:
        """Plants these faults and no others; CLIENT_MALFORMED for one that cannot be planted here."""
        del context
        self._faults.plant([self._faults.of_message(one) for one in request.faults])
        return control_pb2.SetFaultsResponse()

    async def ListFaults(  # noqa: N802 - the contract's name
        self, request: control_pb2.ListFaultsRequest, context: Context
    ) -> control_pb2.ListFaultsResponse:
        """The faults in force."""
        del request, context
        return control_pb2.ListFaultsResponse(faults=(one.message() for one in self._faults.planted))


def keep_clock(folder: Path, clock: SimulatedClock) -> None:
    """Write the clock into the party's configuration, so that a process which starts again goes on from it."""
    config = Config.load(folder)
    if config.simulation is not None:
        now, machine = clock.network(), clock.machine()
        simulation = replace(config.simulation, now=now.isoformat(), since=machine.isoformat(), stopped=clock.stopped)
        replace(config, simulation=simulation).save(folder)


def control_address(folder: Path) -> str:
    """Where a party's control face listens, as a gRPC target.

    Raises:
        ValueError: the folder's path is too long for a socket.
    """
    path = str(folder.absolute() / SOCKET_NAME)
    if len(path.encode()) > _PATH_LIMIT:
        raise ValueError(
            f"{path} is longer than the {_PATH_LIMIT} bytes of a socket's path: choose a shorter state folder"
        )
    return f"unix:{path}"


async def start_control(folder: Path, party: str, servicer: ControlServicer) -> grpc.aio.Server:
    """Open the control face of `party` in its folder, for its owner alone."""
    address = control_address(folder)
    server = grpc.aio.server(interceptors=[Interceptor(party, None)])
    control_pb2_grpc.add_ControlServiceServicer_to_server(servicer, server)
    (folder / SOCKET_NAME).unlink(missing_ok=True)
    server.add_insecure_port(address)
    (folder / SOCKET_NAME).chmod(0o600)
    await server.start()
    return server
