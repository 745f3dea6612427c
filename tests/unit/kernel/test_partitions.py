"""Tables that are kept by the month: one partition each on PostgreSQL, rows on SQLite, the same calls for both (docs/ARCHITECTURE.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, UniqueConstraint, inspect, select, text
from sqlalchemy.exc import IntegrityError

from warifu.kernel.bulk import Bulk
from warifu.kernel.partitions import Months, drop_before
from warifu.kernel.store import Store, sqlite_url

METADATA = MetaData()
KEPT = Table(
    "record",
    METADATA,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("month", Integer, nullable=False),
    Column("name", String(20)),
    UniqueConstraint("name"),
)
OTHER = Table("other", METADATA, Column("month", Integer, primary_key=True))
ADD = Bulk(KEPT, "position", "month", "name")
MAY = 2026 * 12 + 4


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    server = request.param == "postgres"
    made = Store(request.getfixturevalue("postgres_database") if server else sqlite_url(tmp_path / "s.db"), METADATA)
    made.create()
    yield made
    made.close()


def names(store: Store) -> list[str]:
    """What is kept, in order."""
    return list(store.read(lambda connection: connection.execute(select(KEPT.c.name).order_by("position")).scalars()))


async def fill(store: Store, months: dict[int, int]) -> None:
    """So many rows in each month."""
    await Months(store, KEPT).ready(months)
    rows = [(month * 100 + n, month, f"{month}/{n}") for month, count in months.items() for n in range(count)]
    await store.write(lambda connection: ADD.add(connection, rows))


async def test_months_that_are_over_go_as_a_whole(store: Store) -> None:
    """Everything before a month goes, its number is told, and nothing of that month or later is touched."""
    await fill(store, {MAY: 3, MAY + 1: 9, MAY + 2: 1})
    assert await store.write(lambda connection: drop_before(connection, KEPT, MAY + 2)) == 12
    assert names(store) == [f"{MAY + 2}/0"]
    assert await store.write(lambda connection: drop_before(connection, KEPT, MAY + 2)) == 0


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_on_a_server_a_month_is_a_table_that_goes(store: Store) -> None:
    """No deleted row stays in a file: the month's own table is dropped."""
    await fill(store, {MAY: 2, MAY + 1: 2})

    def tables() -> set[str]:
        return set(store.read(lambda connection: inspect(connection).get_table_names()))

    assert tables() == {"record", "other", f"record_{MAY}", f"record_{MAY + 1}"}
    assert store.read(lambda c: c.execute(text(f"SELECT count(*) FROM record_{MAY}")).scalar_one()) == 2
    await store.write(lambda connection: drop_before(connection, KEPT, MAY + 1))
    assert tables() == {"record", "other", f"record_{MAY + 1}"}


async def test_a_write_that_fails_takes_no_month_with_it(store: Store) -> None:
    """A month that was made ready stays so when the write it was made for is undone."""
    months = Months(store, KEPT)
    await months.ready([MAY])
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: ADD.add(connection, [(1, MAY, "a"), (1, MAY, "b")]))
    await months.ready([MAY])
    await store.write(lambda connection: ADD.add(connection, [(1, MAY, "c")]))
    assert names(store) == ["c"]


async def test_two_processes_make_the_same_month_ready(store: Store) -> None:
    """Whoever comes second finds it there."""
    other = Store(store.lines.url, METADATA)
    for one in (store, other):
        await Months(one, KEPT).ready([MAY, MAY + 1])
    await fill(store, {MAY: 1})
    assert names(other) == [f"{MAY}/0"]
    other.close()


async def test_what_is_unique_stays_so_within_a_month(store: Store) -> None:
    """The database itself refuses a second row of the same name in one month."""
    await fill(store, {MAY: 1})
    with pytest.raises(IntegrityError):
        await store.write(lambda connection: ADD.add(connection, [(9, MAY, f"{MAY}/0")]))


def test_a_table_that_is_not_kept_by_the_month_is_refused(store: Store) -> None:
    """Its partitions could never be made."""
    with pytest.raises(ValueError, match="other"):
        Months(store, OTHER)
