"""The quicker connection gives what SQLAlchemy's own gives, and goes to the driver only with what comes again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, NoResultFound, StatementError
from sqlalchemy.pool import StaticPool

from warifu.kernel import quick

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("data", LargeBinary),
    Column("good", Boolean),
    Column("born", Date),
)
ALL = select(THING).order_by(THING.c.id)
STATEMENTS = {
    "all": (ALL, ["none"]),
    "by key": (select(THING).where(THING.c.id == bindparam("id")), ["id"]),
    "key and a value in the statement": (
        select(THING.c.name).where(THING.c.id >= bindparam("id"), THING.c.good.is_(True)).order_by(THING.c.id).limit(3),
        ["id"],
    ),
    "list": (
        select(THING.c.id, THING.c.data).where(THING.c.id.in_(bindparam("ids", expanding=True))).order_by(THING.c.id),
        ["ids"],
    ),
    "list between others": (
        select(THING.c.id, THING.c.good)
        .where(THING.c.id > bindparam("id"), THING.c.name.in_(bindparam("names", expanding=True)), THING.c.id < bindparam("end"))
        .order_by(THING.c.id.desc()),
        ["id", "names", "end"],
    ),
    "list in the statement": (
        select(THING.c.id).where(THING.c.name.in_(["n1", "n4"]), THING.c.id > bindparam("id"), THING.c.id.not_in([])).order_by(THING.c.id),
        ["id"],
    ),
    "text": (text("SELECT id, name FROM thing WHERE id < :end AND name <> :id ORDER BY id"), ["end", "id"]),
    "converted": (select(THING.c.born, THING.c.id).where(THING.c.good == bindparam("good")).order_by(THING.c.id), ["good"]),
    "counted": (select(func.count(), func.max(THING.c.born)).where(THING.c.id < bindparam("end")), ["end"]),
}  # fmt: skip
ROWS = [
    {"id": n, "name": f"n{n}", "data": bytes([n]) if n % 3 else None, "good": n % 2 == 0, "born": date(2026, 1, 1 + n) if n % 4 else None}
    for n in range(9)
]  # fmt: skip


@pytest.fixture
def ordinary() -> Iterator[Connection]:
    """SQLAlchemy's own connection to nine rows."""
    engine = create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)
    with engine.connect() as connection:
        METADATA.create_all(connection)
        connection.execute(insert(THING), ROWS)
        yield connection
    engine.dispose()


VALUES = st.fixed_dictionaries(
    {
        "id": st.integers(-1, 10),
        "end": st.integers(-1, 10),
        "ids": st.lists(st.integers(-1, 10), max_size=6),
        "names": st.lists(st.sampled_from(["n1", "n2", "n7", "x'; --"]), max_size=5),
        "good": st.booleans(),
    }
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(which=st.sampled_from(sorted(STATEMENTS)), values=VALUES)
def test_rows_are_those_of_sqlalchemy_in_value_type_and_name(
    ordinary: Connection, which: str, values: dict[str, object]
) -> None:
    """Whatever is asked with whatever values, a third time too, rows are equal, of equal types, and read by the same names."""
    statement, names = STATEMENTS[which]
    given_values = {name: values[name] for name in names if name != "none"}
    expected = ordinary.execute(statement, given_values).all()
    swift = quick.over(ordinary)
    for _ in range(3):
        found = swift.execute(statement, given_values).all()
        assert [tuple(row) for row in found] == [tuple(row) for row in expected]
        assert [[type(one) for one in row] for row in found] == [[type(one) for one in row] for row in expected]
        if which == "by key":
            assert [(row.id, row.name, row.born) for row in found] == [(row.id, row.name, row.born) for row in expected]


@pytest.mark.parametrize("times", [1, 3])
def test_every_way_of_taking_rows_is_there(ordinary: Connection, times: int) -> None:
    """One, first, scalar and their like give and raise the same, at the first execution and later."""
    swift = quick.over(ordinary)
    one = select(THING.c.id, THING.c.name).where(THING.c.id == bindparam("id"))
    many = select(THING.c.name).order_by(THING.c.id)
    for _ in range(times):
        assert swift.execute(one, {"id": 4}).one() == (4, "n4")
        assert swift.execute(one, {"id": 4}).first() == (4, "n4")
        assert swift.execute(one, {"id": 99}).first() is None
        assert swift.execute(one, {"id": 99}).one_or_none() is None
        assert swift.execute(one, {"id": 4}).scalar() == swift.execute(one, {"id": 4}).scalar_one() == 4
        assert swift.execute(one, {"id": 99}).scalar_one_or_none() is None
        assert swift.execute(many).scalars().all()[:2] == ["n0", "n1"]
        assert list(swift.execute(many).scalars())[-1] == "n8"
        assert swift.execute(many).scalars().first() == "n0"
        assert [dict(row) for row in swift.execute(one, {"id": 1}).mappings()] == [{"id": 1, "name": "n1"}]
        assert [name for (name,) in swift.execute(many)][3] == "n3"
        result = swift.execute(many)
        assert (result.fetchone(), len(result.fetchall())) == (("n0",), 8)
        with pytest.raises(NoResultFound):
            swift.execute(one, {"id": 99}).one()
        with pytest.raises(MultipleResultsFound):
            swift.execute(many).scalar_one()


def test_changes_count_their_rows(ordinary: Connection) -> None:
    """Updates, also of many at once, deletions and an insertion that gives its row back do what they say each time."""
    swift = quick.over(ordinary)
    rename = update(THING).where(THING.c.id == bindparam("which")).values(name=bindparam("name"))
    add = insert(THING).returning(THING.c.id)
    drop = delete(THING).where(THING.c.id >= bindparam("first"))
    for turn in range(3):
        assert swift.execute(rename, {"which": 1, "name": f"a{turn}"}).rowcount == 1
        swift.execute(rename, [{"which": 2, "name": f"b{turn}"}, {"which": 3, "name": f"c{turn}"}])
        assert swift.execute(add, {"id": 100, "name": "new"}).scalar_one() == 100
        assert swift.execute(drop, {"first": 100}).rowcount == 1
        names = swift.execute(ALL).all()[1:4]
        assert [row.name for row in names] == [f"a{turn}", f"b{turn}", f"c{turn}"]


def test_an_insertion_still_tells_its_key(ordinary: Connection) -> None:
    """What inserts without giving rows back takes the ordinary way: its key can be asked for."""
    swift = quick.over(ordinary)
    add = insert(THING)
    for number in (50, 51, 52):
        assert swift.execute(add, {"id": number, "name": f"m{number}"}).inserted_primary_key == (number,)


def test_a_broken_rule_is_told_without_values(ordinary: Connection) -> None:
    """A constraint's error is SQLAlchemy's IntegrityError the first time and later, and no value stands in it."""
    swift = quick.over(ordinary)
    rename = update(THING).where(THING.c.id == bindparam("which")).values(name=bindparam("name"))
    swift.execute(rename, {"which": 1, "name": "KANARI"})
    for _ in range(3):
        with pytest.raises(IntegrityError) as told:
            swift.execute(rename, {"which": 2, "name": "KANARI"})
        assert "KANARI" not in str(told.value)
        with pytest.raises(IntegrityError) as told:
            swift.exec_driver_sql("INSERT INTO thing (id, name) VALUES (?, ?)", [(77, "KANARI")])
        assert "KANARI" not in str(told.value)
        assert swift.execute(ALL).all()[2].name == "n2"


def test_a_missing_value_is_named(ordinary: Connection) -> None:
    """SQLAlchemy says which value is missing, however often."""
    swift = quick.over(ordinary)
    one = select(THING.c.id).where(THING.c.id == bindparam("id"), THING.c.name == bindparam("name"))
    for _ in range(3):
        with pytest.raises(StatementError, match="'name'"):
            swift.execute(one, {"id": 1})


def test_only_what_comes_again_goes_straight_to_the_driver(
    ordinary: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement is SQLAlchemy's the first time; later SQLAlchemy hears nothing of it, while one that is built anew stays with it."""
    swift, heard = quick.over(ordinary), []
    execute = ordinary.execute
    monkeypatch.setattr(ordinary, "execute", lambda *words, **more: heard.append(1) or execute(*words, **more))
    again = select(THING.c.id).where(THING.c.id == bindparam("id"))
    for _ in range(4):
        swift.execute(again, {"id": 1})
    assert len(heard) == 1
    for number in range(4):
        swift.execute(select(THING.c.id).where(THING.c.id == number))
    assert len(heard) == 5
