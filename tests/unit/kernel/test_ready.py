"""A SELECT that is ready gives the driver's rows for values by position, on any database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    TextClause,
    bindparam,
    create_engine,
    insert,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from warifu.kernel import quick
from warifu.kernel.ready import Ready

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("data", LargeBinary),
    Column("good", Boolean, nullable=False),
)
ROWS = [(number, f"n{number}", bytes([number]) if number % 2 else None, number % 3 == 0) for number in range(6)]
BETWEEN = (
    select(THING.c.id, THING.c.name, THING.c.data, type_coerce(THING.c.good, Integer))
    .where(THING.c.id > bindparam("first"), THING.c.name != bindparam("name"))
    .order_by(THING.c.id)
)


@pytest.fixture
def ordinary() -> Iterator[Connection]:
    """SQLAlchemy's own connection to six rows."""
    engine = create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)
    with engine.connect() as connection:
        METADATA.create_all(connection)
        connection.execute(insert(THING), [dict(zip(THING.c.keys(), row, strict=True)) for row in ROWS])
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [BETWEEN, text("SELECT id, name, data, good FROM thing WHERE id > :first AND name <> :name ORDER BY id")],
    ids=["select", "text"],
)
def test_rows_are_the_same_by_either_connection(ordinary: Connection, statement: Select[Any] | TextClause) -> None:
    """Straight to SQLite's driver or by SQLAlchemy: the rows whose values fit, in their order, as often as it is asked."""
    asked = Ready(statement, "first", "name")
    for values in ((-1, "x"), (1, "n4"), (9, "")):
        wanted = [row for row in ROWS if row[0] > values[0] and row[1] != values[1]]
        for connection in (ordinary, quick.over(ordinary)):
            assert [tuple(row) for row in asked.rows(connection, values)] == wanted


def test_other_values_than_the_statement_s_are_refused(ordinary: Connection) -> None:
    """Names in another order, or too few, are said before anything is asked; a value too few is no row."""
    for names in (("name", "first"), ("first",), ()):
        with pytest.raises(ValueError, match="not "):
            Ready(BETWEEN, *names).rows(quick.over(ordinary), (1, "n1"))
    for connection in (ordinary, quick.over(ordinary)):
        with pytest.raises(Exception, match=r"binding|argument"):
            Ready(BETWEEN, "first", "name").rows(connection, (1,))


@pytest.mark.parametrize(
    "statement",
    [select(THING.c.good).where(THING.c.id == bindparam("id")), select(THING.c.id).where(THING.c.id.in_(bindparam("id", expanding=True)))],
    ids=["a flag out", "a list in"],
)  # fmt: skip
def test_nothing_is_converted(ordinary: Connection, statement: Select[Any]) -> None:
    """A statement whose values or columns would have to be converted is refused instead of giving something else than SQLAlchemy."""
    with pytest.raises(ValueError, match=r"list|convert"):
        Ready(statement, "id").rows(quick.over(ordinary), (1,))


def test_an_error_names_no_value(ordinary: Connection) -> None:
    """An error is SQLAlchemy's, and no value is in its text."""
    asked = Ready(text("SELECT id FROM thing WHERE name = :name AND abs(:least) > 0"), "name", "least")
    with pytest.raises(OperationalError) as failed:
        asked.rows(quick.over(ordinary), ("secret", -(2**63)))
    assert "secret" not in str(failed.value)


def test_another_database_may_be_asked_in_another_way(ordinary: Connection) -> None:
    """What is said for elsewhere goes to SQLAlchemy's connection, with the same values."""
    asked = Ready(
        text("SELECT id, 'here' FROM thing WHERE id < :end"), "end", elsewhere=text("SELECT id, :end FROM thing")
    )
    assert [tuple(row) for row in asked.rows(quick.over(ordinary), (2,))] == [(0, "here"), (1, "here")]
    assert [tuple(row) for row in asked.rows(ordinary, (2,))] == [(row[0], 2) for row in ROWS]
