"""Callers with certificates that our authority, or another, issues: what a provider's server must tell apart (docs/PROTOCOL.md §1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from warifu.authority import Authority, Lifetimes
from warifu.authority.certificates import Leaf, Validity, key_pem, make_leaf, make_revocations, new_key
from warifu.kernel.peers import channel_options
from warifu.kernel.tls import Pair
from warifu.simulator.conformance.outcome import Text, UnmetError, plain

if TYPE_CHECKING:
    from warifu.simulator.conformance.bench import Bench

GATEWAY: Final = ("gateway", "main")
PATIENCE: Final = 5.0
"""Seconds that a provider may take to see a new revocation list."""
_AGAIN: Final = 0.1
_DAY: Final = timedelta(days=1)


def authority(bench: Bench, life: timedelta = _DAY, *, now: Callable[[], datetime] | None = None) -> Authority:
    """The network's root of trust, whose certificates live so long and are dated by `now`."""
    return Authority.open(bench.state / "ca", now=now, lifetimes=Lifetimes(leaf=life))


def foreign() -> Pair:
    """A certificate that says gateway, of a root that nobody trusts."""
    key, root = new_key(), new_key()
    now = datetime.now(tz=UTC)
    certificate = make_leaf(Leaf.client(*GATEWAY), key.public_key(), root, Validity(now - _DAY, now + _DAY))
    return Pair(certificate.public_bytes(Encoding.PEM), key_pem(key))


def old(bench: Bench) -> Pair:
    """The gateway's certificate of two days ago, which lived one day."""
    return authority(bench, now=lambda: datetime.now(tz=UTC) - 2 * _DAY).issue_client(*GATEWAY)


def named(bench: Bench, *names: x509.GeneralName) -> Pair:
    """A client certificate of our root that carries exactly these names."""
    return authority(bench).issue([Leaf("main", names[0], names[1:], ExtendedKeyUsageOID.CLIENT_AUTH)])[0]


def serial(pair: Pair) -> int:
    """Its certificate's serial number."""
    return x509.load_pem_x509_certificate(pair.certificate).serial_number


def left(pair: Pair) -> float:
    """Seconds until its certificate has run out."""
    end = x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc
    return max(0.0, (end - datetime.now(tz=UTC)).total_seconds())


def foreign_list() -> bytes:
    """A revocation list in date, of a root that nobody trusts; PEM."""
    now = datetime.now(tz=UTC)
    return make_revocations(new_key(), [], Validity(now - _DAY, now + _DAY))


def channel(bench: Bench, pair: Pair | None) -> grpc.aio.Channel:
    """A connection to the provider with a certificate, or with none."""
    root = (bench.state / "gateway" / "trust" / "ca.pem").read_bytes()
    shown = {} if pair is None else {"private_key": pair.key, "certificate_chain": pair.certificate}
    credentials = grpc.ssl_channel_credentials(root_certificates=root, **shown)
    return grpc.aio.secure_channel(bench.target.address, credentials, options=channel_options(bench.target.party))


async def until(what: Text, look: Callable[[], Awaitable[str]], wanted: str) -> None:
    """Look until it is as wanted, for as long as one may take to see it.

    Raises:
        UnmetError: it was not in time.
    """
    end = time.monotonic() + PATIENCE
    while (got := await look()) != wanted:
        if time.monotonic() > end:
            raise UnmetError(Text(f"{what.ja}：{wanted}", f"{what.en}: {wanted}"), plain(got))
        await asyncio.sleep(_AGAIN)
