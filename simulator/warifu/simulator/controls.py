"""The control faces of a party of several processes, used as one: what concerns each is told to each, what lies in their store is asked of any."""

# ruff: noqa: N802, ASYNC109 - the contract's names, called as a generated stub is
from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import grpc

from warifu.control.v1 import control_pb2 as pb

if TYPE_CHECKING:
    from warifu.control.v1.control_pb2_grpc import ControlServiceAsyncStub

T = TypeVar("T")
AFTER_A_DEATH: Final = 1.2
"""Seconds after which another process does what a dead one led in: more than a leader's term (`warifu.gateway.log.lease`)."""


class Controls:
    """As one `ControlServiceStub`. One process that does not answer, as while it is started again, keeps nobody from anything but the clock."""

    def __init__(self, stubs: Sequence[ControlServiceAsyncStub]) -> None:
        self._stubs = stubs

    async def SetClock(self, request: pb.SetClockRequest, timeout: float) -> pb.SetClockResponse:
        """Every process's; one that is being started again is waited for, since it would go on in the past."""
        told = [stub.SetClock(request, timeout=timeout, wait_for_ready=True) for stub in self._stubs]
        return (await asyncio.gather(*told))[0]

    async def GetClock(self, request: pb.GetClockRequest, timeout: float) -> pb.GetClockResponse:
        """Any process's."""
        return await self._any(lambda stub: stub.GetClock(request, timeout=timeout))

    async def View(self, request: pb.ViewRequest, timeout: float) -> pb.ViewResponse:
        """What the store holds."""
        return await self._any(lambda stub: stub.View(request, timeout=timeout))

    async def Settle(self, request: pb.SettleRequest, timeout: float) -> pb.SettleResponse:
        """What is due at each; when one is gone, once more when its part has fallen to the others."""
        done: Counter[str] = Counter()
        answers = await self._each(lambda stub: stub.Settle(request, timeout=timeout))
        if len(answers) < len(self._stubs):
            await asyncio.sleep(AFTER_A_DEATH)
            answers += await self._each(lambda stub: stub.Settle(request, timeout=timeout))
        for answer in answers:
            done.update(answer.done)
        return pb.SettleResponse(done=done)

    async def SetFaults(self, request: pb.SetFaultsRequest, timeout: float) -> pb.SetFaultsResponse:
        """At every process: a fault that strikes so often may strike so often at each."""
        return (await asyncio.gather(*(stub.SetFaults(request, timeout=timeout) for stub in self._stubs)))[0]

    async def ListFaults(self, request: pb.ListFaultsRequest, timeout: float) -> pb.ListFaultsResponse:
        """Each fault once, with how often it was met anywhere."""
        found: dict[tuple[str, ...], pb.Fault] = {}
        for answer in await self._each(lambda stub: stub.ListFaults(request, timeout=timeout)):
            for one in answer.faults:
                known = found.setdefault((one.name, one.institution, one.procedure, one.addressee_no), one)
                if known is not one:
                    known.met += one.met
        return pb.ListFaultsResponse(faults=found.values())

    async def _any(self, call: Callable[[ControlServiceAsyncStub], Awaitable[T]]) -> T:
        """The first answer there is."""
        for stub in self._stubs[:-1]:
            try:
                return await call(stub)
            except grpc.aio.AioRpcError as error:
                if not _is_gone(error):
                    raise
        return await call(self._stubs[-1])

    async def _each(self, call: Callable[[ControlServiceAsyncStub], Awaitable[T]]) -> list[T]:
        """The answers of those who answer, at least one."""
        told = await asyncio.gather(*(call(stub) for stub in self._stubs), return_exceptions=True)
        answers = [one for one in told if not isinstance(one, BaseException)]
        errors = [one for one in told if isinstance(one, BaseException)]
        failed = [one for one in errors if not _is_gone(one)]
        if failed or not answers:
            raise (failed or errors)[0]
        return answers


def _is_gone(error: BaseException) -> bool:
    return isinstance(error, grpc.aio.AioRpcError) and error.code() == grpc.StatusCode.UNAVAILABLE
