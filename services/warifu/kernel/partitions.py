"""Tables that lie in one partition a month on PostgreSQL, so that what is over goes as a whole: a dropped file, not deleted rows whose bytes stay.

SQLite has no partitions; there the same calls delete rows, which `secure_delete` overwrites. PostgreSQL wants the month in every key of such
a table, so it is added to them: what is unique beyond a month is seen to by the one writer that looks before it inserts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

from warifu.kernel.engines import POSTGRES
from warifu.kernel.months import Month

if TYPE_CHECKING:
    from warifu.kernel.store import Store

MONTHLY: Final = frozenset({"entries", "entry_lines", "entry_marks", "record"})
"""Names of the tables: the portal's history with its lines and marks, and the gateway's access records. By name, since migrations know no more.
An exchange's row is in none: its request id is used once in all time, which a key with the month in it could not promise."""
_COLUMN: Final = "month"
_PARTITIONS: Final = text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = CAST(:parent AS regclass)"
)


class Months:
    """The partitions of some tables of a store."""

    def __init__(self, store: Store, *tables: Table) -> None:
        """Raises ValueError for a table that is not one of `MONTHLY`."""
        if wrong := [table.name for table in tables if table.name not in MONTHLY]:
            raise ValueError(f"not kept by the month: {wrong}")
        self._store, self._tables = store, tables
        self._there: set[Month] = set()
        self._needed = store.lines.url.get_backend_name() == POSTGRES

    async def ready(self, months: Iterable[Month]) -> None:
        """Have a place for rows of these months. In a transaction before the one that needs them: what was rolled back is not there."""
        if self._needed and (missing := set(months) - self._there):
            await self._store.write(lambda connection: self._make(connection, missing))
            self._there |= missing

    def _make(self, connection: Connection, months: Iterable[Month]) -> None:
        for table in self._tables:
            for month in sorted(months):
                connection.exec_driver_sql(
                    f"CREATE TABLE IF NOT EXISTS {_name(table, month)}"
                    f" PARTITION OF {table.name} FOR VALUES FROM ({month}) TO ({month + 1})"
                )


def drop_before(connection: Connection, table: Table, first: Month) -> int:
    """Erase the rows of the months before `first`; how many there were."""
    column, value = table.c[_COLUMN], {"first": first}
    if connection.dialect.name != POSTGRES:
        return connection.execute(delete(table).where(column < bindparam("first")), value).rowcount
    counted = select(func.count()).select_from(table).where(column < bindparam("first"))
    count: int = connection.execute(counted, value).scalar_one()
    for name in connection.execute(_PARTITIONS, {"parent": table.name}).scalars().all():
        if int(name.rpartition("_")[2]) < first:
            connection.exec_driver_sql(f"DROP TABLE {name}")
    return count


def _name(table: Table, month: Month) -> str:
    return f"{table.name}_{int(month)}"


@compiles(CreateTable, POSTGRES)
def _create(element: CreateTable, compiler: Any, **words: Any) -> str:
    """A table's own form, or, by the month, as a copy that is partitioned. Migrations and `Store.create` both come through here."""
    made = element.element
    created = CreateTable(_partitioned(made), if_not_exists=element.if_not_exists) if made.name in MONTHLY else element
    written: str = compiler.visit_create_table(created, **words)
    return written


def _partitioned(table: Table) -> Table:
    copy = table.to_metadata(MetaData())
    for constraint in list(copy.constraints):
        if not isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            continue
        names = [column.name for column in constraint.columns]
        if _COLUMN not in names:
            copy.constraints.discard(constraint)
            copy.c[_COLUMN].primary_key |= isinstance(constraint, PrimaryKeyConstraint)
            copy.append_constraint(type(constraint)(*names, _COLUMN))
    copy.dialect_options[POSTGRES]["partition_by"] = f"RANGE ({_COLUMN})"
    return copy
