"""A stage before doors that a test holds: parties answer, fall silent, keep clocks and faults as the control contract says, and no more."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx2

from warifu.control.v1 import control_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.faults import Faults
from warifu.simulator.scenarios import SCENARIOS, Scenario
from warifu.simulator.stage.app import StageFace, assemble
from warifu.simulator.state import NetworkFile, PartyEntry
from warifu.web.face import Face

ORIGIN = "http://stage.localhost:8175"
START = datetime(2026, 4, 6, 0, tzinfo=UTC)
"""9 in the morning in Japan."""
KINDS = {"tax-480011": "tax", "nhi-480029": "health_insurance", "residency-480011": "residency"}
URLS = {"portal": 8170, "simulator": 8171, "gateway": 8172, "watchdog": 8173, "counter": 8174}
HOSTS = {"simulator": "card", "gateway": "log"}
PARTIES = ("numbering", "gateway", "residency", "tax", "health_insurance", "portal", "watchdog", "counter", "simulator")


def gone() -> grpc.aio.AioRpcError:
    """How a call to a party that is down fails."""
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "down")


@dataclass
class Control:
    """One party's control face."""

    party: str
    doors: Doors
    faults: Faults

    async def SetFaults(self, request: control_pb2.SetFaultsRequest, timeout: float) -> control_pb2.SetFaultsResponse:  # noqa: ASYNC109, N802 - the stub's
        """See the contract."""
        del timeout
        self.doors.must_answer(self.party)
        try:
            self.faults.plant([self.faults.of_message(one) for one in request.faults])
        except LinkageError as error:
            raise gone() from error
        return control_pb2.SetFaultsResponse()

    async def ListFaults(  # noqa: N802 - the stub's name
        self,
        _request: control_pb2.ListFaultsRequest,
        timeout: float,  # noqa: ASYNC109 - the stub's way
    ) -> control_pb2.ListFaultsResponse:
        """See the contract."""
        del timeout
        self.doors.must_answer(self.party)
        planted = self.faults.planted
        return control_pb2.ListFaultsResponse(faults=[one.message() for one in planted])


@dataclass
class Doors:
    """What the stage needs of a network's doors."""

    silent: set[str] = field(default_factory=set)
    now: datetime = START
    stopped: bool = False
    settled: int = 0
    settling: asyncio.Event | None = None
    """Work that a settle waits for."""
    controls: dict[str, Control] = field(default_factory=dict)

    def must_answer(self, party: str) -> None:
        """Fail as calls to a party that is down do."""
        if party in self.silent:
            raise gone()

    def control(self, party: str) -> Control:
        """A party's control face."""
        return self.controls.setdefault(party, Control(party, self, Faults(party)))

    async def all_healthy(self) -> dict[str, bool]:
        """Who answers."""
        return {party: party not in self.silent for party in PARTIES}

    async def clock(self) -> tuple[datetime, bool]:
        """The gateway's clock."""
        self.must_answer("gateway")
        return self.now, self.stopped

    async def set_clock(self, now: datetime, *, stopped: bool) -> None:
        """Every party's clock; forward only."""
        assert now > self.now
        self.now, self.stopped = now, stopped
        for party in PARTIES:
            self.must_answer(party)

    async def settle(self, _parties: object = None) -> None:
        """Work that is due."""
        if self.settling is not None:
            await self.settling.wait()
        self.settled += 1


@dataclass
class Lab:
    """A stage and its doors."""

    face: StageFace
    doors: Doors
    client: httpx2.AsyncClient
    state: Path

    async def get(self, path: str, language: str = "ja") -> httpx2.Response:
        """A page."""
        return await self.client.get(path, headers={"accept-language": language})

    async def post(self, path: str, **form: str) -> httpx2.Response:
        """A form, sent as a browser on this very page does."""
        return await self.client.post(path, data=form, headers={"origin": ORIGIN})

    async def until_ended(self, name: str) -> dict[str, Any]:
        """The newest play of a scenario, once it has ended."""
        await ended("play ")
        return await self.document(name)

    async def document(self, name: str) -> dict[str, Any]:
        """The newest play of a scenario as JSON."""
        found: dict[str, Any] = (await self.client.get(f"/api/v1/scenarios/{name}/play")).json()
        return found


async def ended(name: str) -> None:
    """Wait for the stage's tasks whose names begin so."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name().startswith(name)))


def network(state: Path) -> NetworkFile:
    """What `network.json` would say."""
    hosts = {party: f"http://{HOSTS.get(party, party)}.localhost:{port}" for party, port in URLS.items()}
    entries = [PartyEntry(name, "127.0.0.1:1", "", str(state / name), hosts.get(name)) for name in PARTIES]
    return NetworkFile(1, 1, 60, True, 0, "", entries, {}, {}, stage=ORIGIN, extra={"kinds": KINDS})


@asynccontextmanager
async def open_lab(state: Path) -> AsyncIterator[Lab]:
    """A stage while the block lasts."""
    (state / "simulator").mkdir(exist_ok=True)
    doors = Doors()
    face = assemble(Face("stage.localhost", ORIGIN, {}), network(state), state, doors)  # type: ignore[arg-type] - ours
    transport = httpx2.ASGITransport(face.web)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        try:
            yield Lab(face, doors, client, state)
        finally:
            await face.close()


def scenario(monkeypatch: Any, play: Any, name: str = "same-city") -> str:
    """Have the scenario `name` play this instead; returns the name."""
    old = SCENARIOS[name]
    monkeypatch.setitem(SCENARIOS, name, Scenario(name, old.purpose, play, old.fault))
    return name


def visible(page: str) -> str:
    """What somebody reads of a page: no head, no tags, no texts marked as Japanese."""
    body = page[page.index("<body") :]
    body = re.sub(r'<(\w+)[^>]* lang="ja"[^>]*>.*?</\1>', "", body, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", body)
