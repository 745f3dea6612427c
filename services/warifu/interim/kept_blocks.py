"""Sealed blocks of own exchanges as they are kept: queries as they were sent, answers as they came, each once however many share it.

A block lies under the key of a month that ends no earlier than any of its inquiries', so none outlives what it refers to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.interim.contents import Contents
from warifu.interim.schema import BLOCKS
from warifu.kernel.bulk import padded
from warifu.kernel.months import Month

_ADD = insert(BLOCKS).returning(BLOCKS.c.block)
_FIND = select(BLOCKS).where(BLOCKS.c.block.in_(bindparam("blocks", expanding=True)))
_MOVE = (
    update(BLOCKS)
    .where(BLOCKS.c.block == bindparam("b_block"))
    .values(month=bindparam("b_month"), sealed=bindparam("b_sealed"))
)
_NAME: Final = "block"


def row_of(contents: Contents, month: Month, block: bytes) -> dict[str, object]:
    """The row to add; made before the transaction, since sealing needs none."""
    return {"month": month, "sealed": contents.seal(month, _NAME, [block])}


def add(connection: Connection, row: dict[str, object]) -> int:
    """Add a row made by `row_of`; its number."""
    return int(connection.execute(_ADD, row).scalar_one())


def find(connection: Connection, contents: Contents, numbers: Collection[int]) -> Mapping[int, bytes]:
    """Blocks by number."""
    if not numbers:
        return {}
    rows = connection.execute(_FIND, {"blocks": padded(list(numbers))})
    return {row.block: contents.open(row.month, _NAME, row.sealed)[0] for row in rows}


def keep_until(connection: Connection, contents: Contents, number: int, month: Month) -> None:
    """Seal a block under a later month's key, because one of its inquiries turned out to be of that month."""
    row = connection.execute(_FIND, {"blocks": [number]}).one()
    if row.month < month:
        block = contents.open(row.month, _NAME, row.sealed)[0]
        values = {"b_block": number, "b_month": month, "b_sealed": contents.seal(month, _NAME, [block])}
        connection.execute(_MOVE, values)
