"""A small real network for tests: gateway, numbering and agencies behind real mTLS in this process, on a stopped simulated clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
from ports import free_port

from warifu.authority import provision
from warifu.common.v1 import common_pb2
from warifu.kernel.config import Config, Simulation
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.numbers import individual_number, resident_code

SEED = 7
NOW = "2026-04-06T09:00:00+09:00"
CITY = "residency-480011"
OTHER_CITY = "residency-490016"
TAX = "tax-480011"
NHI = "nhi-480011"
INSURER = "insurer-06480016"
INSTITUTIONS = {
    "residency": (CITY, OTHER_CITY),
    "tax": (TAX, "tax-490016"),
    "health_insurance": (NHI, INSURER, "union-39480017"),
}
IDENTITIES = {
    "gateway": ("main",),
    "numbering": ("main",),
    **INSTITUTIONS,
    "portal": ("portal-main",),
    "simulator": ("main",),
}
DEADLINE = 30.0

StubT = TypeVar("StubT")


@dataclass(slots=True)
class Town:
    """A provisioned network of which any parties are served."""

    state: Path
    addresses: dict[str, str]
    running: dict[str, Running] = field(default_factory=dict)
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @classmethod
    def make(cls, state: Path) -> Town:
        """Certificates and law book for everyone."""
        provision(state, IDENTITIES, counters=[code for codes in INSTITUTIONS.values() for code in codes])
        return cls(state, {party: f"127.0.0.1:{free_port()}" for party in IDENTITIES})

    @asynccontextmanager
    async def serve(self, party: str, build: Callable, *, simulation: bool = True) -> AsyncIterator[Running]:
        """Serve one party at its address; the others know where it is, served or not."""
        settings = Simulation(SEED, NOW, stopped=True) if simulation else None
        folder = self.state / party
        Config(party, self.addresses[party], self.addresses, INSTITUTIONS.get(party, ()), settings).save(folder)
        async with serve(folder, build) as running:
            self.running[party] = running
            try:
                yield running
            finally:
                del self.running[party]

    def stub(self, factory: Callable[[grpc.aio.Channel], StubT], party: str, caller: str, code: str) -> StubT:
        """A stub towards `party` under the certificate of (caller, code); caller "counter" is a counter terminal."""
        folder = self.state / "counters" / code if caller == "counter" else self.state / caller / "identities" / code
        root = (self.state / party / "trust" / "ca.pem").read_bytes()
        pair = (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()
        channel = open_channel(self.running[party].address, party, root, *pair)
        self._channels.append(channel)
        return factory(channel)

    def numbering(self, caller: str, code: str) -> numbering_pb2_grpc.NumberingServiceAsyncStub:
        """The numbering body's identification and enrolment, as that caller."""
        return self.stub(numbering_pb2_grpc.NumberingServiceStub, "numbering", caller, code)

    def register(self, caller: str = "simulator", code: str = "main") -> numbering_pb2_grpc.RegisterServiceAsyncStub:
        """The register, as that caller."""
        return self.stub(numbering_pb2_grpc.RegisterServiceStub, "numbering", caller, code)

    async def people(self, people: Iterable[common_pb2.BasicItems]) -> list[str]:
        """Register people with the codes 0, 1, 2, … of the test's own key; their individual numbers."""
        from warifu.numbering.keys import simulated

        requests = [
            numbering_pb2.RegisterRequest(institution="simulator", basic_items=items, resident_code=code_of(n))
            for n, items in enumerate(people)
        ]
        async for response in self.register().Register(iter(requests)):
            assert not response.HasField("error"), response
        key = simulated(SEED, "numbers")
        return [individual_number.derive(key, request.resident_code, 0) for request in requests]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels:
            await channel.close()


@asynccontextmanager
async def town(state: Path, *parties: tuple[str, Callable]) -> AsyncIterator[Town]:
    """A network with these parties served, in this order."""
    made = Town.make(state)
    async with AsyncExitStack() as stack:
        for name, build in parties:
            await stack.enter_async_context(made.serve(name, build))
        stack.push_async_callback(made.close)
        yield made


def code_of(index: int) -> str:
    """A resident code that a test chooses."""
    return resident_code.derive(b"resident codes of tests", index)


def person(index: int = 0, **changes) -> common_pb2.BasicItems:
    """Somebody; another index, another person."""
    values = {
        "name": f"試験　花子{index}",
        "kana": "シケン　ハナコ",
        "address": f"青凪市港町{index + 1}番地",
        "birth_date": f"{1950 + index % 60}-05-{1 + index % 28:02d}",
        "sex": common_pb2.SEX_FEMALE,
    }
    return common_pb2.BasicItems(**{**values, **changes})
