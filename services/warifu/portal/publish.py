"""The portal's own entry in the directory: published when the gateway has none or another, and looked at again after each change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1.exchange_pb2 import DirectoryEntry, SignedDirectoryEntry
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.peers import Peers
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.portal.ports import DEADLINE, IDENTITY


class Relay(Protocol):
    """The gateway's directory. Every call raises LinkageError when it fails."""

    async def entry(self) -> SignedDirectoryEntry | None:
        """The portal's entry as the gateway relays it; None when there is none."""

    async def publish(self, signed: SignedDirectoryEntry) -> None:
        """Hand over a new entry."""


@dataclass(frozen=True, slots=True)
class RelayCalls:
    """`Relay` over gRPC."""

    peers: Peers

    async def entry(self) -> SignedDirectoryEntry | None:
        """See `Relay`."""
        try:
            answer = await self._stub().GetEntry(linkage_pb2.GetEntryRequest(owner=IDENTITY), timeout=DEADLINE)
        except grpc.aio.AioRpcError as rpc_error:
            error = LinkageError.from_rpc(rpc_error, party="gateway")
            if error.reason is Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                return None
            raise error from rpc_error
        return answer.entry

    async def publish(self, signed: SignedDirectoryEntry) -> None:
        """See `Relay`."""
        try:
            await self._stub().PublishEntry(linkage_pb2.PublishEntryRequest(entry=signed), timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error

    def _stub(self) -> linkage_pb2_grpc.DirectoryServiceAsyncStub:
        return self.peers.stub(linkage_pb2_grpc.DirectoryServiceStub, "gateway", IDENTITY)


_CERTIFICATE: Final = "cert.pem"
_KEY: Final = "key.pem"


class OwnEntry:
    """Keeps the relayed entry that of the present keys and certificate."""

    def __init__(self, relay: Relay, clock: Clock, keys: InstitutionKeys, identity: Path) -> None:
        """`identity` is the folder with the portal's client certificate and key."""
        self._relay, self._clock, self._keys, self._identity = relay, clock, keys, identity
        self._stamp: tuple[int, int] | None = None

    async def publish(self) -> int:
        """Publish when the relayed entry is not the present one; how often it did, 0 or 1.

        Raises:
            LinkageError: the gateway cannot be reached or refuses.
        """
        status = (self._identity / _CERTIFICATE).stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._stamp:
            return 0
        certificate = x509.load_pem_x509_certificate((self._identity / _CERTIFICATE).read_bytes())
        relayed = await self._relay.entry()
        if relayed is not None and self._is_present(relayed, certificate):
            self._stamp = stamp
            return 0
        version = DirectoryEntry.FromString(relayed.entry).version + 1 if relayed is not None else 1
        await self._relay.publish(self._made(version, certificate))
        return 1  # the next look confirms that the gateway relays just this

    def _is_present(self, relayed: SignedDirectoryEntry, certificate: x509.Certificate) -> bool:
        entry = DirectoryEntry.FromString(relayed.entry)
        keys = (entry.hpke_public_key, entry.signing_public_key) == (self._keys.hpke_public, self._keys.signing_public)
        return keys and x509.load_der_x509_certificate(relayed.certificate) == certificate

    def _made(self, version: int, certificate: x509.Certificate) -> SignedDirectoryEntry:
        key = load_pem_private_key((self._identity / _KEY).read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError(f"{self._identity}: not a P-256 key")
        valid = (self._clock.machine(), certificate.not_valid_after_utc)
        return make_entry(self._keys, version, valid, certificate, key)
