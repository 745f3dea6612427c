"""Lines: what a page of the history tells of an entry, sealed by itself beside the whole entry.

A page of fifty reads fifty lines and none of the records behind them, which are several times as long. A line is bound to its place, so one that
was moved to another person, moment or exchange does not open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from warifu.kernel import packing
from warifu.kernel.bulk import Bulk
from warifu.kernel.months import Month
from warifu.kernel.vault import Vault
from warifu.portal.history.entries import Entry
from warifu.portal.history.schema import lines
from warifu.portal.kept import Kept, Seals

ROW: Final = ("month", "holder", "requested_at", "request_id", "sealed")
"""Columns of a line's row."""
Row = tuple[Month, bytes, int, str, bytes]
_ADD: Final = Bulk(lines, *ROW)
_TIME_SIZE: Final = 8
_NEVER: Final = -(2**63)
"""Stands for an exchange that was not answered."""
_REMEMBERED: Final = 10_000
_said: dict[bytes, Sequence[Any]] = {}
"""What entries say alike, unpacked once: few combinations of institutions, procedure and outcome make up everybody's history."""


def add_all(connection: Connection, seals: Seals, entries: Sequence[Kept]) -> None:
    """In the transaction that keeps the entries; raises ErasedError when the term of one is over."""
    _ADD.add(connection, [values(seals, kept) for kept in entries])


def values(seals: Seals, kept: Kept) -> Row:
    """The row of an entry's line, in the order of `ROW`; raises ErasedError."""
    month, at, request_id = kept.month, kept.requested_at, kept.request_id
    (holder,) = seals.holders([month], kept.subject)
    answered = _NEVER if kept.answered_at is None else kept.answered_at
    content = answered.to_bytes(_TIME_SIZE, "big", signed=True) + packing.pack(Entry.of(kept)[3:])
    return month, holder, at, request_id, seals.vault.seal(month, content, _context(holder, at, request_id))


def opened(vault: Vault, rows: Iterable[Row]) -> list[Entry]:
    """The entries of rows, in their order.

    Raises:
        ErasedError: the term of one is over.
        VaultError: one was altered or moved.
    """
    told = list(rows)
    contents = vault.unseal_all(
        [(month, sealed, _context(holder, at, request_id)) for month, holder, at, request_id, sealed in told]
    )
    number = int.from_bytes
    return [
        Entry(
            request_id,
            at,
            None if (answered := number(content[:_TIME_SIZE], "big", signed=True)) == _NEVER else answered,
            *(_said.get(content[_TIME_SIZE:]) or _unpacked(content[_TIME_SIZE:])),
        )
        for (_, _, at, request_id, _), content in zip(told, contents, strict=True)
    ]


def _unpacked(said: bytes) -> Sequence[Any]:
    if len(_said) >= _REMEMBERED:
        _said.clear()
    return _said.setdefault(said, tuple(packing.unpack(said)))


def _context(holder: bytes, requested_at: int, request_id: str) -> bytes:
    return b"line/" + holder + requested_at.to_bytes(_TIME_SIZE, "big", signed=True) + request_id.encode()
