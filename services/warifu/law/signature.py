"""The law book's signature: which bytes the root of trust signs, and the check of what it signed.

Signing itself is the authority's business. The signature is ECDSA over P-256 with SHA-256, DER, in a file of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

DOMAIN = b"warifu/table/v1\0"


class LawSignatureError(ValueError):
    """The law book was not signed by the root of trust, or was changed afterwards."""


def digest_of(files: Mapping[str, bytes]) -> bytes:
    """SHA-256, 32 bytes, over every file's name and content, each with its length before it, in the order of names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode("utf-8"), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()


def bytes_to_sign(files: Mapping[str, bytes]) -> bytes:
    """What the root of trust signs: a domain that no other signature of the network begins with, then the digest."""
    return DOMAIN + digest_of(files)


def verify(files: Mapping[str, bytes], signature: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """Check that the holder of `key` signed exactly these files.

    Raises:
        LawSignatureError: it did not, or the key is not one of P-256.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise LawSignatureError(f"the law book is signed with P-256, not with {key.curve.name}")
    try:
        key.verify(signature, bytes_to_sign(files), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise LawSignatureError("the signature does not belong to these files and this root of trust") from None
