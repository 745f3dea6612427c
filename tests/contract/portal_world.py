"""The real portal and the real card service between the real numbering body and the real gateway, with a provider of paper, in one process."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from contract.gateway_world import Provider
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from ports import free_port
from unit.gateway.samples import PROVIDER, REQUESTER, header, inquire

from warifu.authority import Authority, provision
from warifu.common.v1 import common_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.party import build as build_gateway
from warifu.kernel.config import Config, Simulation, Web
from warifu.kernel.party import Build, Context, Party, Service
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.numbering.keys import simulated
from warifu.numbering.party import build as build_numbering
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.numbers import individual_number, resident_code
from warifu.portal.party import build as build_portal
from warifu.provision.v1 import provision_pb2_grpc
from warifu.simulator.cards import client, tray
from warifu.simulator.cards.person import DemoPerson
from warifu.simulator.party import build as build_simulator
from warifu.watchdog.party import build as build_watchdog

SEED = 11
NOW = "2026-06-01T09:00:00+09:00"
CITY = "residency-480011"
WAIT = 15.0
PARTIES = {
    "numbering": ["main"],
    "gateway": ["main"],
    "portal": ["portal-main"],
    "simulator": ["main"],
    "watchdog": ["main"],
    "tax": [PROVIDER],
    "residency": [CITY],
    "health_insurance": [REQUESTER],
}
CODE = resident_code.derive(simulated(SEED, "codes"), 1)
ITEMS = common_pb2.BasicItems(
    name="汐見　花",
    kana="シオミ　ハナ",
    address="瑞原県青凪市汐見台1丁目2番3号",
    birth_date="1991-02-03",
    sex=common_pb2.SEX_FEMALE,
)
HANA = DemoPerson(
    "p000001",
    "汐見 花",
    "シオミ ハナ",
    ("one",),
    ITEMS,
    individual_number.derive(simulated(SEED, "numbers"), CODE, 0),
    "4273",
)


@dataclass
class World:
    """The network. Parties come up and go down by name, on ports that stay."""

    state: Path
    authority: Authority
    ports: dict[str, int]
    provider: Provider = field(default_factory=Provider)
    running: dict[str, Running] = field(default_factory=dict)
    _up: dict[str, AsyncExitStack] = field(default_factory=dict)
    _channels: dict[tuple[str, str, str], grpc.aio.Channel] = field(default_factory=dict)
    subject: pb.SubjectReference | None = None

    @classmethod
    async def begin(cls, state: Path) -> World:
        """A network with everyone up, one person registered, with a card on the tray and a code at the requester."""
        world = cls(
            state, provision(state, PARTIES), {name: free_port() for name in [*PARTIES, "portal-web", "card-web"]}
        )
        world._configure()
        people = tray.open_store(state / "simulator")
        await tray.fill(people, [HANA])
        people.close()
        for party in ("numbering", "watchdog", "gateway", "tax", "portal", "simulator"):
            await world.up(party)
        await world._register()
        requester = InstitutionKeys.generate(REQUESTER)
        await world._publish("tax", PROVIDER, world.provider.keys)
        await world._publish("health_insurance", REQUESTER, requester)
        world.provider.requesters = {REQUESTER: requester}
        world.provider.gateway = InstitutionKeys.load_or_create(state / "gateway" / "secrets", "gateway")
        await world.running["portal"].jobs.settle()
        world.subject = await world._code()
        return world

    async def up(self, party: str) -> None:
        """Start a party."""
        builds: dict[str, Build] = {
            "numbering": build_numbering,
            "gateway": build_gateway,
            "portal": build_portal,
            "simulator": build_simulator,
            "watchdog": build_watchdog,
            "tax": self._build_provider,
        }
        stack = AsyncExitStack()
        self.running[party] = await stack.enter_async_context(serve(self.state / party, builds[party]))
        self._up[party] = stack

    async def down(self, party: str) -> None:
        """Stop a party."""
        await self._up.pop(party).aclose()

    async def end(self) -> None:
        """Stop everything."""
        for channel in self._channels.values():
            await channel.close()
        for party in list(self._up)[::-1]:
            await self.down(party)

    @property
    def urls(self) -> tuple[str, str]:
        """Portal and card service."""
        return f"http://portal.localhost:{self.ports['portal-web']}", f"http://card.localhost:{self.ports['card-web']}"

    async def log_in(self, pin: str = HANA.pin) -> client.Session:
        """Log Hana in, as the command line does."""
        return await asyncio.to_thread(client.login, *self.urls, HANA.person, pin)

    async def ask(self, **changes) -> str:
        """One exchange about Hana, from the inquiry to the delivery; its request id."""
        request = header(**changes)
        assert self.subject is not None
        call = inquire(request, self.subject, self.provider.keys.sealing_key)
        stub = linkage_pb2_grpc.LinkageServiceStub(self.channel("gateway", "health_insurance", REQUESTER))
        await stub.Inquire(call, timeout=WAIT)
        await self.running["gateway"].jobs.settle()
        return request.request_id

    async def delivered(self, request_id: str) -> None:
        """Wait until the portal holds the exchange; the gateway tries again once a second, and its channel has a pause of its own."""
        async with asyncio.timeout(WAIT):
            while not self.running["portal"].party.view(request_id):  # noqa: ASYNC110 - another party acts, not this one
                await asyncio.sleep(0.02)  # waits for a condition, with a deadline

    def channel(self, target: str, party: str, code: str) -> grpc.aio.Channel:
        """A kept channel to a party under a provisioned identity."""
        if (target, party, code) not in self._channels:
            folder = self.state / party / "identities" / code
            root = (self.state / party / "trust" / "ca.pem").read_bytes()
            pair = [(folder / name).read_bytes() for name in ("cert.pem", "key.pem")]
            address = f"127.0.0.1:{self.ports[target]}"
            self._channels[target, party, code] = open_channel(address, target, root, *pair)
        return self._channels[target, party, code]

    async def change_resident_code(self) -> None:
        """Hana asks for another resident code, and everyone who must learns of it."""
        stub = numbering_pb2_grpc.RegisterServiceStub(self.channel("numbering", "residency", CITY))
        await stub.ChangeResidentCode(
            numbering_pb2.ChangeResidentCodeRequest(institution=CITY, basic_items=ITEMS), timeout=WAIT
        )
        for party in ("numbering", "portal"):
            await self.running[party].jobs.settle()

    async def suspend(self) -> None:
        """Hana reports her card as lost."""
        stub = numbering_pb2_grpc.HelpLineServiceStub(self.channel("numbering", "portal", "portal-main"))
        await stub.Suspend(numbering_pb2.SuspendRequest(holder=ITEMS), timeout=WAIT)

    def _configure(self) -> None:
        addresses = {name: f"127.0.0.1:{self.ports[name]}" for name in PARTIES}
        origins = dict(zip(("portal", "card"), self.urls, strict=True))
        webs = {
            "portal": Web("portal.localhost", self.ports["portal-web"], origins),
            "simulator": Web("card.localhost", self.ports["card-web"], origins),
        }
        for name, codes in PARTIES.items():
            institutions = tuple(code for code in codes if code != "main")
            simulation = Simulation(SEED, NOW, stopped=True)
            Config(name, addresses[name], addresses, institutions, simulation, webs.get(name)).save(self.state / name)

    async def _register(self) -> None:
        stub = numbering_pb2_grpc.RegisterServiceStub(self.channel("numbering", "residency", CITY))
        request = numbering_pb2.RegisterRequest(institution=CITY, reference="1", basic_items=ITEMS, resident_code=CODE)
        answers = [answer async for answer in stub.Register(iter([request]), timeout=WAIT)]
        assert not answers[0].HasField("error"), answers

    async def _code(self) -> pb.SubjectReference:
        """Hana's code at the requester."""
        number = os.urandom(16)
        stub = numbering_pb2_grpc.NumberingServiceStub(self.channel("numbering", "health_insurance", REQUESTER))
        request = numbering_pb2.EnrolRequest(institution=REQUESTER, acquisition_number=number, basic_items=ITEMS)
        answers = [answer async for answer in stub.Enrol(iter([request]), timeout=WAIT)]
        assert not answers[0].HasField("error"), answers
        gateway = enrolment_pb2_grpc.EnrolmentServiceStub(self.channel("gateway", "health_insurance", REQUESTER))
        response = await gateway.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[number]), timeout=WAIT)
        return response.results[0].subject

    async def _publish(self, party: str, code: str, keys: InstitutionKeys) -> None:
        folder = self.state / party / "identities" / code
        certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        now = datetime.now(tz=UTC)
        entry = make_entry(keys, 1, (now, now + timedelta(days=1)), certificate, key)
        stub = linkage_pb2_grpc.DirectoryServiceStub(self.channel("gateway", party, code))
        await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=entry), timeout=WAIT)

    async def _build_provider(self, _context: Context) -> Party:
        add = provision_pb2_grpc.add_ProvisionServiceServicer_to_server
        return Party([Service("warifu.provision.v1.ProvisionService", add, self.provider)])
