"""Tables that lie in one partition a month on PostgreSQL, so that what is over goes as a whole: a dropped file, not deleted rows whose bytes stay.

SQLite has no partitions; there rows are deleted, which `secure_delete` overwrites. PostgreSQL wants the month in every key of such a table, so
it is added to them: what is unique beyond a month is seen to by the one writer that looks before it inserts. Whoever makes tables imports
this module.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import MetaData, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable

from warifu.kernel.engines import POSTGRES

MONTHLY: Final = frozenset({"entries", "entry_lines", "entry_marks", "record"})
"""Names of the tables: the portal's history with its lines and marks, and the gateway's access records. By name, since migrations know no more.
An exchange's row is in none: its request id is used once in all time, which a key with the month in it could not promise."""
MONTH: Final = "month"


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
        if MONTH not in names:
            copy.constraints.discard(constraint)
            copy.c[MONTH].primary_key |= isinstance(constraint, PrimaryKeyConstraint)
            copy.append_constraint(type(constraint)(*names, MONTH))
    copy.dialect_options[POSTGRES]["partition_by"] = f"RANGE ({MONTH})"
    return copy
