"""What becomes of a run when something fails on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

import grpc
import pytest
from unit.traffic import lab

from warifu.kernel.errors import Reason
from warifu.simulator.traffic import run
from warifu.simulator.traffic.drive import Made, Pace


class Failing:
    """A driver whose run fails after some inquiries."""

    stopping, seconds, unknown = False, 1.0, 0

    def __init__(self, made: list[Made]) -> None:
        self.made = made

    def instead(self, *_: object) -> Self:
        """It, where a driver is made."""
        return self

    async def run(self) -> None:
        """A party does not answer in time."""
        empty = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, empty, empty, "Deadline Exceeded")


class Fake:
    """Doors and inspector at once."""

    async def begin(self) -> None:
        """Nothing was there before."""

    async def clock(self) -> tuple[datetime, bool]:
        """The network's."""
        return lab.NOW, False


async def driven(monkeypatch: pytest.MonkeyPatch, made: list[Made]) -> run.Run:
    """A run whose driver fails."""
    monkeypatch.setattr(run, "Driver", Failing(made).instead)
    planned = lab.run(made).plan
    runner = run.Runner(None, run.Wish("day", 1, 1.0, 0.0, 1, Pace(None)))  # type: ignore[arg-type]
    fake: Any = Fake()
    return await runner._driven(fake, fake, planned, {}, 100, lab.NOW)


async def test_what_was_made_outlives_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A party that answers too late ends the run, and all inquiries until then are kept with what ended it, without scores."""
    made = [lab.made(number) for number in range(3)]
    found = await driven(monkeypatch, made)
    assert found.made == made
    assert found.failed is not None
    assert found.failed.reason is Reason.PROVIDER_TIMEOUT
    assert not found.scores


async def test_a_failure_before_any_inquiry_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was made there is nothing to keep."""
    with pytest.raises(grpc.aio.AioRpcError):
        await driven(monkeypatch, [])
