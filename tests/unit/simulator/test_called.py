"""Calls of the front doors by name, and what settling tells of parties that are not done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from warifu.cli import output
from warifu.control.v1 import control_pb2
from warifu.kernel.clock import JAPAN
from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.called import CallError, calling
from warifu.simulator.doors import SETTLE_ROUNDS, Doors

NOW = datetime(2026, 4, 6, 9, tzinfo=JAPAN)
CALLS: dict[str, Callable[[Doors], Awaitable[object]]] = {
    "Settle": lambda opened: opened.settle(),
    "SetClock": lambda opened: opened.set_clock(NOW, stopped=False),
    "GetClock": lambda opened: opened.clock(),
}


def error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    """A failed call."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "as it came")


class Party:
    """A control face that has to do so many times, and fails as wanted."""

    def __init__(self, owes: int = 0, fails: grpc.StatusCode | None = None) -> None:
        self.owes, self.fails, self.asked = owes, fails, 0

    async def Settle(self, _: object, timeout: float) -> control_pb2.SettleResponse:  # noqa: N802, ASYNC109 - as a stub has it
        """Do a piece of it."""
        self.asked += 1
        self._fail()
        self.owes -= 1
        return control_pb2.SettleResponse(done={"outbox": 1 if self.owes >= 0 else 0})

    async def SetClock(self, _: object, timeout: float) -> control_pb2.SetClockResponse:  # noqa: N802, ASYNC109 - as a stub has it
        """It is set."""
        self._fail()
        return control_pb2.SetClockResponse()

    GetClock = SetClock

    def _fail(self) -> None:
        if self.fails is not None:
            raise error(self.fails)


class Opened(Doors):
    """Doors to such parties."""

    def __init__(self, **parties: Party) -> None:
        network: Any = SimpleNamespace(parties=[SimpleNamespace(name=name) for name in parties])
        super().__init__(network, {})
        self.all = parties

    def control(self, party: str) -> Any:
        """Of one of them."""
        return self.all[party]


async def test_settling_ends_when_nobody_has_more_to_do() -> None:
    """Parties are asked until none had to do, and nobody is told of."""
    opened = Opened(gateway=Party(2), tax=Party())
    assert await opened.settle() == ()
    assert opened.all["gateway"].asked == 3


async def test_settling_tells_who_was_never_done() -> None:
    """Whoever had to do in every round, or never answered in its minute, is told; the others are not."""
    endless, slow = Party(1_000), Party(fails=grpc.StatusCode.DEADLINE_EXCEEDED)
    opened = Opened(gateway=endless, tax=Party(1), portal=slow)
    assert await opened.settle() == ("gateway", "portal")
    assert endless.asked == slow.asked == SETTLE_ROUNDS
    assert await opened.settle(["tax"]) == ()


@pytest.mark.parametrize("call", CALLS)
async def test_a_party_that_fails_is_named(call: str) -> None:
    """The error of a control call names it and its party, and is otherwise the error that came."""
    opened = Opened(gateway=Party(fails=grpc.StatusCode.UNAVAILABLE))
    with pytest.raises(CallError) as caught:
        await CALLS[call](opened)
    assert (caught.value.call, caught.value.called) == (call, "gateway")
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNAVAILABLE, "as it came")
    assert caught.value.linkage.reason is Reason.GATEWAY_UNAVAILABLE


def test_the_innermost_name_stays() -> None:
    """A call that has its name keeps it, however many blocks it lies in; what is no call's failure passes."""
    with pytest.raises(CallError) as caught, calling("Outer", "a"), calling("Inner", "b"):
        raise error(grpc.StatusCode.INTERNAL)
    assert (caught.value.call, caught.value.called) == ("Inner", "b")
    with pytest.raises(LinkageError), calling("Outer", "a"):
        raise LinkageError(Reason.CLIENT_NOT_YOURS)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_commands_tell_call_and_party(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verb that fails by a named call says which, to whom, and why, in the terminal's language."""
    told: list[str] = []
    monkeypatch.setattr(output, "t", lambda ja, en: ja if language == "ja" else en)
    monkeypatch.setattr(output, "fail", told.append)
    with output.clear_errors(), calling("SetClock", "tax"):
        raise error(grpc.StatusCode.DEADLINE_EXCEEDED)
    (line,) = told
    assert "SetClock" in line
    assert "tax" in line
    assert f"PROVIDER_TIMEOUT: {LinkageError(Reason.PROVIDER_TIMEOUT).text(language)}" in line
