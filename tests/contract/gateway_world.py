"""A network around a real gateway: real mTLS, real stores, and a provider and a portal that do what the contract asks and no more."""

# ruff: noqa: N802 - handlers have the names of the contract
from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from ports import free_port
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from unit.gateway.samples import PROVIDER, REQUESTER, header, resident_code
from unit.gateway.samples import inquire as make_inquiry
from unit.gateway.samples import inquire_many as make_inquiries

from warifu.authority import provision
from warifu.control.v1 import control_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange import domains
from warifu.exchange.answer import SALT_SIZE, open_answer, seal_answers
from warifu.exchange.directory import make_entry, verify_entry
from warifu.exchange.header import header_hash
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.permit import CheckedPermit, PermitChecker, check_window
from warifu.exchange.record import check
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.codes import SivScheme, token_secret
from warifu.gateway.party import build as build_gateway
from warifu.interim.host import InterimHost
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Config, Simulation
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.kernel.store import sqlite_url
from warifu.kernel.trust import Trust
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc
from warifu.provision.v1 import provision_pb2, provision_pb2_grpc
from warifu.watchdog.party import build as build_watchdog

OTHER = "nhi-490016"
PORTAL = "portal-main"
PARTIES = {
    "gateway": ["main"],
    "numbering": ["main"],
    "tax": [PROVIDER],
    "health_insurance": [REQUESTER, OTHER],
    "portal": [PORTAL],
    "watchdog": ["main"],
}
START = "2026-06-01T09:00:00+09:00"
SEED = 20260401
ANSWER_CANARY = "canary-of-the-answer"
PERSON = resident_code(42)
"""The resident code of the person whom the tests ask about."""
WAIT = 20.0


class MovableClock(SimulatedClock):
    """A simulated clock whose machine time can be moved as well."""

    offset = timedelta(0)

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return datetime.now(tz=UTC) + self.offset


class Provider(provision_pb2_grpc.ProvisionServiceServicer):
    """A provider: checks permits, looks up once, keeps its answer, gives it again for the same permit."""

    def __init__(self) -> None:
        self.keys = InstitutionKeys.generate(PROVIDER)
        self.gateway: InstitutionKeys | None = None
        self.requesters: dict[str, InstitutionKeys] = {}
        self.calls: list[CheckedPermit] = []
        self.look_ups = 0
        self.batches: list[tuple[int, int]] = []
        """Permits and query blocks of each call."""
        self.kept: dict[bytes, tuple[pb.SealedAnswer, int, int]] = {}
        """Block, place in it, and outcome, by permit hash."""
        self.outcome = pb.FINE_OUTCOME_PROVIDED
        self.non_disclosure = False
        self.failure: LinkageError | None = None
        self.waiting: set[str] = set()
        """Permits whose answers wait for a clerk, by id."""
        self.failures: dict[str, LinkageError] = {}
        """Of single permits, by id."""
        self.arrived: Callable[[CheckedPermit], Awaitable[None]] | None = None
        self.leaving: Callable[[], Awaitable[None]] | None = None
        self.spoil: Callable[[provision_pb2.ProvideResponse], None] | None = None
        self.clock = MovableClock(datetime.fromisoformat(START), stopped=True)

    async def Provide(self, request, context):
        """See the contract."""
        key = self.gateway.verifying_key
        checker = PermitChecker(PROVIDER, lambda key_id: key if key_id == key.key_id else None)
        checked = [checker.check(one) for one in request.permits]
        self.batches.append((len(request.permits), len(request.queries)))
        self.calls += checked
        if self.arrived is not None:
            for one in checked:
                await self.arrived(one)
        response = provision_pb2.ProvideResponse()
        self._answer([one for one in checked if not self._fails(one)])
        places: dict[int, int] = {}
        for one in checked:
            self._say(response, one, places)
        if self.leaving is not None and self.failure is None:
            await self.leaving()
        if self.spoil is not None:
            self.spoil(response)
        return response

    def _fails(self, checked: CheckedPermit) -> bool:
        return self.failure is not None or checked.permit.permit_id in self.failures

    def _say(self, response: provision_pb2.ProvideResponse, checked: CheckedPermit, places: dict[int, int]) -> None:
        if self._fails(checked):
            failure = self.failure or self.failures[checked.permit.permit_id]
            response.results.add(outcome=pb.OUTCOME_ERROR, error=failure.failure())
            return
        sealed, place, outcome = self.kept[checked.permit_hash]
        if id(sealed) not in places:
            places[id(sealed)] = len(response.answers)
            response.answers.append(sealed)
        block, hidden = places[id(sealed)], self.non_disclosure
        response.results.add(outcome=outcome, answer_block=block, answer_index=place, non_disclosure=hidden)

    def _answer(self, checked: list[CheckedPermit]) -> None:
        new = []
        for one in checked:
            known = self.kept.get(one.permit_hash)
            if known is None:
                check_window(one, self.clock.machine())
            if known is None or known[2] == pb.OUTCOME_PENDING:
                self.look_ups += not self._waits(one)
                new.append(one)
        if not new:
            return
        recipient = self.requesters[new[0].header.requester].sealing_key
        answers = [self._made(one) for one in new]
        sealed = seal_answers(answers, recipient, self.keys.signing_key_id, self.keys.sign)
        for place, one in enumerate(new):
            outcome = pb.OUTCOME_PENDING if self._waits(one) else pb.OUTCOME_ANSWERED
            self.kept[one.permit_hash] = sealed, place, outcome

    def _waits(self, checked: CheckedPermit) -> bool:
        return self.outcome == pb.FINE_OUTCOME_PENDING or checked.permit.permit_id in self.waiting

    def _made(self, checked: CheckedPermit) -> pb.Answer:
        return pb.Answer(
            header_hash=checked.header_hash,
            permit_hash=checked.permit_hash,
            provider=PROVIDER,
            requester=checked.header.requester,
            outcome=pb.FINE_OUTCOME_PENDING if self._waits(checked) else self.outcome,
            salt=bytes(SALT_SIZE),
            records=[pb.Record(record_key=ANSWER_CANARY)],
        )


class Portal(portal_pb2_grpc.DeliveryServiceServicer):
    """A portal that opens what it gets."""

    def __init__(self) -> None:
        self.keys = InstitutionKeys.generate(PORTAL)
        self.received: list[tuple[str, portal_pb2.ShownRecord]] = []
        self.acknowledges = True

    async def Deliver(self, request, context):
        """Open, keep, acknowledge."""
        plain = self.keys.open(request.key_id, request.sealed, domains.DELIVERY_SEAL)
        records = portal_pb2.Deliveries.FromString(plain).records
        ids = [check(pb.CommittedRecord.FromString(one.request)).request_id for one in records]
        self.received += zip(ids, records, strict=True)
        return portal_pb2.DeliverResponse(stored=ids if self.acknowledges else [])


@dataclass
class World:
    """The network. Parties come up and go down by name, on ports that stay."""

    state: Path
    provider: Provider = field(default_factory=Provider)
    portal: Portal = field(default_factory=Portal)
    keys: dict[str, InstitutionKeys] = field(default_factory=dict)
    clock: MovableClock = field(default_factory=lambda: MovableClock(datetime.fromisoformat(START), stopped=True))
    interim: bool = False
    """The provider is the real interim server, not the one of this file."""
    database: URL | None = None
    """Where the gateway keeps its store, if not in its folder."""
    _up: dict[str, AsyncExitStack] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @classmethod
    async def begin(cls, state: Path, *, interim: bool = False, database: URL | None = None) -> World:
        """A network with gateway, provider and portal up and their keys published."""
        provision(state, PARTIES, counters=[REQUESTER])
        world = cls(state, interim=interim, database=database)
        ports = {party: free_port() for party in PARTIES}
        addresses = {party: f"127.0.0.1:{port}" for party, port in ports.items()}
        for party, codes in PARTIES.items():
            Config(
                party,
                addresses[party],
                addresses,
                tuple(code for code in codes if code != "main"),
                simulation=Simulation(SEED, START, stopped=True) if party == "gateway" else None,
                database_url=_rendered(database) if party == "gateway" else None,
            ).save(state / party)
        await world.up("watchdog")
        await world.up("gateway")
        for code, party in ((REQUESTER, "health_insurance"), (OTHER, "health_insurance")):
            world.keys[code] = InstitutionKeys.generate(code)
            await world.publish(party, code, world.keys[code])
        if not interim:
            await world.publish("tax", PROVIDER, world.provider.keys)
        await world.publish("portal", PORTAL, world.portal.keys)
        world.keys[PORTAL] = world.portal.keys
        world.provider.requesters = world.keys
        world.provider.gateway = InstitutionKeys.load_or_create(state / "gateway" / "secrets", "gateway")
        await world.up("tax")
        await world.up("portal")
        if interim:
            await world.running["tax"].jobs.settle()  # it publishes its own entry
            world.provider.keys = InstitutionKeys.load_or_create(state / "tax" / "secrets", PROVIDER)
        return world

    async def up(self, party: str, *, witnessed: bool = True) -> None:
        """Start a party. Where the gateway calls it, the gateway's channel has found it when this returns."""
        provision_service = _build(
            "warifu.provision.v1.ProvisionService",
            provision_pb2_grpc.add_ProvisionServiceServicer_to_server,
            self.provider,
        )
        builds = {
            "gateway": build_gateway,
            "watchdog": _build_witness,
            "tax": _build_interim if self.interim else provision_service,
            "portal": _build(
                "warifu.portal.v1.DeliveryService", portal_pb2_grpc.add_DeliveryServiceServicer_to_server, self.portal
            ),
        }
        stack = AsyncExitStack()
        clock = self.clock if party == "gateway" else None
        self.running[party] = await stack.enter_async_context(serve(self.state / party, builds[party], clock=clock))
        self._up[party] = stack
        if party == "gateway" and witnessed:
            await _be_witnessed(self.running[party])
        elif party != "gateway" and "gateway" in self._up:
            # A channel that was refused pauses before it tries again, and calls fail at once meanwhile.
            channel = self.running["gateway"].context.peers.channel(party)
            await asyncio.wait_for(channel.channel_ready(), WAIT)

    async def down(self, party: str) -> None:
        """Stop a party."""
        await self._up.pop(party).aclose()

    async def restart(self, party: str) -> None:
        """Stop and start it."""
        await self.down(party)
        await self.up(party)

    async def end(self) -> None:
        """Stop everything."""
        for channel in self._channels:
            await channel.close()
        for party in ("gateway", "tax", "portal", "watchdog"):
            if party in self._up:
                await self.down(party)

    async def settle(self) -> dict[str, int]:
        """Run the gateway's jobs until nothing is due."""
        return dict(await self.running["gateway"].jobs.settle())

    @property
    def store_url(self) -> URL:
        """The gateway's store."""
        return self.database or sqlite_url(self.state / "gateway" / "gateway.db")

    def in_store(self, statement: str, **values) -> list[tuple]:
        """Run a statement in the gateway's store as another process would; the rows it gives, if any."""
        engine = create_engine(self.store_url)
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[Running]:
        """A second gateway process' worth of gateway, with the same keys, on the same store."""
        folder = self.state / "replica"
        shutil.copytree(self.state / "gateway", folder, ignore=shutil.ignore_patterns("*.sock", "*.db*"))
        config = Config.load(self.state / "gateway")
        replace(config, listen="127.0.0.1:0", database_url=_rendered(self.store_url)).save(folder)
        async with serve(folder, build_gateway, clock=self.clock) as running:
            await _be_witnessed(running)
            yield running

    def channel(self, party: str, code: str, gateway: Running | None = None) -> grpc.aio.Channel:
        """A new channel to the gateway under that identity."""
        folder = self.state / party / "identities" / code
        root = (self.state / "gateway" / "trust" / "ca.pem").read_bytes()
        certificate, key = (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()
        address = (gateway or self.running["gateway"]).address
        channel = open_channel(address, "gateway", root, certificate, key)
        self._channels.append(channel)
        return channel

    def linkage(self, code: str = REQUESTER, party: str = "health_insurance") -> linkage_pb2_grpc.LinkageServiceStub:
        """The exchange's face, for an institution."""
        return linkage_pb2_grpc.LinkageServiceStub(self.channel(party, code))

    def directory(self, code: str, party: str) -> linkage_pb2_grpc.DirectoryServiceStub:
        """The directory's face."""
        return linkage_pb2_grpc.DirectoryServiceStub(self.channel(party, code))

    def enrolment(self, party: str, code: str) -> enrolment_pb2_grpc.EnrolmentServiceStub:
        """Enrolment's face."""
        return enrolment_pb2_grpc.EnrolmentServiceStub(self.channel(party, code))

    def trust(self) -> Trust:
        """What everyone trusts."""
        return Trust(self.state / "gateway")

    def entry(self, party: str, code: str, keys: InstitutionKeys, version: int = 1) -> pb.SignedDirectoryEntry:
        """An institution's own entry, signed with its certificate."""
        folder = self.state / party / "identities" / code
        certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        now = datetime.now(tz=UTC)
        return make_entry(keys, version, (now, now + timedelta(days=7)), certificate, key)

    async def publish(self, party: str, code: str, keys: InstitutionKeys, version: int = 1) -> None:
        """Publish it."""
        request = linkage_pb2.PublishEntryRequest(entry=self.entry(party, code, keys, version))
        await self.directory(code, party).PublishEntry(request, timeout=WAIT)

    async def code(self, institution: str, party: str, resident_code: str) -> pb.SubjectReference:
        """Enrol a person at an institution, by the front doors."""
        number = f"{institution}/{resident_code}".encode()[-16:].rjust(16, b"-")
        deposit = enrolment_pb2.Deposit(acquisition_number=number, resident_code=resident_code)
        await self.enrolment("numbering", "main").Deposit(
            enrolment_pb2.DepositRequest(institution=institution, deposits=[deposit]), timeout=WAIT
        )
        claim = enrolment_pb2.ClaimRequest(acquisition_numbers=[number])
        response = await self.enrolment(party, institution).Claim(claim, timeout=WAIT)
        return response.results[0].subject

    def ask(self, subject: pb.SubjectReference, **changes) -> linkage_pb2.InquireRequest:
        """An inquiry that the law book allows, about a person."""
        return make_inquiry(header(**changes), subject, self.provider.keys.sealing_key)

    def ask_many(
        self, subject: pb.SubjectReference, number: int = 0, *headers: pb.RequestHeader
    ) -> linkage_pb2.InquireManyRequest:
        """So many inquiries that the law book allows, and others with given headers, about a person."""
        asked = [*(header() for _ in range(number)), *headers]
        return make_inquiries(asked, subject, self.provider.keys.sealing_key)

    def open(self, call: linkage_pb2.InquireRequest, state: linkage_pb2.ExchangeState) -> pb.Answer:
        """The answer as its requester reads it, with everything checked."""
        asked = pb.Inquiry.FromString(call.inquiry)
        own = self.keys[pb.RequestHeader.FromString(asked.header).requester]
        return open_answer(
            state.answer,
            state.answer_index,
            own,
            self.provider.keys.verifying_key,
            header_hash(asked.header),
            state.permit_hash,
        )

    async def records(self, code: str = REQUESTER, party: str = "health_insurance") -> list[pb.AccessRecord]:
        """All records that an institution sees."""
        stub = linkage_pb2_grpc.GatewayAuditServiceStub(self.channel(party, code))
        response = await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)
        return [pb.AccessRecord.FromString(one.record.record) for one in response.records]

    def view(self, request_id: str) -> list[control_pb2.Holding]:
        """The gateway's holdings for one exchange."""
        return list(self.running["gateway"].party.view(request_id))


def request_id_of(call: linkage_pb2.InquireRequest) -> str:
    """The id inside an inquiry."""
    return pb.RequestHeader.FromString(pb.Inquiry.FromString(call.inquiry).header).request_id


async def inquire(world: World, call: linkage_pb2.InquireRequest, code: str = REQUESTER) -> linkage_pb2.ExchangeState:
    """The exchange that an inquiry leads to."""
    return (await world.linkage(code).Inquire(call, timeout=WAIT)).exchange


async def collect(world: World, call: linkage_pb2.InquireRequest, code: str = REQUESTER) -> linkage_pb2.ExchangeState:
    """The exchange as it stands."""
    request = linkage_pb2.CollectRequest(request_id=request_id_of(call))
    return (await world.linkage(code).Collect(request, timeout=WAIT)).exchange


def expected_code(world: World, institution: str, person: str = PERSON) -> pb.SubjectReference:
    """The code that an institution must have, derived beside the gateway."""
    return SivScheme(token_secret(world.state, SEED)).derive(person, institution)


def _rendered(url: URL | None) -> str | None:
    return url.render_as_string(hide_password=False) if url is not None else None


async def reason_of(call: Awaitable[object]) -> Reason:
    """Why a call is refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error, party="gateway").reason
    raise AssertionError("the call was not refused")


async def gateway_entry(world: World):
    """The gateway's own entry, verified."""
    response = await world.directory(REQUESTER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner="gateway"), timeout=WAIT
    )
    return verify_entry(response.entry, world.trust(), datetime.now(tz=UTC))


def _build(name, add, servicer):
    async def build(context: Context) -> Party:
        return Party([Service(name, add, servicer)])

    return build


async def _be_witnessed(gateway: Running) -> None:
    """Wait for the witness, as a gateway does before it exchanges anything."""
    await asyncio.wait_for(gateway.context.peers.channel("watchdog").channel_ready(), WAIT)
    await gateway.party.jobs["witness"]()


async def _build_witness(context: Context) -> Party:
    """The watchdog, but it rules nothing by itself: what it would tell the gateway is newer than what a test rules in its name."""
    party = await build_watchdog(context)
    return replace(party, jobs={name: job for name, job in party.jobs.items() if name != "rulings"})


async def _build_interim(context: Context) -> Party:
    host = InterimHost(context)
    return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)
