"""The directory: public keys that each institution signs itself and the gateway only relays (docs/PROTOCOL.md §3.4).

An entry is believed when the network's root issued the certificate that signed it and that certificate names the owner. A version
lower than one ever seen is refused, also after a restart: the memory is a table of the reader's own store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Delete,
    Insert,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from warifu.exchange import domains, form
from warifu.exchange.keys import InstitutionKeys, SealingKey, UnusableKeyError, VerifyingKey
from warifu.exchange.permit import CLOCK_SKEW, stamp
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel import identity
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import moment
from warifu.kernel.store import Store
from warifu.kernel.trust import TrustError

GATEWAY: Final = "gateway"
"""Owner of the gateway's own entry, signed with the certificate of spiffe://…/gateway/main."""
_REMEMBERED: Final = 4
"""Entries kept for each owner, so that what was signed or sealed before a change of keys can still be read."""
_REFETCH: Final = timedelta(seconds=1)
"""Between two fetches for the sake of one unknown key id."""


class DirectoryError(ValueError):
    """An entry that must not be believed."""


_UNBELIEVABLE: Final = (
    ValueError,
    OverflowError,
    InvalidSignature,
    TrustError,
    LinkageError,
    # what a malformed certificate makes its reader raise
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)


class Issuer(Protocol):
    """Who knows which certificates are good: `warifu.kernel.trust.Trust`."""

    def check_issued(self, certificate: x509.Certificate) -> None:
        """Raise TrustError unless the root issued it, it is in date and not revoked."""

    def is_revoked(self, serial: int) -> bool:
        """Whether the certificate was revoked; raises TrustError when nobody can tell."""


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry that was checked, with its keys parsed."""

    owner: str
    version: int
    sealing: SealingKey
    signing: VerifyingKey
    not_before: datetime
    """Machine time."""
    not_after: datetime
    """Machine time: the end of the entry or of its certificate, whichever comes first."""
    serial: int
    """Of the certificate that signed it."""

    def holds(self, now: datetime) -> bool:
        """Is machine time `now` within its dates, with 30 s allowed for a clock behind."""
        return self.not_before - CLOCK_SKEW <= now < self.not_after


def make_entry(
    keys: InstitutionKeys,
    version: int,
    valid: tuple[datetime, datetime],
    certificate: x509.Certificate,
    tls_key: EllipticCurvePrivateKey,
) -> exchange_pb2.SignedDirectoryEntry:
    """An institution's own entry, signed with its certificate's key; `valid` are machine times from and until."""
    entry = exchange_pb2.DirectoryEntry(
        owner=keys.owner,
        version=version,
        hpke_key_id=keys.hpke_key_id,
        hpke_public_key=keys.hpke_public,
        signing_key_id=keys.signing_key_id,
        signing_public_key=keys.signing_public,
        not_before=stamp(valid[0]),
        not_after=stamp(valid[1]),
    ).SerializeToString(deterministic=True)
    return exchange_pb2.SignedDirectoryEntry(
        entry=entry,
        certificate=certificate.public_bytes(Encoding.DER),
        signature=tls_key.sign(domains.DIRECTORY + entry, ECDSA(SHA256())),
    )


def verify_entry(signed: exchange_pb2.SignedDirectoryEntry, issuer: Issuer, now: datetime) -> VerifiedEntry:
    """The entry, when its owner signed it with a good certificate and it holds at machine time `now`.

    Raises:
        DirectoryError: a certificate that is foreign, revoked, out of date or another's (a counter terminal's too); altered;
            out of its dates; keys that must not be used or that do not have the ids they are given.
    """
    try:
        certificate, verified = _signed(signed.entry, signed.certificate, signed.signature)
        issuer.check_issued(certificate)
    except _UNBELIEVABLE as error:
        raise DirectoryError(f"directory entry: {error}") from error
    if not verified.holds(now):
        raise DirectoryError(f"the entry of {verified.owner!r} is outside its dates")
    return verified


@lru_cache(
    maxsize=256
)  # institutions of one process read the same entries; what these bytes say depends on nothing else
def _signed(entry: bytes, certificate: bytes, signature: bytes) -> tuple[x509.Certificate, VerifiedEntry]:
    """Who signed an entry, and the entry, when they are its owner and its keys may be used; not yet whether the certificate is good.

    Raises one of `_UNBELIEVABLE`.
    """
    signer = x509.load_der_x509_certificate(certificate)
    caller = identity.caller_of(signer)
    parsed = form.parse_whole(exchange_pb2.DirectoryEntry, entry, "entry")
    _check_signature(entry, signature, signer)
    verified = _verified(parsed, signer)
    if parsed.owner != _owner(caller):
        raise DirectoryError(f"the entry of {parsed.owner!r} is signed by {caller.uri}")
    return signer, verified


def _owner(caller: identity.Caller) -> str | None:
    if caller.party == identity.COUNTER:
        return None
    return GATEWAY if (caller.party, caller.code) == (GATEWAY, "main") else caller.code


def _check_signature(entry: bytes, signature: bytes, certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise DirectoryError("not a P-256 certificate")
    key.verify(signature, domains.DIRECTORY + entry, ECDSA(SHA256()))


def _verified(entry: exchange_pb2.DirectoryEntry, certificate: x509.Certificate) -> VerifiedEntry:
    sealing = SealingKey.parse(entry.owner, entry.hpke_public_key)
    signing = VerifyingKey.parse(entry.owner, entry.signing_public_key)
    if (sealing.key_id, signing.key_id) != (entry.hpke_key_id, entry.signing_key_id):
        raise UnusableKeyError("a key id is not its key's")
    return VerifiedEntry(
        owner=entry.owner,
        version=entry.version,
        sealing=sealing,
        signing=signing,
        not_before=moment(entry.not_before),
        not_after=min(moment(entry.not_after), certificate.not_valid_after_utc),
        serial=certificate.serial_number,
    )


def directory_table(metadata: MetaData) -> Table:
    """The table in which a reader remembers the entries it has seen; part of that reader's schema."""
    return Table(
        "directory_entries",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("version", BigInteger, primary_key=True, autoincrement=False),
        Column("signed", LargeBinary, nullable=False),
    )


@dataclass(frozen=True, slots=True)
class _Statements:
    """What a reader's memory is read and written by."""

    newest_first: Select[Any]
    drop: Delete
    add: Insert
    thin: Delete


@cache  # a schema's, of which a process has few: the institutions of a kind share the statements
def _statements(table: Table) -> _Statements:
    columns = table.c
    mine = columns.owner == bindparam("of")
    kept = select(columns.version).where(mine).order_by(columns.version.desc()).limit(_REMEMBERED)
    return _Statements(
        newest_first=select(columns.version, columns.signed).where(mine).order_by(columns.version.desc()),
        drop=delete(table).where(mine, columns.version == bindparam("than")),
        add=insert(table),
        thin=delete(table).where(mine, columns.version.not_in(kept)),
    )


Fetch = Callable[[str], Awaitable[exchange_pb2.SignedDirectoryEntry]]
"""Asks the gateway for an owner's entry: `DirectoryService.GetEntry`. Raises LinkageError."""


class Directory:
    """One reader's view of everyone's keys: fetched when needed, checked, remembered.

    Invariant: for each owner the highest version ever seen only rises.
    """

    def __init__(self, store: Store, table: Table, issuer: Issuer, clock: Clock, fetch: Fetch) -> None:
        self._store = store
        self._issuer = issuer
        self._clock = clock
        self._fetch = fetch
        self._entries: dict[str, list[VerifiedEntry]] = {}
        self._highest: dict[str, tuple[int, bytes]] = {}
        self._missing: dict[tuple[str, str], datetime] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._statements = _statements(table)

    async def entry(self, owner: str) -> VerifiedEntry:
        """The newest entry of `owner`, fetched when none is at hand or it no longer holds.

        Raises:
            LinkageError: PROVIDER_DIRECTORY_ENTRY_INVALID (also for a version lower than one seen), CLIENT_DIRECTORY_ENTRY_UNKNOWN,
                or what the fetch raised.
        """
        found = self._newest(owner)
        return found if found is not None else await self._refreshed(owner, force=False)

    async def signing_key(self, owner: str, key_id: str) -> VerifyingKey | None:
        """The owner's signing key of this id, the present one or one before; None when the owner has no such key."""
        found = await self._found(owner, key_id, lambda entry: entry.signing.key_id == key_id)
        return found.signing if found else None

    async def sealing_key(self, owner: str, key_id: str) -> SealingKey | None:
        """The owner's HPKE key of this id, the present one or one before; None when the owner has no such key."""
        found = await self._found(owner, key_id, lambda entry: entry.sealing.key_id == key_id)
        return found.sealing if found else None

    async def refresh(self, owner: str) -> VerifiedEntry:
        """Fetch anew, such as after a peer could not open what was sealed to it. Raises as `entry`."""
        return await self._refreshed(owner, force=True)

    def _newest(self, owner: str) -> VerifiedEntry | None:
        entries = self._entries.get(owner)
        return entries[0] if entries and self._good(entries[0]) else None

    def _with(self, owner: str, wanted: Callable[[VerifiedEntry], bool]) -> VerifiedEntry | None:
        known = self._entries.get(owner, ())
        return next((entry for entry in known if wanted(entry) and self._good(entry)), None)

    def _good(self, entry: VerifiedEntry) -> bool:
        try:
            return entry.holds(self._clock.machine()) and not self._issuer.is_revoked(entry.serial)
        except TrustError:
            return False

    async def _found(self, owner: str, key_id: str, wanted: Callable[[VerifiedEntry], bool]) -> VerifiedEntry | None:
        """A known entry that fits, fetched anew when none does: only a fetch after a key was met can tell that there is none."""
        found = self._with(owner, wanted)
        if found is not None:
            return found
        async with self._lock(owner):
            self._remember(owner)
            found = self._with(owner, wanted)  # who held the lock may have fetched it
            if found is not None or self._is_missing(owner, key_id):
                return found
            await self._fetch_one(owner)
            found = self._with(owner, wanted)
            if found is None:
                self._missing[owner, key_id] = self._clock.machine()
        return found

    def _is_missing(self, owner: str, key_id: str) -> bool:
        """Did a fetch of the last second show no such key. Forgets older misses, so that strangers' ids do not pile up."""
        since = self._clock.machine() - _REFETCH
        self._missing = {name: at for name, at in self._missing.items() if at > since}
        return (owner, key_id) in self._missing

    async def _refreshed(self, owner: str, *, force: bool) -> VerifiedEntry:
        async with self._lock(owner):
            self._remember(owner)
            found = self._newest(owner)
            return found if found is not None and not force else await self._fetch_one(owner)

    def _lock(self, owner: str) -> asyncio.Lock:
        return self._locks.setdefault(owner, asyncio.Lock())

    async def _fetch_one(self, owner: str) -> VerifiedEntry:
        return await self._take(owner, await self._fetch(owner))

    def _remember(self, owner: str) -> None:
        """Read the memory of an owner once. Entries that no longer verify still count as seen."""
        if owner in self._highest:
            return
        rows = self._store.read(lambda c: c.execute(self._statements.newest_first, {"of": owner}).all())
        self._highest[owner] = (rows[0].version, rows[0].signed) if rows else (-1, b"")
        entries = []
        for row in rows:
            try:
                signed = exchange_pb2.SignedDirectoryEntry.FromString(row.signed)
                entries.append(verify_entry(signed, self._issuer, self._clock.machine()))
            except DirectoryError:
                continue
        self._entries[owner] = entries

    async def _take(self, owner: str, signed: exchange_pb2.SignedDirectoryEntry) -> VerifiedEntry:
        entry = self._acceptable(owner, signed)
        data = signed.SerializeToString(deterministic=True)
        if data != self._highest[owner][1]:
            await self._store.write(lambda connection: self._save(connection, entry, data))
            self._highest[owner] = (entry.version, data)
        kept = [known for known in self._entries[owner] if known.version != entry.version]
        self._entries[owner] = [entry, *kept][:_REMEMBERED]
        return entry

    def _acceptable(self, owner: str, signed: exchange_pb2.SignedDirectoryEntry) -> VerifiedEntry:
        try:
            entry = verify_entry(signed, self._issuer, self._clock.machine())
        except DirectoryError as error:
            raise _unbelievable(owner) from error
        version, before = self._highest[owner]
        replaced = entry.version == version and _content(before) != signed.entry
        if entry.owner != owner or entry.version < version or replaced:
            raise _unbelievable(owner)
        return entry

    def _save(self, connection: Connection, entry: VerifiedEntry, data: bytes) -> None:
        of, row = {"of": entry.owner}, {"owner": entry.owner, "version": entry.version, "signed": data}
        connection.execute(self._statements.drop, of | {"than": entry.version})
        connection.execute(
            self._statements.add, [row]
        )  # a list: nobody asks for its key, so it goes straight to the driver
        connection.execute(self._statements.thin, of)


def _content(signed: bytes) -> bytes:
    return exchange_pb2.SignedDirectoryEntry.FromString(signed).entry


def _unbelievable(owner: str) -> LinkageError:
    return LinkageError(Reason.PROVIDER_DIRECTORY_ENTRY_INVALID, metadata={"owner": owner})
