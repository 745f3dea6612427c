"""The partitions of tables that are kept by the month (`kernel/monthly.py`): made before they are needed, dropped when they are over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, func, select, text

from warifu.kernel.engines import POSTGRES
from warifu.kernel.monthly import MONTH, MONTHLY
from warifu.kernel.months import Month
from warifu.kernel.store import Store

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
    column, value = table.c[MONTH], {"first": first}
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
