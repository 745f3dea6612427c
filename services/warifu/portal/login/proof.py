r"""What a card signs, and the check of it. Shared by the portal, which asks, and the card service, which answers.

The card signs, with ECDSA P-256 and SHA-256,

    "warifu/card-auth/v1\0" ‖ challenge (32 bytes) ‖ length of origin (16 bits, big-endian) ‖ origin ‖ session hash (32 bytes)

Origin is that of the portal, in ASCII; session hash is the SHA-256 of the portal's pre-login cookie. A proof given to one portal, one
browser or one challenge therefore serves for no other.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

TAG: Final = b"warifu/card-auth/v1\0"
CHALLENGE_SIZE: Final = 32
HASH_SIZE: Final = 32
MAX_CERTIFICATE: Final = 4096
"""Bytes of a DER certificate that is looked at."""
_MAX_SIGNATURE: Final = 80


class ProofError(ValueError):
    """A proof that proves nothing; the message says what is wrong with it, for the log."""


def message(challenge: bytes, origin: str, session_hash: bytes) -> bytes:
    """The bytes to sign.

    Raises:
        ProofError: challenge or session hash not of 32 bytes, origin empty, not ASCII or too long.
    """
    if len(challenge) != CHALLENGE_SIZE or len(session_hash) != HASH_SIZE:
        raise ProofError("challenge and session hash have 32 bytes")
    if not origin.isascii() or not 0 < len(origin) <= 0xFFFF:  # noqa: PLR2004 - the length has 16 bits
        raise ProofError("not an origin")
    return b"".join((TAG, challenge, len(origin).to_bytes(2, "big"), origin.encode("ascii"), session_hash))


def sign(key: ec.EllipticCurvePrivateKey, challenge: bytes, origin: str, session_hash: bytes) -> bytes:
    """The card's signature, DER."""
    return key.sign(message(challenge, origin, session_hash), ec.ECDSA(SHA256()))


class LapsedError(ProofError):
    """A proof that is right but for the certificate's end, which is over; `serial` says which certificate (hexadecimal)."""

    def __init__(self, serial: str) -> None:
        super().__init__("the certificate has run out")
        self.serial = serial


@dataclass(frozen=True, slots=True)
class Proof:
    """What the browser brings back from the card service."""

    challenge: bytes
    certificate: bytes
    """DER."""
    signature: bytes

    @classmethod
    def read(cls, challenge: str, certificate: str, signature: str) -> Proof:
        """From the query parameters of the way back.

        Raises:
            ProofError: not base64url, or too long to be what it should be.
        """
        return cls(
            decode(challenge, CHALLENGE_SIZE), decode(certificate, MAX_CERTIFICATE), decode(signature, _MAX_SIGNATURE)
        )

    def parameters(self) -> dict[str, str]:
        """Query parameters for the way back."""
        return {
            "challenge": encode(self.challenge),
            "certificate": encode(self.certificate),
            "signature": encode(self.signature),
        }

    def check(self, authority: x509.Certificate, origin: str, session_hash: bytes, today: datetime) -> str:
        """The serial number, hexadecimal, of the certificate whose holder gave this proof.

        Checked are: issued by `authority`, both valid at `today` (network time), an end-entity certificate for signing and client
        authentication with a P-256 key, and the signature over challenge, origin and session. Not checked are whether the
        challenge is one of ours and unused, and whether the certificate was revoked.

        Raises:
            LapsedError: all of it holds but that the certificate is past its end.
            ProofError: any of it does not hold.
        """
        certificate = _parse(self.certificate)
        _check_issuer(certificate, authority, today)
        _check_usage(certificate)
        key = _key(certificate)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ProofError("not a P-256 key")
        try:
            key.verify(self.signature, message(self.challenge, origin, session_hash), ec.ECDSA(SHA256()))
        except InvalidSignature as error:
            raise ProofError("the signature does not fit") from error
        serial = f"{certificate.serial_number:x}"
        if today > certificate.not_valid_after_utc:
            raise LapsedError(serial)
        return serial


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, longest: int) -> bytes:
    """The bytes of base64url without padding.

    Raises:
        ProofError: not that, or over `longest` bytes.
    """
    if len(text) > longest * 4 // 3 + 3:
        raise ProofError("too long")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError("not base64url") from error
    if len(data) > longest:
        raise ProofError("too long")
    return data


def _parse(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except Exception as error:
        raise ProofError("not a certificate") from error


def _check_issuer(certificate: x509.Certificate, authority: x509.Certificate, today: datetime) -> None:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception as error:  # a stranger's bytes: whatever the library dislikes, the authority did not issue it
        raise ProofError("not issued by the card authority") from error
    if today < certificate.not_valid_before_utc:
        raise ProofError("not valid yet")
    if not authority.not_valid_before_utc <= today <= authority.not_valid_after_utc:
        raise ProofError("the card authority is outside its validity period")


def _key(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProofError("not a readable key") from error


def _check_usage(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise ProofError("not a certificate for user authentication") from error
    if constraints.ca or not usage.digital_signature or ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        raise ProofError("not a certificate for user authentication")
