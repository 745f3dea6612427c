"""Many rows into one table, as tuples.

On SQLite a list of dictionaries costs SQLAlchemy several times what the database itself needs for the rows, so tuples go straight to the
driver's `executemany`; on other databases SQLAlchemy's own batches are used. Either way it is part of the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, String, Table, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import IdentifierPreparer

_PLAIN: Final = (BigInteger, Boolean, Integer, LargeBinary, String)
"""Types whose values a driver takes as they are."""
_QUOTER: Final = IdentifierPreparer(sqlite.dialect())  # type: ignore[no-untyped-call]


class Bulk:
    """An INSERT of some columns of a table; made once, at module level. Columns that are not named get their defaults."""

    __slots__ = ("_names", "_statement", "_text")

    def __init__(self, table: Table, *columns: str) -> None:
        """Raises KeyError for a column that the table does not have, TypeError for one whose values would need to be converted."""
        for name in columns:
            if not isinstance(table.c[name].type, _PLAIN):
                raise TypeError(f"{table.name}.{name} holds values that are converted on their way")
        self._names = columns
        self._statement = insert(table)
        quoted = ", ".join(_QUOTER.quote(name) for name in columns)
        places = ", ".join("?" * len(columns))
        self._text = f"INSERT INTO {_QUOTER.format_table(table)} ({quoted}) VALUES ({places})"

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
            connection.execute(self._statement, [dict(zip(self._names, row, strict=True)) for row in rows])
