"""Peers that are not who they should be, or no longer may: impostors on a party's port, revoked callers, forged permits' neighbours."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from contract.interim_world import NHI, OTHER_NHI, PARTY_OF, TAX, WAIT, World, copy
from cryptography import x509
from town import code_of, person

from warifu.authority import open_authority, publish_revocations
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.config import Config
from warifu.kernel.errors import Reason
from warifu.kernel.limits import ACQUISITION_LIFE


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An insurer that may ask a tax office about a person whom both know."""
    begun = await World.begin(tmp_path)
    try:
        await begun.register([person(0)])
        for code in (NHI, TAX):
            assert not (await begun.enrol(code, "1")).HasField("error")
        await begun.interim(TAX).register_copies([copy("r-1")])
        yield begun
    finally:
        await begun.end()


INQUIRE = "/warifu.linkage.v1.LinkageService/InquireMany"


class Eavesdropper(grpc.GenericRpcHandler):
    """Notes every call that reaches it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.called = asyncio.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> None:
        """See gRPC: nothing is served."""
        self.heard.append(handler_call_details.method)
        self.called.set()


def pair_of(folder: Path) -> tuple[bytes, bytes]:
    """Key and certificate in a folder, whatever their files are called."""
    name = "server" if (folder / "server.pem").exists() else "cert"
    key = folder / ("server.key" if name == "server" else "key.pem")
    return key.read_bytes(), (folder / f"{name}.pem").read_bytes()


@asynccontextmanager
async def impostor(world: World, party: str, folder: str) -> AsyncIterator[Eavesdropper]:
    """A server on the port of a party that is down, under the certificate in any folder of the network's state."""
    ear = Eavesdropper()
    key, certificate = pair_of(world.state / folder)
    root = (world.state / party / "trust" / "ca.pem").read_bytes()
    # It asks for no client certificate: an impostor takes whoever comes.
    credentials = grpc.ssl_server_credentials([(key, certificate)], root)
    server = grpc.aio.server(handlers=[ear])
    assert server.add_secure_port(Config.load(world.state / "tax").addresses[party], credentials)
    await server.start()
    try:
        yield ear
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("tax/identities/tax-480011", id="an-institutions"),
        pytest.param("counters/tax-480011", id="a-counters"),
        pytest.param("numbering/tls", id="another-partys-server"),
    ],
)
async def test_an_impostor_on_the_gateways_port_hears_nothing(world: World, folder: str) -> None:
    """Under any certificate but the gateway's own, a server on its port gets no call; the inquiry waits and is answered by the true one."""
    await world.interim(NHI).ground.directory.entry(
        TAX
    )  # the provider's key is known, so that the inquiry itself would go out
    await world.down("gateway")
    async with impostor(world, "gateway", folder) as ear:
        question = world.question()
        receipt = await world.interim(NHI).inquire(question)
        request = pb.CollectRequest(institution=NHI, request_id=receipt.request_id, wait_ms=1500)
        waiting = (await world.interim(NHI).collect(request)).inquiry
        assert waiting.outcome == ex.OUTCOME_UNSPECIFIED
        assert ear.heard == []
    await world.up("gateway")
    assert (await world.collect(NHI, receipt.request_id)).fine_outcome == ex.FINE_OUTCOME_PROVIDED


async def test_with_the_gateways_own_certificate_it_would_be_heard(world: World) -> None:
    """The same listener under the gateway's stolen server certificate does get the call: the tests beside this one can fail."""
    await world.interim(NHI).ground.directory.entry(TAX)
    await world.down("gateway")
    async with impostor(world, "gateway", "gateway/tls") as ear:
        await world.interim(NHI).inquire(world.question())
        async with asyncio.timeout(WAIT):
            while INQUIRE not in ear.heard:
                ear.called.clear()
                await ear.called.wait()


async def test_an_impostor_on_the_providers_port_hears_nothing(world: World) -> None:
    """The gateway hands a permit to nobody who shows an institution's certificate on the provider's port; the true provider answers later."""
    await world.interim(NHI).ground.directory.entry(TAX)
    await world.down("tax")
    async with impostor(world, "tax", f"health_insurance/identities/{OTHER_NHI}") as ear:
        receipt = await world.interim(NHI).inquire(world.question())
        request = pb.CollectRequest(institution=NHI, request_id=receipt.request_id, wait_ms=1500)
        assert (await world.interim(NHI).collect(request)).inquiry.outcome == ex.OUTCOME_UNSPECIFIED
        assert ear.heard == []
    await world.up("tax")
    assert (await world.collect(NHI, receipt.request_id)).fine_outcome == ex.FINE_OUTCOME_PROVIDED


def revoke(world: World, code: str) -> None:
    """Take an institution's certificate back."""
    certificate = (world.state / PARTY_OF[code] / "identities" / code / "cert.pem").read_bytes()
    authority = open_authority(world.state)
    authority.revoke(x509.load_pem_x509_certificate(certificate).serial_number)
    publish_revocations(authority, world.state)


async def test_a_revoked_requester_gets_nothing_and_loses_nothing(world: World) -> None:
    """On a live channel the next inquiry of a revoked institution leaves no record at the gateway; with a new certificate it is answered."""
    assert (await world.ask(world.question())).fine_outcome == ex.FINE_OUTCOME_PROVIDED
    before = exchanges(world)
    revoke(world, NHI)
    receipt = await world.interim(NHI).inquire(world.question())
    counts = world.running["gateway"].counts
    async with asyncio.timeout(WAIT):
        while not counts[INQUIRE, Reason.CLIENT_CERTIFICATE_REVOKED]:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)
    request = pb.CollectRequest(institution=NHI, request_id=receipt.request_id)
    assert (await world.interim(NHI).collect(request)).inquiry.outcome == ex.OUTCOME_UNSPECIFIED
    assert exchanges(world) == before
    pair = open_authority(world.state).issue_client("health_insurance", NHI)
    folder = world.state / "health_insurance" / "identities" / NHI
    (folder / "key.pem").write_bytes(pair.key)
    (folder / "cert.pem").write_bytes(pair.certificate)
    await world.settle()
    assert (await world.collect(NHI, receipt.request_id)).fine_outcome == ex.FINE_OUTCOME_PROVIDED


def exchanges(world: World) -> int:
    """Exchanges that the gateway has on record."""
    with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database:
        return int(database.execute("SELECT count(*) FROM exchange").fetchone()[0])


async def test_an_acquisition_number_serves_its_owner_in_time(world: World) -> None:
    """Over the network: another's claim and a late one are one refusal, a second claim in time is the same code, and nobody got another."""
    gateway = enrolment_pb2_grpc.EnrolmentServiceStub(world.channel("gateway", "numbering", "main"))
    number = bytes(range(16))
    deposit = enrolment_pb2.Deposit(acquisition_number=number, resident_code=code_of(0))
    await gateway.Deposit(enrolment_pb2.DepositRequest(institution=TAX, deposits=[deposit]), timeout=WAIT)

    async def claim(code: str) -> enrolment_pb2.ClaimResult:
        stub = enrolment_pb2_grpc.EnrolmentServiceStub(world.channel("gateway", PARTY_OF[code], code))
        answer = await stub.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[number]), timeout=WAIT)
        return answer.results[0]

    foreign = await claim(NHI)
    first, second = await claim(TAX), await claim(TAX)
    assert first == second
    assert first.subject.code
    world.clock.offset = timedelta(seconds=ACQUISITION_LIFE + 1)
    late = await claim(TAX)
    assert foreign == late
    assert foreign.refused == Reason.CLIENT_ACQUISITION_REFUSED
    assert not foreign.HasField("subject")


async def test_a_number_out_of_form_enrols_nobody(world: World) -> None:
    """Typed at enrolment, a number outside the synthetic block or with a wrong check digit is refused by its own reason and kept nowhere."""
    wrong = {"123456789018": Reason.CLIENT_NUMBER_NOT_SYNTHETIC, "987650432102": Reason.CLIENT_NUMBER_CHECK_DIGIT}
    for place, (number, reason) in enumerate(wrong.items()):
        request = pb.EnrolRequest(
            institution=TAX, addressee_no=f"9{place}", basic_items=person(0), individual_number=number
        )
        (answer,) = await world.interim(TAX).enrol([request])
        assert answer.error.reason == reason
        assert number not in str(answer)
        for party in ("tax", "numbering", "gateway"):
            held = b"".join(path.read_bytes() for path in (world.state / party).rglob("*") if path.is_file())
            assert number.encode() not in held
