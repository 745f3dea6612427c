"""Padding to size classes, so that a ciphertext's length tells only which class its content fell into (docs/PROTOCOL.md §3).

Classes: 1, 4, 16, 64, 256 KiB, then multiples of 256 KiB. Form: length (32 bits, big-endian) ‖ content ‖ zero bytes.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
CLASSES: Final = (1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB)
"""The named classes, in bytes."""
LARGEST: Final = 16 * KIB * KIB
"""Bytes of the largest padded content that is read or written: 16 MiB."""
_PREFIX: Final = 4


class PaddingError(ValueError):
    """Content too large to pad, or bytes that are no padded content."""


def size_class(size: int) -> int:
    """The smallest class of at least `size` bytes.

    Raises:
        PaddingError: above 16 MiB.
    """
    if size > LARGEST:
        raise PaddingError(f"{size} bytes are over the limit of {LARGEST}")
    for named in CLASSES:
        if size <= named:
            return named
    step = CLASSES[-1]
    return -(-size // step) * step


def pad(content: bytes, *, floor: int = 0) -> bytes:
    """Pad `content` to its class, or to the class of `floor` bytes when that is larger.

    Raises:
        PaddingError: above 16 MiB.
    """
    size = size_class(max(_PREFIX + len(content), floor))
    return (len(content).to_bytes(_PREFIX, "big") + content).ljust(size, b"\0")


def unpad(padded: bytes) -> bytes:
    """The content of padded bytes.

    Raises:
        PaddingError: the size is no class, the length does not fit, or a padding byte is not zero.
    """
    size = int.from_bytes(padded[:_PREFIX], "big")
    if len(padded) > LARGEST or size_class(len(padded)) != len(padded) or _PREFIX + size > len(padded):
        raise PaddingError("not a padded block")
    if padded.count(b"\0", _PREFIX + size) != len(padded) - _PREFIX - size:
        raise PaddingError("padding is not zero")
    return padded[_PREFIX : _PREFIX + size]
