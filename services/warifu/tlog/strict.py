"""UTF-8 and base64 read strictly: one text for given bytes, so that no two files that differ say the same."""

from __future__ import annotations

import base64
import binascii


def utf8(raw: str | bytes, longest: int) -> str:
    """The text of at most `longest` bytes.

    Raises:
        ValueError: longer, or not UTF-8.
    """
    try:
        data = raw.encode() if isinstance(raw, str) else raw
        if len(data) > longest:
            raise ValueError(f"longer than {longest} bytes")
        return data.decode()
    except UnicodeError as error:
        raise ValueError("not UTF-8") from error


def to_base64(data: bytes) -> str:
    """RFC 4648 §4, padded."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """The bytes that RFC 4648 §4 writes in this way.

    Raises:
        ValueError: not base64, or written in another way than `to_base64` does.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    if to_base64(data) != text:
        raise ValueError("not canonical base64")
    return data
