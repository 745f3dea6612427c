"""The root of trust in one folder: its key, its certificate, its register, its revocation list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from warifu.authority.certificates import SKEW, Leaf, Validity, key_pem, make_leaf, make_revocations, make_root, new_key
from warifu.authority.files import PRIVATE_FOLDER, PUBLIC, SECRET, replace_file
from warifu.authority.register import Issued, Register
from warifu.kernel.tls import Pair

DOMAIN_PREFIX: Final = b"warifu/"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things are good, machine time.

    Leaves live 30 days, not hours: a class room's network is set up once and then stands for weeks with nobody to rotate it, and what
    short lives are for is met otherwise, since revocation is checked on each RPC. `warifu ca renew` replaces them without a restart.
    """

    root: timedelta = timedelta(days=3650)
    leaf: timedelta = timedelta(days=30)
    revocations: timedelta = timedelta(days=30)
    """The list must not run out before the certificates: without a list in date nobody is believed."""


class Authority:
    """The root of trust. Invariant: whatever it issued stands in its register before anyone has it."""

    def __init__(
        self,
        folder: Path,
        key: ec.EllipticCurvePrivateKey,
        root: x509.Certificate,
        *,
        now: Callable[[], datetime],
        lifetimes: Lifetimes,
    ) -> None:
        """Use `create` or `open`."""
        self.folder: Final = folder
        self.root: Final = root
        self.lifetimes: Final = lifetimes
        self._key = key
        self._now = now
        self._register = Register(folder / "issued.jsonl")

    @classmethod
    def create(
        cls, folder: Path, *, now: Callable[[], datetime] | None = None, lifetimes: Lifetimes | None = None
    ) -> Authority:
        """Make a new root in `folder`.

        Raises:
            FileExistsError: there is one already; it is never replaced, since every certificate hangs on it.
        """
        if (folder / "root.key").exists():
            raise FileExistsError(f"{folder} has a root already")
        now, lifetimes = now or _utc, lifetimes or Lifetimes()
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        key = new_key()
        root = make_root(key, _from(now(), lifetimes.root))
        replace_file(folder / "root.pem", root.public_bytes(Encoding.PEM), PUBLIC)
        replace_file(folder / "root.key", key_pem(key), SECRET)
        return cls(folder, key, root, now=now, lifetimes=lifetimes)

    @classmethod
    def open(
        cls, folder: Path, *, now: Callable[[], datetime] | None = None, lifetimes: Lifetimes | None = None
    ) -> Authority:
        """The root in `folder`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: its files are not a root's, or do not belong together.
        """
        key = load_pem_private_key((folder / "root.key").read_bytes(), password=None)
        root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
            raise ValueError(f"{folder}: root.key and root.pem do not belong together")
        return cls(folder, key, root, now=now or _utc, lifetimes=lifetimes or Lifetimes())

    @property
    def root_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.root.public_bytes(Encoding.PEM)

    def now(self) -> datetime:
        """Machine time, aware."""
        return self._now()

    def issue_server(self, party: str, hosts: Sequence[str] = ()) -> Pair:
        """A party's server certificate with a fresh key; `hosts` are further DNS names."""
        return self.issue([Leaf.server(party, hosts)])[0]

    def issue_client(self, party: str, code: str) -> Pair:
        """A client certificate with a fresh key: an institution's, a party's own ("main"), or a counter's ("counter", institution)."""
        return self.issue([Leaf.client(party, code)])[0]

    def issue(self, leaves: Iterable[Leaf]) -> list[Pair]:
        """Certificates with fresh keys, noted in the register together."""
        validity = _from(self._now(), self.lifetimes.leaf)
        pairs: list[Pair] = []
        entries: list[Issued] = []
        for leaf in leaves:
            key = new_key()
            certificate = make_leaf(leaf, key.public_key(), self._key, validity)
            pairs.append(Pair(certificate.public_bytes(Encoding.PEM), key_pem(key)))
            entries.append(Issued(certificate.serial_number, str(leaf.name.value), self._now(), validity.end))
        self._register.add_issued(entries)
        return pairs

    def issued(self) -> list[Issued]:
        """Everything issued, in order, with revocations."""
        return self._register.entries()

    def revoke(self, serial: int) -> Issued:
        """Revoke a certificate; it takes effect where the list is written to next. Revoking again changes nothing.

        Raises:
            LookupError: no such certificate was issued here.
        """
        entry = next((entry for entry in self.issued() if entry.serial == serial), None)
        if entry is None:
            raise LookupError(f"no certificate with serial number {serial:x} was issued here")
        if entry.revoked_at is None:
            self._register.add_revoked(serial, self._now())
        return entry

    def revocations(self) -> bytes:
        """The list of what is revoked, signed, PEM."""
        revoked = [(entry.serial, entry.revoked_at) for entry in self.issued() if entry.revoked_at is not None]
        return make_revocations(self._key, revoked, _from(self._now(), self.lifetimes.revocations))

    def write_crl(self, paths: Iterable[Path]) -> None:
        """Write the revocation list to each of `paths`; parties read it again at their next call."""
        revocations = self.revocations()
        for path in paths:
            replace_file(path, revocations, PUBLIC)

    def sign(self, message: bytes) -> bytes:
        """ECDSA P-256 with SHA-256, DER, over a message that begins with its domain, such as the law book's bytes to sign.

        Raises:
            ValueError: the message has no domain: such a signature could be taken for one over something else, even a certificate.
        """
        if not message.startswith(DOMAIN_PREFIX) or b"\0" not in message:
            raise ValueError("what the root signs begins with its domain, warifu/…\\0")
        return self._key.sign(message, ec.ECDSA(SHA256()))


def _from(now: datetime, life: timedelta) -> Validity:
    start = now.replace(microsecond=0)
    return Validity(start - SKEW, start + life)


def _utc() -> datetime:
    return datetime.now(tz=UTC)
