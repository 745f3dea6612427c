"""A SELECT that every page asks, straight to SQLite's driver: values by position, rows as plain tuples.

`warifu.kernel.quick` looks up, at each execution, which form a statement has for the names of its values, and makes named rows. Where a page is
nothing but three statements, that is a tenth of it. Elsewhere than on SQLite it goes the ordinary way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Select, TextClause

from warifu.kernel.quick import Quick, plain


class Ready:
    """A SELECT with its values' names in the order in which they stand in it. Nothing of it is converted: flags come as the driver gives them.

    `elsewhere`: says the same of the same values, where another database than SQLite finds it in another way.
    """

    def __init__(
        self, statement: Select[Any] | TextClause, *names: str, elsewhere: Select[Any] | TextClause | None = None
    ) -> None:
        self._statement, self._names = statement, names
        self._elsewhere = statement if elsewhere is None else elsewhere

    def rows(self, connection: Connection, values: Sequence[Any]) -> Sequence[Any]:
        """Every row. Raises the database's error."""
        if isinstance(connection, Quick):
            return connection.plainly(self._text, values)
        return connection.execute(self._elsewhere, dict(zip(self._names, values, strict=True))).all()

    @cached_property
    def _text(self) -> str:
        """For SQLite's driver.

        Raises:
            ValueError: the names are not the statement's, or something in it would have to be converted.
        """
        return plain(self._statement, self._names)
