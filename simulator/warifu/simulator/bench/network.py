"""The network that is measured: gateway and watchdog in processes of their own, a requester's and a provider's interim server in this one.

Everything between them is real: mTLS on sockets, the signed permission table, SQLite on the disk, durable commits.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from warifu.authority import provision
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.host import InterimHost
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.kernel.config import Config, Simulation
from warifu.kernel.control import control_address
from warifu.kernel.party import Build, Context, Party
from warifu.kernel.peers import Peers, open_channel
from warifu.kernel.server import serve
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.numbering.party import build as build_numbering
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.numbers import resident_code
from warifu.simulator.bench.children import Child
from warifu.simulator.told import ToldError
from warifu.tlog.checkpoint import Checkpoint

REQUESTER, PROVIDER = "nhi-480029", "tax-480011"
PARTIES: Final = {
    "gateway": ("main",),
    "watchdog": ("main",),
    "numbering": ("main",),
    "health_insurance": (REQUESTER,),
    "tax": (PROVIDER,),
    "simulator": ("main",),
}
START: Final = "2026-06-10T09:00:00+09:00"
SEED: Final = 1
UP_WITHIN: Final = 60.0
"""Seconds for a process to start."""
WAIT_MS: Final = 20_000
"""For an answer. One that takes longer is an error, not a figure."""
DETECTION: Final = "interim-promises"
"""The interim servers' job that looks up, half a minute later, what was promised them. No exchange waits for it; it is left out."""


@dataclass
class Network:
    """One network. `ask` is an exchange as its requester's business system sees it."""

    gateway: Child
    hosts: dict[str, InterimHost]
    peers: Peers
    """The requester's channels."""
    people: int
    _turn: int = 0
    _ids: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        """One exchange, from the requester's plain face and back: sealed, decided, recorded three times, answered, opened."""
        interim = self.hosts["health_insurance"].interim(REQUESTER)
        question = self._question()
        await interim.inquire(question)
        request = pb.CollectRequest(institution=REQUESTER, request_id=question.request_id, wait_ms=WAIT_MS)
        state = (await interim.collect(request)).inquiry
        if state.fine_outcome != exchange_pb2.FINE_OUTCOME_PROVIDED:
            outcome = exchange_pb2.Outcome.Name(state.outcome)
            raise ToldError(
                f"測定中の照会に回答がありませんでした（{outcome} {state.error.reason}）。機械が混みすぎていないか確かめてください。",
                f"an exchange of the measurement was not answered ({outcome} {state.error.reason}). Is the machine too busy?",
            )

    def _question(self) -> pb.InquireRequest:
        self._turn += 1
        return pb.InquireRequest(
            institution=REQUESTER,
            request_id=self._unsampled(),
            addressee_no=str(self._turn % self.people),
            provider=PROVIDER,
            affair="JM90000000000101",
            procedure="JT90000000000101",
            item="TM90000000000001",
            span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
            office="国保年金課",
            clerk="c-1",
        )

    def _unsampled(self) -> str:
        """An id that the provider's clerks do not look at by sample: nobody is there to decide."""
        key = self.hosts["tax"].interim(PROVIDER).ground.sample_key
        return next(one for one in iter(lambda: str(uuid4()), "") if not sampled(key, one))

    async def head(self) -> tuple[int, int]:
        """Leaves in the log's newest head, and in the newest that was witnessed."""
        stub = self.peers.stub(log_pb2_grpc.LogServiceStub, "gateway", REQUESTER)
        shown = await stub.GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT_MS / 1000)
        return _size(shown.committed), _size(shown.witnessed)


def _size(note: str) -> int:
    return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").size if note else 0


@asynccontextmanager
async def network(state: Path, gateway: str, people: int, *, witnessed: bool) -> AsyncIterator[Network]:
    """A network in `state`, up and filled, while the block lasts; `gateway` is the kind of child."""
    await asyncio.to_thread(_provision, state)
    async with AsyncExitStack() as stack:
        kinds = {"gateway": gateway} | ({"watchdog": "watchdog"} if witnessed else {})
        children = {name: Child(state / name, kind) for name, kind in kinds.items()}
        for child in children.values():
            stack.callback(child.end)
        hosts: dict[str, InterimHost] = {}
        async with serve(state / "numbering", build_numbering) as numbering:
            for party in ("tax", "health_insurance"):
                running = await stack.enter_async_context(serve(state / party, _agency(hosts, party)))
                peers = running.context.peers
                await _found(peers, PARTIES[party][0], children["gateway"])
                await running.jobs.settle()
            await _fill(state, numbering.address, hosts, people)
        yield Network(children["gateway"], hosts, peers, people)


async def _found(peers: Peers, identity: str, gateway: Child) -> None:
    """Wait until the gateway serves."""
    ready = asyncio.ensure_future(peers.channel("gateway", identity).channel_ready())
    deadline = time.monotonic() + UP_WITHIN
    while not ready.done():
        if gateway.ended() or time.monotonic() > deadline:
            ready.cancel()
            raise ToldError(
                "測定用のゲートウェイが起動しません。理由は上のとおりです。",
                "the gateway of the measurement does not start, for the reason above.",
            )
        await asyncio.wait([ready], timeout=0.1)
    await ready


def check_path(state: Path) -> None:
    """See that the network's sockets can lie in this folder.

    Raises:
        ToldError: its path is too long.
    """
    try:
        control_address(state / max(PARTIES, key=len))
    except ValueError as error:
        raise ToldError(
            f"{state} のパスは長すぎて、ソケットを置けません。--disk でもっと短いパスのフォルダーを選んでください。",
            f"the path {state} is too long for a socket in it: choose a folder with a shorter path with --disk.",
        ) from error


def _provision(state: Path) -> None:
    provision(state, PARTIES)
    addresses = dict(zip(PARTIES, free_addresses(len(PARTIES)), strict=True))
    for party, codes in PARTIES.items():
        institutions = tuple(code for code in codes if code != "main")
        simulation = Simulation(SEED, START, stopped=True)
        Config(party, addresses[party], addresses, institutions, simulation).save(state / party)


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine that nobody listens on: all are held until the last is found, so that they differ."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{probe.getsockname()[1]}" for probe in probes]
    for probe in probes:
        probe.close()
    return addresses


def _agency(hosts: dict[str, InterimHost], party: str) -> Build:
    async def build(context: Context) -> Party:
        host = hosts[party] = InterimHost(context)
        jobs = {name: job for name, job in host.jobs.items() if name != DETECTION}
        return Party(host.services, jobs, host.checks, host.view, host.start, host.close)

    return build


async def _fill(state: Path, numbering: str, hosts: dict[str, InterimHost], people: int) -> None:
    """People, known to numbering and to both institutions, with a tax year each."""
    items = [person(number) for number in range(people)]
    folder = state / "simulator" / "identities" / "main"
    root, *pair = (
        path.read_bytes()
        for path in (state / "simulator" / "trust" / "ca.pem", folder / "cert.pem", folder / "key.pem")
    )
    async with open_channel(numbering, "numbering", root, pair[0], pair[1]) as channel:
        requests = [
            numbering_pb2.RegisterRequest(
                institution="simulator",
                basic_items=one,
                resident_code=resident_code.derive(b"people of measurements", number),
            )
            for number, one in enumerate(items)
        ]
        async for response in numbering_pb2_grpc.RegisterServiceStub(channel).Register(iter(requests)):
            _check(response.HasField("error"), response)
    for party, code in (("health_insurance", REQUESTER), ("tax", PROVIDER)):
        asked = [
            pb.EnrolRequest(institution=code, addressee_no=str(number), basic_items=one)
            for number, one in enumerate(items)
        ]
        for enrolled in await hosts[party].interim(code).enrol(asked):
            _check(enrolled.HasField("error"), enrolled)
    for registered in await hosts["tax"].interim(PROVIDER).register_copies(copies(people)):
        _check(registered.HasField("error"), registered)


def _check(failed: bool, response: object) -> None:
    if failed:
        raise RuntimeError(f"the measured network cannot be filled: {response}")


def person(number: int) -> common_pb2.BasicItems:
    """One of the people of measurements."""
    return common_pb2.BasicItems(
        name=f"測定　花子{number}",
        kana="ソクテイ　ハナコ",
        address=f"青凪市港町{number + 1}番地",
        birth_date=f"{1950 + number % 50}-05-{1 + number % 28:02d}",
        sex=common_pb2.SEX_FEMALE,
    )


def copies(people: int) -> Sequence[pb.RegisterCopiesRequest]:
    """A tax year of each."""
    content = items_pb2.ItemContent(
        local_tax=items_pb2.LocalTaxInfo(
            tax_year=2025, municipality="480011", total_income_yen=1_234_567, tax_class=items_pb2.TAX_CLASS_TAXED
        )
    )
    return [
        pb.RegisterCopiesRequest(
            institution=PROVIDER,
            record_id=f"tax-{number}",
            change=pb.COPY_CHANGE_NEW,
            addressee_no=str(number),
            item="TM90000000000001",
            record_key="2025",
            layout_version="2026-06",
            about=common_pb2.Period(first_day="2025-04-01", last_day="2026-03-31"),
            content=content,
        )
        for number in range(people)
    ]
