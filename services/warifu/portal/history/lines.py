"""Lines: what a page of the history tells of an entry, sealed by itself beside the whole entry.

A page of fifty reads fifty lines and none of the records behind them, which are several times as long. A line is bound to its place, so one that
was moved to another person, moment or exchange does not open.

The shorter lines are, the more of them lie on a page of the table. What is in one is compressed, against bytes like those that most are made of, and
filled up to a step, so that hardly any length tells which codes are in it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from struct import Struct
from typing import Any, Final

from sqlalchemy import Connection

from warifu.kernel import packing
from warifu.kernel.bulk import Bulk
from warifu.kernel.months import Month
from warifu.kernel.vault import Vault
from warifu.portal.history.entries import Codes, Entry
from warifu.portal.history.schema import lines
from warifu.portal.kept import Kept, Seals

ROW: Final = ("month", "holder", "requested_at", "request_id", "sealed")
"""Columns of a line's row."""
Row = tuple[Month, bytes, int, str, bytes]
TOLD: Final = ("month", "requested_at", "request_id", "sealed")
"""What `opened` needs of a row beside the tag by which it was found."""
_ADD: Final = Bulk(lines, *ROW)
_LINE: Final = b"line/2/"
"""A line's context: this, its tag, time and id."""
_TIME: Final = Struct(">q")
_time, _time_of, _TIME_SIZE = _TIME.pack, _TIME.unpack_from, _TIME.size
_NEVER: Final = -(2**63)
"""Stands for an exchange that was not answered."""
_entry: Final[Callable[[tuple[str, int, int | None, Codes]], Entry]] = partial(tuple.__new__, Entry)
"""An entry of its fields, in a third of the time that the class takes."""
_LIKE: Final = (
    b"\xaewelfare-48\xafresidency-48\xafunion-3948\xb0insurer-0648\xaanhi-48\xaatax-48"
    b"\xb0JM90000000000\xb0JT90000000000\xb0TM90000000000\xa3P0"
)
"""What packed codes are like. Never to be changed without `_LINE`: what was written with it opens with it alone."""
_RAW: Final = -zlib.MAX_WBITS
"""Deflate (RFC 1951) without header and checksum: the seal has a better one."""
_STEP: Final = 16
_LEAST: Final = 40
"""Bytes of a line's codes: those of the world's own institutions all fit; longer ones in steps."""
_REMEMBERED: Final = 10_000
_said: dict[bytes, Codes] = {}
"""What entries say alike, unpacked once: few combinations of institutions, procedure and outcome make up everybody's history."""


def add_all(connection: Connection, seals: Seals, entries: Sequence[Kept]) -> None:
    """In the transaction that keeps the entries; raises ErasedError when the term of one is over."""
    _ADD.add(connection, [values(seals, kept) for kept in entries])


def values(seals: Seals, kept: Kept) -> Row:
    """The row of an entry's line, in the order of `ROW`; raises ErasedError."""
    month, at, request_id = kept.month, kept.requested_at, kept.request_id
    (holder,) = seals.holders([month], kept.subject)
    answered = _NEVER if kept.answered_at is None else kept.answered_at
    content = _time(answered) + _packed(Codes.of(kept))
    context = _LINE + holder + _time(at) + request_id.encode()
    return month, holder, at, request_id, seals.vault.seal(month, content, context)


def opened(vault: Vault, holders: Mapping[Month, bytes], rows: Sequence[Sequence[Any]]) -> list[Entry]:
    """The entries of rows with `TOLD`, in their order; `holders`: under which tag each month's rows lie.

    Raises:
        ErasedError: the term of one is over.
        VaultError: one was altered or moved.
    """
    contents = vault.unseal_all(
        [
            (month, sealed, _LINE + holders[month] + _time(at) + request_id.encode())
            for month, at, request_id, sealed in rows
        ]
    )
    told, size, said = [], _TIME_SIZE, _said
    for (_, at, request_id, _), content in zip(rows, contents, strict=True):
        answered, codes = _time_of(content)[0], content[size:]
        told.append(
            _entry((request_id, at, None if answered == _NEVER else answered, said.get(codes) or _unpacked(codes)))
        )
    return told


@lru_cache(maxsize=_REMEMBERED)
def _packed(codes: Codes) -> bytes:
    deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zlib.DEFLATED, _RAW, zdict=_LIKE)
    short = deflate.compress(packing.pack(codes)) + deflate.flush()
    return short.ljust(_LEAST + max(0, -(-(len(short) - _LEAST) // _STEP)) * _STEP, b"\0")


def _unpacked(said: bytes) -> Codes:
    if len(_said) >= _REMEMBERED:
        _said.clear()
    packed = zlib.decompressobj(_RAW, zdict=_LIKE).decompress(said)  # it knows its end: what fills it up is passed over
    return _said.setdefault(said, Codes(*packing.unpack(packed)))
