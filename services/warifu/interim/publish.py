"""The own directory entry: published at the start and whenever certificate or keys change, and looked after at the relay.

An institution that never looked could not notice that others are told another key for it (design: each checks its own entry).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from warifu.exchange.directory import make_entry
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground, move_mark
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

MARK: Final = "directory-version"
_LOOK_EVERY: Final = timedelta(minutes=1)
_LOG: Final = logging.getLogger(__name__)


class OtherEntryError(RuntimeError):
    """The relay shows another entry under this institution's name."""


class OwnEntry:
    """Publishes and watches one institution's entry."""

    def __init__(self, ground: Ground, identity: Path) -> None:
        """`identity` is the folder with cert.pem and key.pem."""
        self._ground, self._identity = ground, identity
        self._stamp: tuple[int, int] | None = None
        self._published: exchange_pb2.SignedDirectoryEntry | None = None
        self._looked = ground.clock.machine()
        self._other = False

    async def tend(self) -> int:
        """Publish when there is something new, look at the relay now and then; how many entries were published.

        Raises:
            grpc.aio.AioRpcError: the gateway cannot be reached or refuses; the next run tries again.
        """
        status = (self._identity / "cert.pem").stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            await self._publish()
            self._stamp = stamp
            return 1
        now = self._ground.clock.machine()
        if now - self._looked < _LOOK_EVERY:
            return 0
        self._looked = now
        return await self._look()

    @property
    def is_published(self) -> bool:
        """This process's entry is with the relay. Until then nothing may be signed that a reader could not check."""
        return self._published is not None

    def check(self) -> None:
        """Raise OtherEntryError while the relay shows another entry than ours."""
        if self._other:
            raise OtherEntryError(f"the gateway relays another entry for {self._ground.institution}")

    async def _publish(self) -> None:
        signed, version = self._made()
        await self._ground.store.write(lambda connection: move_mark(connection, MARK, version))
        await self._stub().PublishEntry(linkage_pb2.PublishEntryRequest(entry=signed), timeout=CALL_DEADLINE / 1000)
        self._published = signed

    def _made(self) -> tuple[exchange_pb2.SignedDirectoryEntry, int]:
        certificate = x509.load_pem_x509_certificate((self._identity / "cert.pem").read_bytes())
        key = load_pem_private_key((self._identity / "key.pem").read_bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        # By the machine's clock, so that it rises even when this store was restored from a backup; by the mark when the clock is late.
        version = max(self._ground.machine(), self._ground.mark(MARK) + 1)
        valid = (self._ground.clock.machine(), certificate.not_valid_after_utc)
        return make_entry(self._ground.keys, version, valid, certificate, key), version

    async def _look(self) -> int:
        request = linkage_pb2.GetEntryRequest(owner=self._ground.institution)
        try:
            relayed = (await self._stub().GetEntry(request, timeout=CALL_DEADLINE / 1000)).entry
        except grpc.aio.AioRpcError as error:
            if LinkageError.from_rpc(error, party="gateway").reason != Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                raise
            await self._publish()  # the relay lost it
            return 1
        self._other = self._published is None or relayed.entry != self._published.entry
        if self._other:
            _LOG.critical("another directory entry is relayed", extra={"institution": self._ground.institution})
        return 0

    def _stub(self) -> linkage_pb2_grpc.DirectoryServiceAsyncStub:
        return self._ground.peers.stub(linkage_pb2_grpc.DirectoryServiceStub, "gateway", self._ground.institution)
