"""What a party trusts: the network's root certificate, the list of revoked certificates, and the signed law book (docs/ARCHITECTURE.md §4).

All of it lies in the party's `trust/` folder, put there by the authority; the party only reads it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from warifu.kernel.clock import Clock, SystemClock


class TrustError(Exception):
    """The root or the revocation list is missing, not valid or out of date: nobody can be believed until it is mended."""


class Trust:
    """A party's `trust/` folder.

    Invariant: no certificate counts as good while the revocation list cannot be read and verified (it fails closed).
    """

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        """Read what lies in `folder`/trust.

        Raises:
            TrustError: there is no usable root certificate. The revocation list is looked at when it is asked.
        """
        self._clock = clock or SystemClock()
        self.folder: Final = folder / "trust"
        self.root_path: Final = self.folder / "ca.pem"
        self.crl_path: Final = self.folder / "revoked.crl"
        self.root: Final = _root(self.root_path)
        self._issued = lru_cache(maxsize=1024)(self._is_issued)
        self._crl_name = os.fspath(self.crl_path)
        self._stamp: tuple[int, int, int] | None = None
        self._revoked: frozenset[int] = frozenset()
        self._next_update = datetime.min.replace(tzinfo=UTC)

    @property
    def law_folder(self) -> Path:
        """Folder of the signed permission table and the registers that go with it."""
        return self.folder / "law"

    @property
    def root_public_key(self) -> EllipticCurvePublicKey:
        """The root's public key, P-256: certificates, revocations and the law book are signed with it."""
        key = self.root.public_key()
        assert isinstance(key, EllipticCurvePublicKey)
        return key

    def is_revoked(self, serial: int) -> bool:
        """Whether the certificate with this serial number was revoked; the list is read again whenever its file changed.

        Raises:
            TrustError: there is no list that the root signed and that is in date.
        """
        self.refresh()
        return serial in self._revoked

    def refresh(self) -> None:
        """Read the revocation list again if its file changed, and check that it is in date.

        Raises:
            TrustError: see `is_revoked`.
        """
        try:
            status = os.stat(self._crl_name)  # noqa: PTH116 - asked for every call and key: a Path costs twice the look
        except OSError as error:
            raise TrustError(f"no revocation list at {self.crl_path}") from error
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            self._revoked, self._next_update = self._read()
            self._stamp = stamp
        if self._clock.machine() >= self._next_update:
            raise TrustError(
                f"the revocation list at {self.crl_path} is out of date since {self._next_update.isoformat()}"
            )

    def check_issued(self, certificate: x509.Certificate) -> None:
        """Check that the root issued this certificate, that it is in date and not revoked.

        Raises:
            TrustError: it is not, or nobody can tell.
        """
        self._issued(certificate)
        if not certificate.not_valid_before_utc <= self._clock.machine() < certificate.not_valid_after_utc:
            raise TrustError("the certificate is outside its validity period")
        if self.is_revoked(certificate.serial_number):
            raise TrustError("the certificate was revoked")

    def _is_issued(self, certificate: x509.Certificate) -> None:
        """Remembered by the certificate's bytes: the root stays the same for as long as the process."""
        try:
            certificate.verify_directly_issued_by(self.root)
        except Exception as error:
            raise TrustError("the certificate was not issued by the network's root") from error

    def _read(self) -> tuple[frozenset[int], datetime]:
        self._stamp = None
        try:
            crl = x509.load_pem_x509_crl(self.crl_path.read_bytes())
            valid = crl.is_signature_valid(self.root_public_key) and crl.issuer == self.root.subject
        except (OSError, ValueError, TypeError) as error:
            raise TrustError(f"the revocation list at {self.crl_path} is not readable") from error
        if not valid or crl.next_update_utc is None:
            raise TrustError(f"the revocation list at {self.crl_path} is not signed by the network's root")
        return frozenset(entry.serial_number for entry in crl), crl.next_update_utc


def _root(path: Path) -> x509.Certificate:
    try:
        root = x509.load_pem_x509_certificate(path.read_bytes())
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise TrustError(f"no usable root certificate at {path}") from error
    if not constraints.ca or not isinstance(root.public_key(), EllipticCurvePublicKey):
        raise TrustError(f"the certificate at {path} is not the root of a network")
    return root
