"""A tiny network for tests: a real root, a real party behind real mTLS on 127.0.0.1, and callers with certificates of any kind."""

# ruff: noqa: N802 - handlers have the names of the contract
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from warifu.authority import Authority, provision
from warifu.kernel import identity
from warifu.kernel.clock import Clock
from warifu.kernel.config import Config, Simulation
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.kernel.tls import Pair
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc

DEADLINE = 30.0
"""Seconds for a call in a test, on a busy machine; what is refused is refused at once."""
TAX = "tax-480011"
NHI = "nhi-480011"
PARTIES = {
    "gateway": ["main"],
    "numbering": ["main"],
    "tax": [TAX],
    "health_insurance": [NHI],
    "portal": ["portal-main"],
}


class Linkage(linkage_pb2_grpc.LinkageServiceServicer):
    """Answers who called; fails as told."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None

    async def ListPermissions(self, request, context):
        """Who called, as the table's version."""
        if self.trouble is not None:
            raise self.trouble
        return linkage_pb2.ListPermissionsResponse(table_version=identity.current().uri)

    async def Decide(self, request, context):
        """Insists that the caller is the provider named."""
        identity.current().require(request.provider)
        return linkage_pb2.DecideResponse(table_version="yours")


class Numbering(numbering_pb2_grpc.NumberingServiceServicer):
    """Echoes a stream, and fails in the middle when an acquisition number says so."""

    async def Enrol(self, request_iterator, context):
        """One answer a request."""
        async for request in request_iterator:
            if request.acquisition_number == b"boom":
                raise RuntimeError("secret 123456789018")
            yield numbering_pb2.EnrolResponse(acquisition_number=request.acquisition_number)


@dataclass(slots=True)
class Tiny:
    """The network's folder and root."""

    state: Path
    authority: Authority
    linkage: Linkage = field(default_factory=Linkage)

    @classmethod
    def make(cls, state: Path) -> Tiny:
        """Provision a network in `state`."""
        return cls(state, provision(state, PARTIES, counters=[TAX]))

    def configure(self, party: str, **settings) -> Path:
        """Write the party's configuration; returns its folder."""
        folder = self.state / party
        values = {"listen": "127.0.0.1:0", "addresses": {}, "institutions": tuple(PARTIES[party])}
        Config(party, **{**values, **settings}).save(folder)
        return folder

    @asynccontextmanager
    async def party(
        self, name: str = "gateway", *, clock: Clock | None = None, extra: Mapping | None = None, **settings
    ) -> AsyncIterator[Running]:
        """Serve the party `name`; `extra` are further fields of its `Party`."""

        async def build(context: Context) -> Party:
            return Party(services(name, self), **(extra or {}))

        async with serve(self.configure(name, **settings), build, clock=clock) as running:
            yield running

    def pair(self, party: str, code: str) -> Pair:
        """The client certificate that was provisioned for an identity."""
        folder = self.state / "counters" / code if party == "counter" else self.state / party / "identities" / code
        return Pair((folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes())

    @asynccontextmanager
    async def call(self, running: Running, pair: Pair, *, party: str = "gateway") -> AsyncIterator[Caller]:
        """A caller with that certificate."""
        root = (self.state / party / "trust" / "ca.pem").read_bytes()
        channel = open_channel(running.address, party, root, pair.certificate, pair.key)
        try:
            yield Caller(channel)
        finally:
            await channel.close()


@dataclass(slots=True)
class Caller:
    """Somebody with a channel."""

    channel: grpc.aio.Channel

    async def who(self, **request) -> str:
        """Who the server says it is that calls."""
        stub = linkage_pb2_grpc.LinkageServiceStub(self.channel)
        response = await stub.ListPermissions(linkage_pb2.ListPermissionsRequest(**request), timeout=DEADLINE)
        return response.table_version

    async def decide(self, provider: str) -> str:
        """Asks in the name of `provider`."""
        stub = linkage_pb2_grpc.LinkageServiceStub(self.channel)
        return (await stub.Decide(linkage_pb2.DecideRequest(provider=provider), timeout=DEADLINE)).table_version

    def enrol(self, numbers: Sequence[bytes]):
        """A stream of enrolments."""
        stub = numbering_pb2_grpc.NumberingServiceStub(self.channel)
        requests = (numbering_pb2.EnrolRequest(acquisition_number=number) for number in numbers)
        return stub.Enrol(requests, timeout=DEADLINE)

    async def raw(self, method: str, content: bytes) -> bytes:
        """Any bytes to any method."""
        return await self.channel.unary_unary(method)(content, timeout=DEADLINE)


async def error_of(awaitable, party: str = "gateway") -> LinkageError:
    """How a call failed, as its caller sees it."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await awaitable
    return LinkageError.from_rpc(failed.value, party=party)


async def reason_of(awaitable, party: str = "gateway") -> Reason:
    """Why a call failed, as its caller sees it."""
    return (await error_of(awaitable, party)).reason


def services(name: str, tiny: Tiny) -> list[Service]:
    """The services of the tiny party `name`."""
    offered: dict[str, Callable[[], Service]] = {
        "gateway": lambda: Service(
            "warifu.linkage.v1.LinkageService", linkage_pb2_grpc.add_LinkageServiceServicer_to_server, tiny.linkage
        ),
        "numbering": lambda: Service(
            "warifu.numbering.v1.NumberingService",
            numbering_pb2_grpc.add_NumberingServiceServicer_to_server,
            Numbering(),
        ),
    }
    return [offered[name]()]


SIMULATION = Simulation(seed=7, now="2026-04-06T09:00:00+09:00", stopped=True)
