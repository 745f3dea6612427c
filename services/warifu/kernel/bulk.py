"""Many rows into one table, as tuples; and many keys into one look-up.

A list of dictionaries costs SQLAlchemy several times what the database itself needs for the rows, so tuples go straight to the driver: on
SQLite to its `executemany`; on PostgreSQL as an INSERT while they are few, and else by COPY, which is one round trip for all and a
third less work on both sides (`warifu.kernel.engines`). Either way it is part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, String, Table

from warifu.kernel.engines import COPY

_PLAIN: Final = (BigInteger, Boolean, Integer, LargeBinary, String)
"""Types whose values a driver takes as they are."""
_COPIED: Final = ((BigInteger, "int8"), (Boolean, "bool"), (Integer, "int4"), (LargeBinary, "bytea"), (String, "text"))
"""PostgreSQL's names of those types."""
FEW: Final = 4
"""From so many rows on COPY is the cheaper way, as measured: docs/ARCHITECTURE.md §3."""


T = TypeVar("T")


def padded(keys: Sequence[T]) -> list[T]:
    """The keys for an IN list, the last one repeated until their number is a power of two.

    A driver keeps the statements that it prepared last, and one with a thousand keys takes a hundred kilobytes: with a form for each
    number of keys, a process that looks people up in bulk would grow by hundreds of megabytes and prepare each statement anew.
    """
    found = list(keys)
    if found:
        found += found[-1:] * ((1 << (len(found) - 1).bit_length()) - len(found))
    return found


class Bulk:
    """An INSERT of some columns of a table; made once, at module level. Columns that are not named get their defaults."""

    __slots__ = ("_copy", "_insert", "_text")

    def __init__(self, table: Table, *columns: str) -> None:
        """Raises KeyError for a column that the table does not have, TypeError for one whose values would need to be converted."""
        for name in columns:
            if not isinstance(table.c[name].type, _PLAIN):
                raise TypeError(f"{table.name}.{name} holds values that are converted on their way")
        into = '"{}" ({})'.format(table.name, ", ".join(f'"{name}"' for name in columns))
        self._text = f"INSERT INTO {into} VALUES ({', '.join('?' * len(columns))})"
        self._insert = f"INSERT INTO {into} VALUES ({', '.join(['%b'] * len(columns))})"
        types = [next(word for kind, word in _COPIED if isinstance(table.c[name].type, kind)) for name in columns]
        self._copy = {COPY: (f"COPY {into} FROM STDIN (FORMAT BINARY)", types)}

    def add(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, each with the values of the columns in their order.

        Raises:
            sqlalchemy.exc.IntegrityError: a row breaks a constraint.
        """
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(self._text, list(rows))
        else:
            options = self._copy if len(rows) >= FEW else None
            connection.exec_driver_sql(self._insert, list(rows), execution_options=options)
