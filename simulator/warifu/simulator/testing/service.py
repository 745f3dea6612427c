"""The control service of a network under test: see the contract, warifu/testing/v1/testing.proto."""

# ruff: noqa: N802 - the contract's names
from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, Final, TypeVar

import grpc

from warifu.authority import open_authority, publish_law
from warifu.kernel.errors import LinkageError
from warifu.law import LawDataError, packaged_files, read_book
from warifu.simulator.cards.client import LoginError
from warifu.simulator.face import FaceError
from warifu.simulator.launcher.ports import PortError, taken
from warifu.simulator.testing.beginning import BEGINNING
from warifu.simulator.testing.desk import Desk, UnknownError, refused
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.faces import Faces
from warifu.simulator.testing.planting import NoFaultError
from warifu.simulator.testing.switch import Switch
from warifu.simulator.testing.waiting import USUALLY, NotComeError, condition_of, wait
from warifu.testing.v1 import testing_pb2 as pb
from warifu.testing.v1 import testing_pb2_grpc

PERMISSIONS: Final = "permissions.toml"
T = TypeVar("T")
Context = grpc.aio.ServicerContext[Any, Any]


class TestNetworkServicer(testing_pb2_grpc.TestNetworkServiceServicer):
    """See the contract."""

    __test__ = False

    def __init__(self, switch: Switch, faces: Faces) -> None:
        """`faces`: that are opened."""
        self._switch, self._desk, self._faces = switch, Desk(switch.engine), faces
        self._turn = asyncio.Lock()

    @property
    def _engine(self) -> Engine:
        return self._switch.engine

    async def GetNetwork(self, request: pb.GetNetworkRequest, context: Context) -> pb.GetNetworkResponse:
        """What there is."""
        del request, context
        file = self._engine.file
        return pb.GetNetworkResponse(
            state=str(self._engine.state),
            people=file.people,
            seed=file.seed,
            ready_seconds=self._engine.ready_seconds,
            addresses={party.name: party.address for party in file.parties},
            urls=dict(file.urls),
            ca=file.ca,
            institutions=file.extra["kinds"],
        )

    async def Reset(self, request: pb.ResetRequest, context: Context) -> pb.ResetResponse:
        """Puts everything back."""
        began = time.perf_counter()
        now = request.now.ToDatetime(tzinfo=UTC) if request.HasField("now") else BEGINNING
        seed = request.seed if request.HasField("seed") else self._switch.seed
        async with self._turn:
            if seed != self._engine.file.seed:
                await self._become(seed, context)
            await self._engine.reset(now=now, stopped=request.stopped)
            await self._begin_anew()
        return pb.ResetResponse(milliseconds=1000 * (time.perf_counter() - began))

    async def TakeSnapshot(self, request: pb.TakeSnapshotRequest, context: Context) -> pb.TakeSnapshotResponse:
        """Keeps everything."""
        del context
        async with self._turn:
            await self._engine.snapshot(request.name)
        return pb.TakeSnapshotResponse()

    async def RestoreSnapshot(self, request: pb.RestoreSnapshotRequest, context: Context) -> pb.RestoreSnapshotResponse:
        """Puts everything back."""
        async with self._turn:
            try:
                await self._engine.restore(request.name)
            except LookupError:
                await context.abort(
                    grpc.StatusCode.NOT_FOUND,
                    f"there is no snapshot {request.name!r}: one lasts until the next reset, and so no longer than its test",
                )
            await self._begin_anew()
        return pb.RestoreSnapshotResponse()

    async def _become(self, seed: int, context: Context) -> None:
        """Have another network behind the same faces."""
        if self._switch.is_bound:
            await context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                "systems of your own serve institutions of this network, under its certificates: another seed's would not know them",
            )
        await self._switch.filled(seed)
        await self._engine.reset()  # which has whoever waits go: a face that closes would wait for them
        opened = await self._faces.close()
        await self._switch.become(seed)
        self._desk = Desk(self._engine)
        await self._faces.reopen(self._engine, opened)

    async def _begin_anew(self) -> None:
        self._desk.forget()
        await self._faces.forget()

    async def ListPeople(self, request: pb.ListPeopleRequest, context: Context) -> pb.ListPeopleResponse:
        """Test cards."""
        try:
            return pb.ListPeopleResponse(people=self._desk.people(request))
        except UnknownError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))

    async def OpenFace(self, request: pb.OpenFaceRequest, context: Context) -> pb.OpenFaceResponse:
        """Opens a face once."""
        try:
            async with self._turn:
                face = await self._faces.open(self._engine, request.institution)
        except FaceError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, error.en)
        except PortError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.en)
        if request.alone:
            self._engine.faults.leave_alone(request.institution)
        return pb.OpenFaceResponse(url=face.http, address=face.grpc, token=face.token or "")

    async def Ask(self, request: pb.AskRequest, context: Context) -> pb.AskResponse:
        """Asks as a clerk."""
        return await _known(context, self._desk.ask(request, decided=request.provider not in self._engine.faults.alone))

    async def GetHistory(self, request: pb.GetHistoryRequest, context: Context) -> pb.GetHistoryResponse:
        """A citizen's history."""
        response = pb.GetHistoryResponse()
        for entry in await _known(context, self._desk.history(request.person)):
            response.entries.add().update(entry)
        return response

    async def SetClock(self, request: pb.SetClockRequest, context: Context) -> pb.SetClockResponse:
        """Moves the clock."""
        try:
            await self._engine.doors.set_clock(request.now.ToDatetime(tzinfo=UTC), stopped=request.stopped)
        except grpc.aio.AioRpcError as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.details() or "")
        return pb.SetClockResponse()

    async def SetFaults(self, request: pb.SetFaultsRequest, context: Context) -> pb.SetFaultsResponse:
        """Plants faults at every party that they fit."""
        try:
            self._engine.faults.plant(request.faults)
        except NoFaultError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return pb.SetFaultsResponse()

    async def SetPermissionTable(
        self, request: pb.SetPermissionTableRequest, context: Context
    ) -> pb.SetPermissionTableResponse:
        """Signs a permission table and puts it in force."""
        files = packaged_files()
        if request.toml:
            files[PERMISSIONS] = request.toml.encode()
        try:
            book = read_book(files)
        except LawDataError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        state = self._engine.state
        publish_law(open_authority(state), state, self._engine.file.trusting, files)
        return pb.SetPermissionTableResponse(version=book.version)

    async def Settle(self, request: pb.SettleRequest, context: Context) -> pb.SettleResponse:
        """Runs what is due."""
        del request
        await _known(context, self._engine.doors.settle())
        return pb.SettleResponse()

    async def WaitFor(self, request: pb.WaitForRequest, context: Context) -> pb.WaitForResponse:
        """Waits for a condition."""
        began = time.perf_counter()
        seconds = request.timeout_ms / 1000 or USUALLY
        try:
            found = await _known(context, wait(self._engine, condition_of(request, self._engine, self._desk), seconds))
        except UnknownError as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except NotComeError as error:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
        response = pb.WaitForResponse(milliseconds=1000 * (time.perf_counter() - began))
        response.found.update(found)
        return response

    async def ListCalls(self, request: pb.ListCallsRequest, context: Context) -> pb.ListCallsResponse:
        """Calls of the system under test."""
        del request, context
        found = await self._engine.calls()
        return pb.ListCallsResponse(
            calls=[
                pb.Calls(method=method, outcome=outcome, count=number) for (method, outcome), number in found.items()
            ]
        )


async def _known(context: Context, work: Awaitable[T]) -> T:
    try:
        return await work
    except UnknownError as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
    except LinkageError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, refused(error))
    except grpc.aio.AioRpcError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, refused(LinkageError.from_rpc(error)))
    except LoginError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"the portal or the card service refused: {error}")


class _Token(grpc.aio.ServerInterceptor):
    """Lets in whoever shows the token: other users of the machine can reach the port too."""

    def __init__(self, token: str) -> None:
        self._wanted = f"Bearer {token}"

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """See `grpc.aio.ServerInterceptor`."""
        shown = dict(handler_call_details.invocation_metadata or ()).get("authorization", "")
        if hmac.compare_digest(shown.encode(), self._wanted.encode()):
            return await continuation(handler_call_details)
        return grpc.unary_unary_rpc_method_handler(_turn_away)


async def _turn_away(_request: bytes, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token that was printed at the start is missing or wrong")


@asynccontextmanager
async def serve_control(switch: Switch, token: str | None = None) -> AsyncIterator[tuple[str, str]]:
    """Serve the control service while the block lasts; yields its address and the token to show, a new one unless one is given.

    Raises:
        PortError: its port is taken.
    """
    token, where = token or secrets.token_urlsafe(24), switch.where
    async with Faces(where) as faces:
        server = grpc.aio.server(interceptors=[_Token(token)], options=[("grpc.so_reuseport", 0)])
        testing_pb2_grpc.add_TestNetworkServiceServicer_to_server(TestNetworkServicer(switch, faces), server)
        try:
            bound = server.add_insecure_port(f"{where.listen}:{where.port}")
        except RuntimeError as error:
            raise taken(where.port) from error
        await server.start()
        try:
            yield f"{where.told}:{bound}", token
        finally:
            await server.stop(1.0)
