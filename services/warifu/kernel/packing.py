"""Values in a row of bytes, for what is sealed as a whole: none, a number or truth, text, or bytes; each keeps its kind (MessagePack).

Only this program reads what it wrote, authenticated, so there is one version.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import msgpack

Value = bytes | str | int | bool | None
_thread: Final = threading.local()
"""Each thread's packer: to make one costs more than to pack a row."""


def pack(values: Sequence[Value]) -> bytes:
    """The values end to end.

    Raises:
        OverflowError: a number of more than 64 bits.
    """
    try:
        pack_ = _thread.pack
    except AttributeError:
        pack_ = _thread.pack = msgpack.Packer().pack
    packed: bytes = pack_(values)
    return packed


def unpack(data: bytes) -> list[Any]:
    """The values again."""
    values: list[Any] = msgpack.unpackb(data)
    return values
