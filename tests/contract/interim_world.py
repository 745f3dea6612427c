"""A network of real parties for the interim server's contract: gateway, numbering, supervisor, two agencies' interim servers; over real mTLS.

The agencies are interim servers without a business system: the tests are that. All parties share one clock that tests move.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from ports import free_port
from sqlalchemy import func, select
from town import code_of, person

from warifu.authority import provision
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.gateway.party import build as build_gateway
from warifu.interim.host import InterimHost
from warifu.interim.institution import Interim
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.items.v1 import items_pb2
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Config, Simulation
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.party import Build, Context, Party
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.numbering.party import build as build_numbering
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.watchdog.party import build as build_watchdog

NHI, OTHER_NHI, INSURER = "nhi-480029", "nhi-490016", "insurer-06480016"
TAX, OTHER_TAX = "tax-480011", "tax-490016"
PORTAL = "portal-main"
PARTIES = {
    "gateway": ["main"],
    "numbering": ["main"],
    "tax": [TAX, OTHER_TAX],
    "health_insurance": [NHI, OTHER_NHI, INSURER],
    "portal": [PORTAL],
    "simulator": ["main"],
    "watchdog": ["main"],
}
AGENCIES = ("tax", "health_insurance")
PARTY_OF = {code: party for party, codes in PARTIES.items() for code in codes if code != "main"}
START = "2026-06-10T09:00:00+09:00"
SEED = 11
WAIT = 20.0
WAIT_MS = 15_000
TAX_ITEM = "TM90000000000001"


class MovableClock(SimulatedClock):
    """A simulated clock whose machine time can be moved as well."""

    offset = timedelta(0)

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return datetime.now(tz=UTC) + self.offset


@dataclass
class World:
    """The network. Parties come up and go down by name, on ports that stay."""

    state: Path
    clock: MovableClock = field(default_factory=lambda: MovableClock(datetime.fromisoformat(START), stopped=True))
    running: dict[str, Running] = field(default_factory=dict)
    hosts: dict[str, InterimHost] = field(default_factory=dict)
    builds: dict[str, Build] = field(default_factory=dict)
    """Parties that are not what they should be."""
    _up: dict[str, AsyncExitStack] = field(default_factory=dict)
    _channels: list[grpc.aio.Channel] = field(default_factory=list)
    _ids: int = 0

    @classmethod
    async def begin(cls, state: Path, **builds: Build) -> World:
        """All parties up, keys published; those named are built in another way."""
        provision(state, PARTIES, counters=[NHI, TAX])
        world = cls(state, builds=builds)
        addresses = {party: f"127.0.0.1:{free_port()}" for party in PARTIES}
        for party, codes in PARTIES.items():
            own = tuple(code for code in codes if code != "main")
            simulation = Simulation(SEED, START, stopped=True)
            Config(party, addresses[party], addresses, own, simulation).save(state / party)
        for party in ("watchdog", "gateway", "numbering", "tax", "health_insurance"):
            await world.up(party)
        await world.settle()
        return world

    async def up(self, party: str) -> None:
        """Start a party. The channels that the others keep to it have found it when this returns."""

        async def build_agency(context: Context) -> Party:
            host = self.hosts[party] = InterimHost(context)
            return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)

        builds = {"gateway": build_gateway, "numbering": build_numbering, "watchdog": build_watchdog, **self.builds}
        stack = AsyncExitStack()
        serving = serve(self.state / party, builds.get(party, build_agency), clock=self.clock)
        self.running[party] = await stack.enter_async_context(serving)
        self._up[party] = stack
        await asyncio.wait_for(asyncio.gather(*(one.channel_ready() for one in self._towards(party))), WAIT)

    def _towards(self, party: str) -> Iterator[grpc.aio.Channel]:
        """The running parties' channels to a party: one that was refused pauses, and calls fail at once meanwhile."""
        callers = {"gateway": (*AGENCIES, "numbering", "watchdog"), "numbering": AGENCIES}.get(party, ("gateway",))
        for caller in callers:
            if caller in self.running:
                peers = self.running[caller].context.peers
                yield from (peers.channel(party, identity) for identity in PARTIES[caller])

    async def down(self, party: str) -> None:
        """Stop a party."""
        await self._up.pop(party).aclose()
        del self.running[party]

    async def end(self) -> None:
        """Stop everything."""
        for channel in self._channels:
            await channel.close()
        for party in reversed(list(self._up)):
            await self.down(party)

    async def settle(self) -> None:
        """Run every party's jobs until nothing is due."""
        for _ in range(3):
            for running in self.running.values():
                await running.jobs.settle()

    def interim(self, code: str) -> Interim:
        """The plain face in process."""
        return self.hosts[PARTY_OF[code]].interim(code)

    def channel(self, party: str, caller: str, code: str) -> grpc.aio.Channel:
        """A new channel to `party` under the certificate of (caller, code); caller "counter" is a counter terminal."""
        folder = self.state / "counters" / code if caller == "counter" else self.state / caller / "identities" / code
        root = (self.state / "gateway" / "trust" / "ca.pem").read_bytes()
        pair = (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()
        channel = open_channel(self.running[party].address, party, root, *pair)
        self._channels.append(channel)
        return channel

    def face(self, code: str, caller: str | None = None) -> interim_pb2_grpc.InterimServiceAsyncStub:
        """The plain face of an institution over the network, by its own certificate or its counter's."""
        party = PARTY_OF[code]
        return interim_pb2_grpc.InterimServiceStub(self.channel(party, caller or party, code))

    async def register(self, people: Iterable[common_pb2.BasicItems]) -> None:
        """Make people known to numbering, with the resident codes 0, 1, 2, …."""
        stub = numbering_pb2_grpc.RegisterServiceStub(self.channel("numbering", "simulator", "main"))
        requests = [
            numbering_pb2.RegisterRequest(institution="simulator", basic_items=items, resident_code=code_of(n))
            for n, items in enumerate(people)
        ]
        async for response in stub.Register(iter(requests)):
            assert not response.HasField("error"), response

    async def enrol(self, code: str, number: str, index: int = 0) -> pb.EnrolResponse:
        """Enrol person `index` under an addressee number."""
        request = pb.EnrolRequest(institution=code, addressee_no=number, basic_items=person(index))
        (response,) = await self.interim(code).enrol([request])
        return response

    def unsampled(self, provider: str = TAX) -> str:
        """A request id that the provider's sample check does not draw."""
        while True:
            self._ids += 1
            request_id = f"00000000-0000-4000-8000-{self._ids:012d}"
            if not sampled(self.interim(provider).ground.sample_key, request_id):
                return request_id

    def question(self, number: str = "1", **changes) -> pb.InquireRequest:
        """A question that row P07 allows: a municipal insurer asks another city's tax office for a tax year."""
        values = {
            "institution": NHI,
            "request_id": self.unsampled(changes.get("provider", TAX)),
            "addressee_no": number,
            "provider": TAX,
            "affair": AFFAIR,
            "procedure": PROCEDURE,
            "item": TAX_ITEM,
            "span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
            "office": "国保年金課",
            "clerk": "c-17",
            **changes,
        }
        return pb.InquireRequest(**values)

    async def ask(self, question: pb.InquireRequest) -> pb.InquiryState:
        """Ask in process and wait for what can be known at once."""
        interim = self.interim(question.institution)
        receipt = await interim.inquire(question)
        return await self.collect(question.institution, receipt.request_id)

    async def collect(self, code: str, request_id: str) -> pb.InquiryState:
        """The inquiry's state."""
        request = pb.CollectRequest(institution=code, request_id=request_id, wait_ms=WAIT_MS)
        return (await self.interim(code).collect(request)).inquiry

    async def records(self, code: str) -> list[ex.AccessRecord]:
        """An institution's own records."""
        response = await self.interim(code).list_records(pb.ListRecordsRequest(institution=code))
        return [ex.AccessRecord.FromString(one.record.record) for one in response.records]


REQUESTED = (ex.RECORD_KIND_REQUEST, 0, 0)
PROVIDED, NO_RECORD, NOT_REGISTERED, WITHHELD, PENDING = (
    ex.FINE_OUTCOME_PROVIDED,
    ex.FINE_OUTCOME_NO_RECORD,
    ex.FINE_OUTCOME_NOT_REGISTERED,
    ex.FINE_OUTCOME_WITHHELD,
    ex.FINE_OUTCOME_PENDING,
)
AFFAIR, PROCEDURE = "JM90000000000101", "JT90000000000101"


def tax(year: int = 2025, income: int = 1_234_567, **changes) -> items_pb2.ItemContent:
    """One tax year of somebody."""
    values = {"tax_year": year, "municipality": "480011", "total_income_yen": income, "tax_class": 3, **changes}
    return items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(**values))


def copy(record_id: str, number: str = "1", year: int = 2025, **changes) -> pb.RegisterCopiesRequest:
    """A copy of one tax year, about its fiscal year."""
    values = {
        "institution": TAX,
        "record_id": record_id,
        "change": pb.COPY_CHANGE_NEW,
        "addressee_no": number,
        "item": TAX_ITEM,
        "record_key": str(year),
        "layout_version": "2026-06",
        "about": common_pb2.Period(first_day=f"{year}-04-01", last_day=f"{year + 1}-03-31"),
        "content": tax(year),
        **changes,
    }
    return pb.RegisterCopiesRequest(**values)


def protect(institution: str, **flags: bool) -> pb.SetProtectionRequest:
    """Flags of the person."""
    return pb.SetProtectionRequest(institution=institution, addressee_no="1", reason="支援措置", **flags)


def release(permit_id: str, decision: pb.ReviewDecision.ValueType) -> pb.ReleaseReviewRequest:
    """A clerk's decision at the tax office."""
    return pb.ReleaseReviewRequest(institution=TAX, permit_id=permit_id, decision=decision, clerk="t-3")


def count(world: World, code: str, table) -> int:
    """Rows of an institution's table."""
    store = world.interim(code).ground.store
    return store.read(lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one())


def outcomes(records: list[ex.AccessRecord]) -> list[tuple[int, int, int]]:
    """Kind, outcome, fine outcome of each record."""
    return [(one.kind, one.outcome, one.fine_outcome) for one in records]


def seen_by_the_gateway(world: World, request_id: str) -> tuple[int, int]:
    """What the gateway could tell answers apart by: outcome and size."""
    exchange = next(one for one in world.running["gateway"].party.view(request_id) if one.where == "gateway/exchange")
    values = {value.name: value for value in exchange.values}
    return int(values["outcome"].text), len(values["answer"].raw)


async def reason_of(call: Awaitable[object], party: str = "") -> Reason:
    """Why a call is refused, in process or over the network."""
    try:
        await call
    except LinkageError as error:
        return error.reason
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error, party=party).reason
    raise AssertionError("the call was not refused")
