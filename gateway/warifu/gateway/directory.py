"""The relayed directory: each owner's newest entry as the owner signed it, and the gateway's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Connection, Row, bindparam, delete, insert, select

from warifu.exchange.directory import GATEWAY, DirectoryError, VerifiedEntry, make_entry, verify_entry
from warifu.exchange.keys import InstitutionKeys, SealingKey
from warifu.exchange.v1.exchange_pb2 import DirectoryEntry, SignedDirectoryEntry
from warifu.gateway.log.events import Write
from warifu.gateway.log.log import Log
from warifu.gateway.schema import DIRECTORY
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import check_bytes
from warifu.kernel.store import Store
from warifu.kernel.trust import Trust

LARGEST_ENTRY = 8 * 1024
"""Bytes of an entry, of its certificate, and of its signature."""

_FIND = select(DIRECTORY).where(DIRECTORY.c.owner == bindparam("owner"))
_KEY_ID = select(DIRECTORY.c.hpke_key_id).where(DIRECTORY.c.owner == bindparam("owner"))
_REMOVE = delete(DIRECTORY).where(DIRECTORY.c.owner == bindparam("b_owner"))
_ADD = insert(DIRECTORY)


class Directory:
    """Keeps and relays entries. Invariant: an owner's version only rises."""

    def __init__(self, store: Store, trust: Trust, clock: Clock, log: Log) -> None:
        self._store, self._trust, self._clock, self._log = store, trust, clock, log

    async def publish(self, caller: str, signed: SignedDirectoryEntry) -> None:
        """Take the caller's own entry. The newest one again has no effect.

        Raises:
            LinkageError: CLIENT_DIRECTORY_ENTRY_INVALID, CLIENT_NOT_YOURS, CLIENT_DIRECTORY_VERSION_OLD.
        """
        for name in ("entry", "certificate", "signature"):
            check_bytes(getattr(signed, name), name, limit=LARGEST_ENTRY)
        entry = self._verify(signed)
        if entry.owner != caller:
            raise LinkageError(Reason.CLIENT_NOT_YOURS)
        enter = self._log.events.directory(entry.owner, entry.version, signed.entry)
        await self._log.write(lambda connection: _take(connection, entry, signed, enter))

    def entry(self, owner: str) -> SignedDirectoryEntry:
        """The newest entry.

        Raises:
            LinkageError: CLIENT_DIRECTORY_ENTRY_UNKNOWN.
        """
        return SignedDirectoryEntry.FromString(self._row(owner).entry)

    def sealing_key_ids(self, owners: Iterable[str]) -> Mapping[str, str]:
        """Identifiers of the newest HPKE keys of those owners that have published any."""
        return self._store.read(lambda connection: _key_ids(connection, owners))

    def sealing_key(self, owner: str) -> SealingKey:
        """The owner's newest HPKE key, its entry checked anew.

        Raises:
            LinkageError: CLIENT_DIRECTORY_ENTRY_UNKNOWN or …_INVALID, such as after its certificate was revoked.
        """
        return self._verify(self.entry(owner)).sealing

    def _verify(self, signed: SignedDirectoryEntry) -> VerifiedEntry:
        try:
            return verify_entry(signed, self._trust, self._clock.machine())
        except DirectoryError as error:
            raise LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_INVALID) from error

    def _row(self, owner: str) -> Row[tuple[object, ...]]:
        row = self._store.read(lambda connection: connection.execute(_FIND, {"owner": owner}).first())
        if row is None:
            raise LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN, metadata={"owner": owner})
        return row


class OwnEntry:
    """The gateway's own entry, signed with the certificate of its identity `main` and anew whenever that changes."""

    def __init__(self, log: Log, clock: Clock, keys: InstitutionKeys, identity: Path) -> None:
        self._log, self._clock, self._keys, self._identity = log, clock, keys, identity
        self._stamp: tuple[int, int] | None = None

    async def publish(self) -> int:
        """Renew the entry if the certificate or the keys are not those of the one that is relayed; how many were renewed."""
        status = (self._identity / "cert.pem").stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._stamp:
            return 0
        certificate, key = self._certificate()
        renewed = await self._log.write(lambda connection: self._renew(connection, certificate, key))
        self._stamp = stamp
        return renewed

    def _renew(self, connection: Connection, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> int:
        row = connection.execute(_FIND, {"owner": GATEWAY}).first()
        if row is not None and self._is_mine(SignedDirectoryEntry.FromString(row.entry), certificate):
            return 0
        version = row.version + 1 if row is not None else 1
        valid = (self._clock.machine(), certificate.not_valid_after_utc)
        signed = make_entry(self._keys, version, valid, certificate, key)
        _put(connection, GATEWAY, version, self._keys.hpke_key_id, signed)
        self._log.events.directory(GATEWAY, version, signed.entry)(connection)
        return 1

    def _is_mine(self, signed: SignedDirectoryEntry, certificate: x509.Certificate) -> bool:
        """Does the relayed entry carry the present keys, signed with the present certificate."""
        entry = DirectoryEntry.FromString(signed.entry)
        keys = (entry.hpke_key_id, entry.signing_key_id) == (self._keys.hpke_key_id, self._keys.signing_key_id)
        signer = x509.load_der_x509_certificate(signed.certificate)
        return keys and signer == certificate

    def _certificate(self) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        certificate = x509.load_pem_x509_certificate((self._identity / "cert.pem").read_bytes())
        key = load_pem_private_key((self._identity / "key.pem").read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise TypeError(f"{self._identity}: not a P-256 key")
        return certificate, key


def _take(connection: Connection, entry: VerifiedEntry, signed: SignedDirectoryEntry, enter: Write) -> None:
    row = connection.execute(_FIND, {"owner": entry.owner}).first()
    if row is not None and entry.version <= row.version:
        before = SignedDirectoryEntry.FromString(row.entry)
        if (entry.version, signed.entry) == (row.version, before.entry):
            return
        raise LinkageError(Reason.CLIENT_DIRECTORY_VERSION_OLD)
    _put(connection, entry.owner, entry.version, entry.sealing.key_id, signed)
    enter(connection)


def _key_ids(connection: Connection, owners: Iterable[str]) -> dict[str, str]:
    found = {owner: connection.execute(_KEY_ID, {"owner": owner}).scalar() for owner in owners}
    return {owner: str(key_id) for owner, key_id in found.items() if key_id is not None}


def _put(connection: Connection, owner: str, version: int, key_id: str, signed: SignedDirectoryEntry) -> None:
    connection.execute(_REMOVE, {"b_owner": owner})
    values = {"owner": owner, "version": version, "hpke_key_id": key_id, "entry": signed.SerializeToString()}
    connection.execute(_ADD, values)
