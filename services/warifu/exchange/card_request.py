"""What a card signs to have one more certificate. Shared by the card service, which wishes, and the numbering body, which checks."""

from __future__ import annotations

from hashlib import sha256

from warifu.exchange import domains


def wish(kind: int, request: bytes) -> bytes:
    """The bytes to sign for a certificate of `kind` (numbering.v1.CertificateKind) on a PKCS #10 request (DER)."""
    return domains.CARD_REQUEST + bytes([kind]) + sha256(request).digest()
