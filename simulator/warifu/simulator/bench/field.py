"""The network that is measured: every party that takes part in an exchange or its afterwork, each in a process of its own, with all its jobs.

Everything is real: mTLS on sockets, confinement, the signed permission table, SQLite on the
disk, durable commits, a witnessed log, deliveries to the portal.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.authority import provision
from warifu.control.v1 import control_pb2, control_pb2_grpc
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.config import Config, Simulation, Web
from warifu.kernel.control import control_address
from warifu.kernel.peers import open_channel
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.numbers import resident_code
from warifu.simulator.bench.hands import STARTS_WITHIN, Hand, party
from warifu.simulator.bench.network import PROVIDER, REQUESTER, SEED, copies, free_addresses, person
from warifu.simulator.bench.plain import STORE_NAME
from warifu.simulator.told import ToldError

PARTIES: Final[Mapping[str, Sequence[str]]] = {
    "gateway": ("main",),
    "watchdog": ("main",),
    "tax": (PROVIDER,),
    "portal": ("portal-main",),
    "numbering": ("main",),
    "simulator": ("main",),
    "health_insurance": (REQUESTER,),
}
SERVED: Final = ("numbering", "gateway", "watchdog", "tax", "portal")
"""Started as parties; the requester's process is `bench.requester`, and nobody serves the simulator."""
GATEWAY_STORE: Final = "gateway/gateway.db"
OWN_STORES: Final = {
    "unary": f"health_insurance/{STORE_NAME}",
    "connector": f"health_insurance/{REQUESTER}.interim.db",
}
"""The requester's, by how it asks."""
START: Final = "2026-06-10T09:00:00+09:00"
SETTLED_WITHIN: Final = 120.0
"""Seconds for what a stretch of exchanges leaves to do."""
_OPEN: Final = """
SELECT (SELECT count(*) FROM log_entry WHERE leaf_index IS NULL)
     + (SELECT max(size - witnessed_size) FROM log_head)
     + (SELECT count(*) FROM outbox)
"""


@dataclass(frozen=True, slots=True)
class Field:
    """A network that is up and filled."""

    state: Path
    requester: Hand
    """Makes the load."""
    hands: Mapping[str, Hand]
    """All its processes, by party."""

    def stores(self, call: str) -> dict[str, tuple[Path, str]]:
        """Where the three records of an exchange lie: database and table, by whose they are. A row of kind 2 is of an outcome."""
        found = {
            "gateway": (GATEWAY_STORE, "record"),
            "provider": (f"tax/{PROVIDER}.interim.db", "records"),
            "requester": (OWN_STORES[call], "records"),
        }
        return {side: (self.state / path, table) for side, (path, table) in found.items()}

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each process so far."""
        return {name: hand.cpu() for name, hand in self.hands.items()}

    async def settle(self) -> None:
        """Wait until the log has taken in every entry, each head is witnessed, and the portal has what it is to show.

        Raises:
            ToldError: that takes too long.
        """
        deadline = time.monotonic() + SETTLED_WITHIN
        with reading(self.state / GATEWAY_STORE) as connection:
            while (left := connection.execute(_OPEN).fetchone()[0]) != 0:
                if time.monotonic() > deadline:
                    raise ToldError(
                        f"測定になりません。ログへの組み込みと証人署名、ポータルへの配信が {left} 件残ったままです。",
                        f"this was no measurement: {left} log entries or deliveries are still not done.",
                    )
                await asyncio.sleep(0.05)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A party's database, from outside and for reading alone: what is seen is what was committed."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def field(state: Path, people: int, bulk: int) -> AsyncIterator[Field]:
    """The network in `state`, while the block lasts.

    Raises:
        ToldError: a process does not start.
    """
    await asyncio.to_thread(_provision, state)
    async with AsyncExitStack() as stack:
        hands = {}
        for name in SERVED:
            hands[name] = await party(name, state / name)
            stack.push_async_callback(hands[name].end)
        requester = await start_requester(state, people, bulk)
        stack.push_async_callback(requester.end)
        await requester.ready()
        await _fill(state, people, hands)
        for name in ("tax", "health_insurance"):
            await settled(state / name)
        yield Field(state, requester, {**hands, "requester": requester})


async def start_requester(state: Path, people: int, bulk: int) -> Hand:
    """The requester's process; it is not waited for."""
    return await Hand.start(
        "requester", "warifu.simulator.bench.requester", state / "health_insurance", PROVIDER, people, bulk
    )


def _provision(state: Path) -> None:
    provision(state, PARTIES, counters=(REQUESTER, PROVIDER))
    *rest, web = free_addresses(len(PARTIES) + 1)
    addresses = dict(zip(PARTIES, rest, strict=True))
    for name, codes in PARTIES.items():
        institutions = tuple(code for code in codes if code != "main")
        face = Web("portal.localhost", int(web.rpartition(":")[2]), {"card": "http://card.localhost:1"})
        Config(
            name,
            addresses[name],
            addresses,
            institutions,
            Simulation(SEED, START, stopped=True),
            web=face if name == "portal" else None,
        ).save(state / name)


async def _fill(state: Path, people: int, hands: Mapping[str, Hand]) -> None:
    """People, known to numbering and to both institutions, with a tax year each, by the front doors."""
    items = [person(number) for number in range(people)]
    async with _door(state, "numbering", state / "simulator" / "identities" / "main", hands["numbering"]) as channel:
        register = numbering_pb2_grpc.RegisterServiceStub(channel).Register
        await _all(register, [_registered(number, one) for number, one in enumerate(items)])
    for name, code in (("health_insurance", REQUESTER), ("tax", PROVIDER)):
        async with _door(state, name, state / "counters" / code, hands.get(name)) as channel:
            stub = interim_pb2_grpc.InterimServiceStub(channel)
            await _all(
                stub.Enrol,
                [
                    pb.EnrolRequest(institution=code, addressee_no=str(number), basic_items=one)
                    for number, one in enumerate(items)
                ],
            )
            if code == PROVIDER:
                await _all(stub.RegisterCopies, copies(people))


async def settled(folder: Path) -> None:
    """What is due at a party, such as to publish its keys, is done."""
    async with grpc.aio.insecure_channel(control_address(folder)) as channel:
        stub = control_pb2_grpc.ControlServiceStub(channel)
        await stub.Settle(control_pb2.SettleRequest(), timeout=SETTLED_WITHIN)


def _registered(number: int, items: Any) -> numbering_pb2.RegisterRequest:
    code = resident_code.derive(b"people of measurements", number)
    return numbering_pb2.RegisterRequest(institution="simulator", basic_items=items, resident_code=code)


async def _all(call: Any, requests: Sequence[Any]) -> None:
    async for response in call(iter(requests), wait_for_ready=True):
        if response.HasField("error"):
            raise RuntimeError(f"the measured network cannot be filled: {response}")


@asynccontextmanager
async def _door(state: Path, name: str, identity: Path, hand: Hand | None) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a party that is up."""
    root, certificate, key = (
        path.read_bytes() for path in (state / name / "trust" / "ca.pem", identity / "cert.pem", identity / "key.pem")
    )
    async with open_channel(Config.load(state / name).listen, name, root, certificate, key) as channel:
        ready = asyncio.ensure_future(channel.channel_ready())
        deadline = time.monotonic() + STARTS_WITHIN
        while not ready.done():
            if (hand is not None and hand.ended) or time.monotonic() > deadline:
                ready.cancel()
                raise ToldError(
                    f"測定用の {name} が起動しません。理由は上のとおりです。",
                    f"{name} of the measurement does not start, for the reason above.",
                )
            await asyncio.wait([ready], timeout=0.1)
        yield channel
