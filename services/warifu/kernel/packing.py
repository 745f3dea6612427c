"""Values in a row of bytes, for what is sealed as a whole: none, a number or truth, text, or bytes; each keeps its kind.

Kind (1 byte) ‖ length (4 bytes, big-endian) ‖ content. Only this program reads what it wrote, authenticated, so there is one version.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

Value = bytes | str | int | bool | None
_HEAD = struct.Struct(">cI")


def pack(values: Iterable[Value]) -> bytes:
    """The values end to end."""
    parts = []
    for value in values:
        kind, content = _encoded(value)
        parts += [_HEAD.pack(kind, len(content)), content]
    return b"".join(parts)


def unpack(data: bytes) -> list[Value]:
    """The values again."""
    values, at = [], 0
    while at < len(data):
        kind, length = _HEAD.unpack_from(data, at)
        start, at = at + _HEAD.size, at + _HEAD.size + length
        values.append(_decoded(kind, data[start:at]))
    return values


def _encoded(value: Value) -> tuple[bytes, bytes]:
    match value:
        case None:
            return b"n", b""
        case bool():
            return b"t", bytes([value])
        case int():
            return b"i", value.to_bytes(8, "big", signed=True)
        case str():
            return b"s", value.encode()
        case _:
            return b"b", value


def _decoded(kind: bytes, content: bytes) -> Value:
    match kind:
        case b"n":
            return None
        case b"t":
            return content != b"\0"
        case b"i":
            return int.from_bytes(content, "big", signed=True)
        case b"s":
            return content.decode()
        case _:
            return content
