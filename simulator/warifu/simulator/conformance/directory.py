"""Directory entries of those whom we play: made, published at our gateway, and relayed as a gateway that lies would."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2
from warifu.gateway.party import build
from warifu.kernel.config import Config
from warifu.kernel.party import Build, Context, Party
from warifu.kernel.peers import open_channel
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.simulator.conformance.folder import PORTAL
from warifu.simulator.conformance.frame import WAIT

if TYPE_CHECKING:
    from warifu.simulator.conformance.bench import Bench

DIRECTORY: Final = "warifu.linkage.v1.DirectoryService"
REQUESTERS_PARTY: Final = "health_insurance"
_LIFE: Final = timedelta(days=7)


def entry(
    root: Path, signer: tuple[str, str], keys: InstitutionKeys, version: int
) -> exchange_pb2.SignedDirectoryEntry:
    """An entry of the owner of `keys`, signed with the TLS key of `signer`, a party and its code."""
    identity = root / signer[0] / "identities" / signer[1]
    certificate = x509.load_pem_x509_certificate((identity / "cert.pem").read_bytes())
    key = load_pem_private_key((identity / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    now = datetime.now(tz=UTC)
    return make_entry(keys, version, (now, now + _LIFE), certificate, key)


async def publish(root: Path, signer: tuple[str, str], keys: InstitutionKeys) -> int:
    """Publish the entry of one of ours under a version that only rises; the version."""
    version = int(time.time() * 1000)
    async with to_gateway(root, signer) as channel:
        stub = linkage_pb2_grpc.DirectoryServiceStub(channel)
        request = linkage_pb2.PublishEntryRequest(entry=entry(root, signer, keys, version))
        await stub.PublishEntry(request, timeout=WAIT)
    return version


def to_gateway(root: Path, signer: tuple[str, str]) -> grpc.aio.Channel:
    """A connection to our gateway under an identity, a party and its code."""
    folder = root / signer[0]
    own = folder / "identities" / signer[1]
    pair = (own / "cert.pem").read_bytes(), (own / "key.pem").read_bytes()
    address = Config.load(root / "gateway").listen
    return open_channel(address, "gateway", (folder / "trust" / "ca.pem").read_bytes(), *pair)


@asynccontextmanager
async def rotated(bench: Bench) -> AsyncIterator[tuple[InstitutionKeys, int]]:
    """The requester changed its keys: the new ones, and the version of their entry. Afterwards it has changed back, and the provider knows."""
    signer = REQUESTERS_PARTY, bench.requester
    keys = InstitutionKeys.generate(bench.requester)
    try:
        yield keys, await publish(bench.state, signer, keys)
    finally:
        await settle(bench)


async def settle(bench: Bench) -> None:
    """Publish the requester's real keys anew, and have the provider look, for a key that nobody has and it was never asked for."""
    bench.relayed.clear()
    await publish(bench.state, (REQUESTERS_PARTY, bench.requester), bench.keys[bench.requester])
    await bench.provide(bench.ask(permit={"requester_key_id": os.urandom(8).hex()}))


def forged(bench: Bench, keys: InstitutionKeys, version: int) -> exchange_pb2.SignedDirectoryEntry:
    """An entry in the requester's name that the portal signed."""
    return entry(bench.state, ("portal", PORTAL), keys, version)


class Relay(linkage_pb2_grpc.DirectoryServiceServicer):
    """The gateway's directory, which may be told to relay something else."""

    def __init__(self, inner: Any, relayed: Mapping[str, exchange_pb2.SignedDirectoryEntry]) -> None:
        self._inner, self._relayed = inner, relayed

    async def PublishEntry(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """As the gateway's own."""
        return await self._inner.PublishEntry(request, context)

    async def GetEntry(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        """What is to be relayed in its place, else the gateway's own."""
        told = self._relayed.get(request.owner)
        if told is None:
            return await self._inner.GetEntry(request, context)
        return linkage_pb2.GetEntryResponse(entry=told)


def gateway(relayed: Mapping[str, exchange_pb2.SignedDirectoryEntry]) -> Build:
    """Builds a real gateway that relays these entries in the place of those published, by owner."""

    async def made(context: Context) -> Party:
        party = await build(context)
        party.services = tuple(
            replace(one, servicer=Relay(one.servicer, relayed)) if one.name == DIRECTORY else one
            for one in party.services
        )
        return party

    return made
