"""Who may speak to a party, over real mTLS: certificates, revocation, rotation, the access table."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from ports import free_port
from tiny import DEADLINE, NHI, TAX, Tiny, reason_of

from warifu.authority import publish_revocations, renew
from warifu.authority.authority import Authority
from warifu.authority.certificates import Leaf, Validity, key_pem, make_leaf, new_key
from warifu.kernel import tls
from warifu.kernel.clock import SystemClock
from warifu.kernel.config import Config
from warifu.kernel.errors import Reason
from warifu.kernel.identity import spiffe
from warifu.kernel.peers import Peers, open_channel
from warifu.kernel.tls import Pair
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

URI = x509.UniformResourceIdentifier


class LaterClock(SystemClock):
    """The machine clock, moved on by `ahead`."""

    ahead = timedelta(0)

    def machine(self) -> datetime:
        """The time moved on."""
        return datetime.now(tz=UTC) + self.ahead


def forge(
    tiny: Tiny, names: Sequence[x509.GeneralName], *, usage=ExtendedKeyUsageOID.CLIENT_AUTH, days: int = 0
) -> Pair:
    """A certificate of any form, under the network's real root, good for an hour from now on or that many days later."""
    now = datetime.now(tz=UTC) + timedelta(days=days)
    validity = Validity(now - timedelta(minutes=1), now + timedelta(hours=1))
    root_key = load_pem_private_key((tiny.state / "ca" / "root.key").read_bytes(), password=None)
    key = new_key()
    certificate = make_leaf(Leaf("forged", names[0], tuple(names[1:]), usage), key.public_key(), root_key, validity)
    return Pair(certificate.public_bytes(tls.Encoding.PEM), key_pem(key))


async def test_the_caller_is_the_certificates_one(tiny: Tiny) -> None:
    """A handler knows its caller by the SPIFFE URI of the certificate."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        assert await caller.who() == f"spiffe://warifu.example/tax/{TAX}"
        assert running.counts["/warifu.linkage.v1.LinkageService/ListPermissions", "OK"] == 1


async def test_a_call_in_another_institutions_name_is_refused(tiny: Tiny) -> None:
    """An institution that names another one in the body is told CLIENT_NOT_YOURS."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        assert await caller.decide(TAX) == "yours"
        assert await reason_of(caller.decide(NHI)) == Reason.CLIENT_NOT_YOURS


async def test_a_caller_outside_the_access_table_is_refused(tiny: Tiny) -> None:
    """A party that may not call an RPC is told so, whatever its certificate is good for elsewhere."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("numbering", "main")) as caller:
        assert await reason_of(caller.who()) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_a_counter_is_refused_at_the_gateway(tiny: Tiny) -> None:
    """A counter terminal's certificate opens its own agency only, not the gateway."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("counter", TAX)) as caller:
        assert await reason_of(caller.who()) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_without_a_certificate_there_is_no_connection(tiny: Tiny) -> None:
    """The handshake fails for a client that shows no certificate."""
    async with tiny.party() as running:
        credentials = grpc.ssl_channel_credentials(tiny.authority.root_pem)
        options = [("grpc.ssl_target_name_override", "gateway.warifu.internal")]
        async with grpc.aio.secure_channel(running.address, credentials, options=options) as channel:
            assert await reason_of(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=1)) in {
                Reason.GATEWAY_UNAVAILABLE,
                Reason.GATEWAY_TIMEOUT,
            }


async def test_an_expired_certificate_makes_no_connection(tiny: Tiny) -> None:
    """The handshake fails for a certificate out of date."""
    pair = forge(tiny, [URI(spiffe("tax", TAX))], days=-1)
    async with tiny.party() as running, tiny.call(running, pair) as caller:
        assert await reason_of(caller.who()) in {Reason.GATEWAY_UNAVAILABLE, Reason.GATEWAY_TIMEOUT}


async def test_a_certificate_that_expires_on_a_live_channel_is_refused(tiny: Tiny) -> None:
    """A kept channel ends being good when its certificate does, not when the connection does."""
    clock = LaterClock()
    pair = forge(tiny, [URI(spiffe("tax", TAX))])
    async with tiny.party(clock=clock) as running, tiny.call(running, pair) as caller:
        assert await caller.who()
        clock.ahead = timedelta(hours=2)
        assert await reason_of(caller.who()) == Reason.CLIENT_CERTIFICATE_EXPIRED


async def test_a_certificate_revoked_on_a_live_channel_is_refused(tiny: Tiny) -> None:
    """The call after a revocation is refused on a channel that was open before it."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        assert await caller.who()
        serial = x509.load_pem_x509_certificate(tiny.pair("tax", TAX).certificate).serial_number
        tiny.authority.revoke(serial)
        publish_revocations(tiny.authority, tiny.state)
        assert await reason_of(caller.who()) == Reason.CLIENT_CERTIFICATE_REVOKED


async def test_a_stream_ends_when_its_caller_is_revoked(tiny: Tiny) -> None:
    """Revocation reaches into a call that is in progress: the stream's next message is refused."""
    async with (
        tiny.party("numbering") as running,
        tiny.call(running, tiny.pair("tax", TAX), party="numbering") as caller,
    ):
        call = caller.enrol([])
        stream = caller.channel.stream_stream("/warifu.numbering.v1.NumberingService/Enrol")(timeout=DEADLINE)
        assert [item async for item in call] == []
        await stream.write(b"\x12\x01a")
        assert await stream.read() == b"\x0a\x01a"
        serial = x509.load_pem_x509_certificate(tiny.pair("tax", TAX).certificate).serial_number
        tiny.authority.revoke(serial)
        publish_revocations(tiny.authority, tiny.state)
        await stream.write(b"\x12\x01b")
        assert await reason_of(stream.read()) == Reason.CLIENT_CERTIFICATE_REVOKED


@pytest.mark.parametrize("damage", ["missing", "garbage", "foreign"])
async def test_nobody_is_believed_without_a_revocation_list(tiny: Tiny, tmp_path: Path, damage: str) -> None:
    """A revocation list that is gone, unreadable or signed by another root closes the party, and says whose trouble it is."""
    other = Authority.create(tmp_path / "other")
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        assert await caller.who()
        path = tiny.state / "gateway" / "trust" / "revoked.crl"
        path.unlink()
        if damage != "missing":
            path.write_bytes(b"no list" if damage == "garbage" else other.revocations())
        assert await reason_of(caller.who()) == Reason.GATEWAY_TRUST_UNAVAILABLE
        running.health.look()
        assert running.health.ill == {"trust"}


@pytest.mark.parametrize(
    "names",
    [
        [URI(spiffe("tax", TAX)), URI(spiffe("tax", "tax-490016"))],
        [x509.DNSName("tax.warifu.internal")],
        [URI(spiffe("tax", TAX)), x509.DNSName("gateway.warifu.internal")],
        [URI(f"spiffe://elsewhere.example/tax/{TAX}")],
        [URI(f"https://warifu.example/tax/{TAX}")],
        [URI(f"spiffe://warifu.example/tax/{TAX}/more")],
        [URI("spiffe://warifu.example/tax")],
    ],
    ids=["two URIs", "no URI", "a DNS name too", "another trust domain", "no SPIFFE", "longer path", "shorter path"],
)
async def test_a_certificate_of_another_form_is_refused(tiny: Tiny, names: Sequence[x509.GeneralName]) -> None:
    """Only exactly one SPIFFE URI of the network's trust domain is an identity, even under the right root."""
    async with tiny.party() as running, tiny.call(running, forge(tiny, names)) as caller:
        assert await reason_of(caller.who()) == Reason.CLIENT_CERTIFICATE_INVALID


async def test_a_server_certificate_is_no_identity(tiny: Tiny) -> None:
    """A party's server certificate, stolen, opens no other party: TLS refuses it as a client's."""
    pair = tiny.authority.issue_server("numbering")
    async with tiny.party() as running, tiny.call(running, pair) as caller:
        assert await reason_of(caller.who()) in {Reason.GATEWAY_UNAVAILABLE, Reason.GATEWAY_TIMEOUT}


async def test_an_institutions_certificate_serves_nobody(tiny: Tiny) -> None:
    """A client refuses a server that shows an institution's certificate in place of the gateway's."""
    gateway = tiny.state / "gateway"
    pair = tiny.pair("tax", TAX)
    (gateway / "tls" / "server.key").write_bytes(pair.key)
    (gateway / "tls" / "server.pem").write_bytes(pair.certificate)
    async with tiny.party() as running, tiny.call(running, tiny.pair("health_insurance", NHI)) as caller:
        assert await reason_of(caller.who()) in {Reason.GATEWAY_UNAVAILABLE, Reason.GATEWAY_TIMEOUT}


async def test_another_partys_server_is_refused(tiny: Tiny) -> None:
    """A client that means the gateway does not speak to numbering's server, though both are under one root."""
    async with tiny.party("numbering") as running, tiny.call(running, tiny.pair("tax", TAX), party="gateway") as caller:
        assert await reason_of(caller.who()) in {Reason.GATEWAY_UNAVAILABLE, Reason.GATEWAY_TIMEOUT}


async def test_a_server_certificate_rotates_without_a_restart(tiny: Tiny) -> None:
    """After renewal a new connection sees the new certificate, while an open channel goes on."""
    async with tiny.party() as running, tiny.call(running, tiny.pair("tax", TAX)) as caller:
        before = await shown(tiny, running.address)
        renew(tiny.state)
        after = await shown(tiny, running.address)
        assert before != after == certificate_of(tiny.state / "gateway" / "tls" / "server.pem")
        assert await caller.who()


async def test_a_half_rotated_pair_is_not_taken(tiny: Tiny) -> None:
    """While key and certificate do not belong together the server keeps the pair that it has."""
    async with tiny.party() as running:
        before = await shown(tiny, running.address)
        (tiny.state / "gateway" / "tls" / "server.pem").write_bytes(tiny.authority.issue_server("gateway").certificate)
        assert await shown(tiny, running.address) == before


async def test_a_client_certificate_rotates_without_a_restart(tiny: Tiny) -> None:
    """The call after a renewal goes out under the new certificate; the old one may then be revoked."""
    async with tiny.party() as running:
        config = Config("tax", "127.0.0.1:0", {"gateway": running.address}, folder=tiny.state / "tax")
        peers = Peers(config)
        try:
            assert await who(peers) == f"spiffe://warifu.example/tax/{TAX}"
            old = peers.channel("gateway", TAX)
            assert peers.channel("gateway", TAX) is old
            serial = x509.load_pem_x509_certificate(tiny.pair("tax", TAX).certificate).serial_number
            renew(tiny.state)
            tiny.authority.revoke(serial)
            publish_revocations(tiny.authority, tiny.state)
            assert await who(peers) == f"spiffe://warifu.example/tax/{TAX}"
            assert peers.channel("gateway", TAX) is not old
        finally:
            await peers.close()


async def test_peers_may_come_up_in_any_order(tiny: Tiny) -> None:
    """A call that waits for its peer succeeds once that is up, though the channel was opened before."""
    address = f"127.0.0.1:{free_port()}"
    config = Config("tax", "127.0.0.1:0", {"gateway": address}, folder=tiny.state / "tax")
    peers = Peers(config)
    try:
        assert await reason_of(who(peers)) == Reason.GATEWAY_UNAVAILABLE
        async with tiny.party(listen=address):
            assert await who(peers, wait_for_ready=True)
    finally:
        await peers.close()


async def who(peers: Peers, **options) -> str:
    """Who the gateway says it is that calls through `peers`."""
    stub = peers.stub(linkage_pb2_grpc.LinkageServiceStub, "gateway", TAX)
    response = await stub.ListPermissions(linkage_pb2.ListPermissionsRequest(), timeout=DEADLINE, **options)
    return response.table_version


def certificate_of(path: Path) -> bytes:
    """A certificate file as DER."""
    return ssl.PEM_cert_to_DER_cert(path.read_text())


async def shown(tiny: Tiny, address: str) -> bytes:
    """The certificate that a server shows on a new connection, DER, with Python's own TLS as the judge of the chain."""
    folder = tiny.state / "health_insurance" / "identities" / NHI
    context = ssl.create_default_context(cadata=tiny.authority.root_pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")
    _reader, writer = await asyncio.open_connection(
        host, int(port), ssl=context, server_hostname="gateway.warifu.internal"
    )
    try:
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()


async def test_a_root_of_another_network_opens_nothing(tiny: Tiny, tmp_path: Path) -> None:
    """A certificate for the right institution under another root of the same name makes no connection."""
    other = Authority.create(tmp_path / "other")
    pair = other.issue_client("tax", TAX)
    async with tiny.party() as running:
        channel = open_channel(running.address, "gateway", tiny.authority.root_pem, pair.certificate, pair.key)
        async with channel:
            assert await reason_of(channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=1)) in {
                Reason.GATEWAY_UNAVAILABLE,
                Reason.GATEWAY_TIMEOUT,
            }
