"""The own directory entry: published at the start and whenever certificate or keys change, and looked after at the relay.

An institution that never looked could not notice that others are told another key for it (design: each checks its own entry).
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, moment
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

_LOOK_EVERY: Final = timedelta(minutes=1)
_FIRST_LOOK: Final = timedelta(seconds=2)
"""After a start with an entry that the relay took before: a process that begins has more urgent things to do."""
_LOG: Final = logging.getLogger(__name__)


class OtherEntryError(RuntimeError):
    """The relay shows another entry under this institution's name."""


class Memory(Protocol):
    """Where an institution keeps the highest version that it ever gave its entry, and the entry that the relay took last."""

    def last(self) -> int:
        """That version; 0 before the first."""

    async def keep(self, version: int) -> None:
        """Note a higher one, durably."""

    def entry(self) -> exchange_pb2.SignedDirectoryEntry | None:
        """What the relay took last."""

    async def taken(self, entry: exchange_pb2.SignedDirectoryEntry) -> None:
        """Note that the relay took it, durably."""


@lru_cache(maxsize=256)
def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


class OwnEntry:
    """Publishes and watches one institution's entry. What the relay took already is not published again by the next process."""

    def __init__(
        self,
        owner: str,
        keys: InstitutionKeys,
        clock: Clock,
        peers: Peers,
        identity: Path,
        memory: Memory | None = None,
    ) -> None:
        """`identity` is the folder with cert.pem and key.pem. Without a `memory` versions rise with the machine's clock alone."""
        self._owner, self._keys, self._clock, self._peers = owner, keys, clock, peers
        self._identity, self._memory = identity, memory
        self._certificate = os.fspath(identity / "cert.pem")
        self._stamp: tuple[int, int] | None = None
        self._published: exchange_pb2.SignedDirectoryEntry | None = None
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._other = False
        self._remembered = memory is None
        self._confirmed = False
        """The relay has shown the entry that this process goes by."""

    async def tend(self) -> int:
        """Publish when there is something new, look at the relay now and then; how many entries were published.

        Raises:
            grpc.aio.AioRpcError: the gateway cannot be reached or refuses; the next run tries again.
        """
        self._remember()
        stamp = self._current()
        if stamp != self._stamp:
            await self._publish()
            self._stamp, self._looked, self._confirmed = stamp, self._clock.machine(), True
            return 1
        now = self._clock.machine()
        if now - self._looked < _LOOK_EVERY:
            return 0
        self._looked = now
        return await self._look()

    @property
    def is_published(self) -> bool:
        """This process's entry is with the relay. Until then nothing may be signed that a reader could not check."""
        self._remember()
        return self._published is not None

    def check(self) -> None:
        """Raise OtherEntryError while the relay shows another entry than ours."""
        if self._other:
            raise OtherEntryError(f"the gateway relays another entry for {self._owner}")

    def _current(self) -> tuple[int, int]:
        status = os.stat(self._certificate)  # noqa: PTH116 - every second of every institution
        return status.st_mtime_ns, status.st_ino

    def _remember(self) -> None:
        """Go on, once, with what the relay took before, if it is still of this certificate and these keys; the first look tells whether it is still there."""
        if self._remembered or self._memory is None:
            return
        self._remembered = True
        signed, stamp = self._memory.entry(), self._current()
        if signed is not None and self._is_present(signed):
            self._published, self._stamp = signed, stamp
            self._looked = self._clock.machine() - _LOOK_EVERY + _FIRST_LOOK

    def _is_present(self, signed: exchange_pb2.SignedDirectoryEntry) -> bool:
        with open(self._certificate, "rb") as file:  # noqa: PTH123 - of every institution at a start
            certificate = _der(file.read())
        entry = exchange_pb2.DirectoryEntry.FromString(signed.entry)
        return (
            signed.certificate == certificate
            and (entry.hpke_key_id, entry.signing_key_id) == (self._keys.hpke_key_id, self._keys.signing_key_id)
            and self._clock.machine() < moment(entry.not_after)
        )

    async def _publish(self) -> None:
        signed, version = self._made()
        if self._memory is not None:
            await self._memory.keep(version)
        await self._stub().PublishEntry(linkage_pb2.PublishEntryRequest(entry=signed), timeout=CALL_DEADLINE / 1000)
        if self._memory is not None:
            await self._memory.taken(signed)
        self._published = signed

    def _made(self) -> tuple[exchange_pb2.SignedDirectoryEntry, int]:
        certificate = x509.load_pem_x509_certificate((self._identity / "cert.pem").read_bytes())
        key = load_pem_private_key((self._identity / "key.pem").read_bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        # By the machine's clock, so that it rises even when this store was restored from a backup; by the mark when the clock is late.
        version = max(milliseconds(self._clock.machine()), (self._memory.last() if self._memory else 0) + 1)
        valid = (self._clock.machine(), certificate.not_valid_after_utc)
        return make_entry(self._keys, version, valid, certificate, key), version

    async def _look(self) -> int:
        request = linkage_pb2.GetEntryRequest(owner=self._owner)
        try:
            relayed = (await self._stub().GetEntry(request, timeout=CALL_DEADLINE / 1000)).entry
        except grpc.aio.AioRpcError as error:
            if LinkageError.from_rpc(error, party="gateway").reason != Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                raise
            await self._publish()  # the relay lost it
            return 1
        other = self._published is None or relayed.entry != self._published.entry
        if other and not self._confirmed:  # from before this process: a store that was laid back knows an older one
            await self._publish()
            return 1
        self._confirmed, self._other = True, other
        if self._other:
            _LOG.critical("another directory entry is relayed", extra={"institution": self._owner})
        return 0

    def _stub(self) -> linkage_pb2_grpc.DirectoryServiceAsyncStub:
        return self._peers.stub(linkage_pb2_grpc.DirectoryServiceStub, "gateway", self._owner)
