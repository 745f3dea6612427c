"""Many rows into a table at once, on both databases (docs/ARCHITECTURE.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    select,
)
from sqlalchemy.exc import IntegrityError

from warifu.kernel.bulk import FEW, Bulk
from warifu.kernel.store import Store, sqlite_url

METADATA = MetaData()
ROWS = Table(
    "order",  # a word that SQL has for itself
    METADATA,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("when", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False, server_default="7"),
    Column("name", String(40), unique=True),
    Column("content", LargeBinary),
    Column("told", Boolean, nullable=False),
    Column("day", Date),
)
ADD = Bulk(ROWS, "when", "name", "content", "told")
READ = select(ROWS.c.position, ROWS.c["when"], ROWS.c.kind, ROWS.c.name, ROWS.c.content, ROWS.c.told).order_by(
    "position"
)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    server = request.param == "postgres"
    made = Store(request.getfixturevalue("postgres_database") if server else sqlite_url(tmp_path / "s.db"), METADATA)
    made.create()
    yield made
    made.close()


def rows(count: int, first: int = 0) -> list[tuple]:
    """Rows with what is easily lost on the way: nothing, zero bytes, line ends, quotes, Japanese."""
    contents = (None, b"", b"\0\xff\\N\n", "割符\t".encode())
    return [
        (2**62 + n, None if n == 3 else f"{n}'\"\\\n割", contents[n % 4], n % 2 == 0)
        for n in range(first, first + count)
    ]


@pytest.mark.parametrize("count", [0, 1, FEW - 1, FEW, 300])
async def test_rows_come_back_as_they_were(store: Store, count: int) -> None:
    """However many, each row is there once, in order, with defaults in the columns that were not named."""
    given = rows(count)
    await store.write(lambda connection: ADD.add(connection, given))
    found = [tuple(row) for row in store.read(lambda connection: connection.execute(READ).all())]
    assert found == [(n, when, 7, name, content, told) for n, (when, name, content, told) in enumerate(given, 1)]


@pytest.mark.parametrize("count", [1, FEW, 40])
async def test_a_row_that_breaks_a_rule_undoes_its_own_write_alone(store: Store, count: int) -> None:
    """The whole of one write fails with IntegrityError, without a value in its text; those beside it are kept."""
    import asyncio

    first, broken, last = rows(count), [*rows(count - 1, 100), rows(1)[0]], rows(count, 200)
    results = await asyncio.gather(
        *(store.write(lambda connection, some=some: ADD.add(connection, some)) for some in (first, broken, last)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), IntegrityError, type(None)]
    assert "割" not in str(results[1])
    names = {row.name for row in store.read(lambda connection: connection.execute(READ).all())}
    assert names == {name for _, name, _, _ in (*first, *last)}


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_many_rows_are_copied_on_a_server(store: Store) -> None:
    """PostgreSQL gets one COPY, not a statement a row."""
    cursors: list[str] = []
    engine = store.lines._write_engine
    event.listen(engine, "after_cursor_execute", lambda c, cursor, *rest: cursors.append(cursor.statusmessage))
    await store.write(lambda connection: ADD.add(connection, rows(50)))
    assert cursors[1:] == ["COPY 50"]  # after the writer's lock


def test_columns_whose_values_are_converted_are_refused() -> None:
    """A column that a driver could not take as it is, or that is not there, stops the program where the Bulk is made."""
    with pytest.raises(TypeError, match="day"):
        Bulk(ROWS, "day")
    with pytest.raises(KeyError):
        Bulk(ROWS, "nothing")
