"""What the numbering body holds of an exchange, for the trainer's view (simulation only): it should be nothing, and this looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, String, or_, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.kernel.store import Store
from warifu.numbering.schema import metadata

_MOST: Final = 10
"""Rows of one table that are shown: one would be too many."""
_TEXTS: Final = {
    table: columns
    for table in metadata.sorted_tables
    if (columns := [column for column in table.columns if isinstance(column.type, String)])
}
"""Every column of text, by table: the others hold numbers, and digests and ciphertexts of the numbering body's own."""


def holdings(store: Store, request_id: str) -> Sequence[Holding]:
    """Every row that has this id anywhere in its texts; none for no id."""
    return store.read(lambda connection: list(_rows(connection, request_id))) if request_id else []


def _rows(connection: Connection, request_id: str) -> Iterator[Holding]:
    for table, columns in _TEXTS.items():
        named = or_(*(column.contains(request_id, autoescape=True) for column in columns))
        for row in connection.execute(select(table).where(named).limit(_MOST)).mappings():
            held = [_value(str(column), value) for column, value in row.items() if value is not None]
            yield Holding(where=f"numbering/{table.name}", values=held)


def _value(name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value)
    return HeldValue(name=name, text=str(value))
