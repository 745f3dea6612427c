"""Numbers and codes as they lie on the disk: AES-SIV (RFC 5297), deterministic.

Deterministic, so that a unique column can be searched by what is in it and no second, weaker index is needed. What that gives away, that two
values are equal, no reader learns here: numbers and codes are unique. The key is in a file of its own, so a stolen database alone, or a
backup of it, shows no number.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_NUMBER = [b"individual number"]
_CODE = [b"resident code"]


class Vault:
    """Seals and opens the two kinds of value; each only opens as its own kind."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes."""
        self._cipher = AESSIV(key)

    def seal_number(self, number: str) -> bytes:
        """An individual number, sealed."""
        return self._cipher.encrypt(number.encode(), _NUMBER)

    def seal_code(self, code: str) -> bytes:
        """A resident code, sealed."""
        return self._cipher.encrypt(code.encode(), _CODE)

    def open_code(self, sealed: bytes) -> str:
        """The resident code.

        Raises:
            cryptography.exceptions.InvalidTag: altered, or sealed with another key.
        """
        return self._cipher.decrypt(sealed, _CODE).decode()
