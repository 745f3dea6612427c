"""Directory entries of those whom a run plays: right ones under versions that only rise, and wrong ones."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from warifu.exchange.directory import VerifiedEntry, make_entry, verify_entry
from warifu.exchange.domains import DIRECTORY
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.trust import Trust

_LIFE: Final = timedelta(days=7)
Certified = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@dataclass(slots=True)
class Register:
    """Keys, certificates and entries."""

    root: Path
    """The network: a folder for each party."""
    requester_code: str
    keys: dict[str, InstitutionKeys] = field(default_factory=dict)
    """By owner."""
    versions: dict[str, int] = field(default_factory=dict)
    """The highest that was relayed, by owner."""
    published: list[pb.SignedDirectoryEntry] = field(default_factory=list)
    """The requester's own, in order."""
    _identities: dict[str, Path] = field(default_factory=dict)

    def add(self, party: str, code: str, owner: str) -> None:
        """Take part as `owner`, with the identity `code` of a party's folder."""
        self.keys[owner] = InstitutionKeys.load_or_create(self.root / party / "secrets", owner)
        self.versions[owner] = int(time.time() * 1000)
        self._identities[owner] = self.root / party / "identities" / code

    def entry(
        self,
        owner: str,
        *,
        version: int | None = None,
        signing: InstitutionKeys | None = None,
        by: str | None = None,
        age: timedelta = timedelta(0),
    ) -> pb.SignedDirectoryEntry:
        """An entry of an owner.

        Args:
            owner: whose.
            version: if not the present one.
            signing: has another signing key than the owner's; the HPKE key stays.
            by: whose certificate signs it, if not the owner's.
            age: how long ago it began.
        """
        certificate, key = self._certified(by or owner)
        begun = datetime.now(tz=UTC) - age
        number = self.versions[owner] if version is None else version
        made = make_entry(self.keys[owner], number, (begun, begun + _LIFE), certificate, key)
        if signing is None:
            return made
        entry = pb.DirectoryEntry.FromString(made.entry)
        entry.signing_key_id, entry.signing_public_key = signing.signing_key_id, signing.signing_public
        return self.signed(entry, by or owner)

    def signed(self, entry: pb.DirectoryEntry, by: str) -> pb.SignedDirectoryEntry:
        """An entry of any content, signed with somebody's certificate."""
        certificate, key = self._certified(by)
        data = entry.SerializeToString(deterministic=True)
        return pb.SignedDirectoryEntry(
            entry=data,
            certificate=certificate.public_bytes(Encoding.DER),
            signature=key.sign(DIRECTORY + data, ec.ECDSA(SHA256())),
        )

    def requester(self) -> VerifiedEntry:
        """The newest entry that the requester published, when it is right.

        Raises:
            DirectoryError: it is not.
            LookupError: there is none.
        """
        return verify_entry(self.published[-1], Trust(self.root / "gateway"), datetime.now(tz=UTC))

    def _certified(self, owner: str) -> Certified:
        folder = self._identities[owner]
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes()), key


def new_keys(owner: str) -> InstitutionKeys:
    """Keys that nobody has seen."""
    return InstitutionKeys(owner, [os.urandom(96)], os.urandom(32))
