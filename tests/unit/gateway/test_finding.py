"""How what the gateway keeps is found again."""

from __future__ import annotations

import pytest
from sqlalchemy import Select, create_engine
from sqlalchemy.dialects import sqlite

from warifu.gateway import audit, outbox, search, view
from warifu.gateway.log import entries
from warifu.gateway.schema import metadata

FOUND = {
    "outcome": search._OUTCOME,
    "refusal": search._REFUSAL,
    "view": view._RECORDS,
    "outbox": outbox._NEXT,
    "leaves": entries._FIND,
    "own": audit._OWN,
}


@pytest.mark.parametrize("name", FOUND)
def test_nobody_walks_through_all_records_to_find_one(name: str) -> None:
    """Whoever looks for an exchange's records finds them in the tables of records and entries by an index, never by a scan."""
    plan = _plan(FOUND[name])
    assert any(step.startswith("SEARCH") for step in plan)
    assert not [step for step in plan if step.startswith("SCAN") and "outbox" not in step and "SUBQUERY" not in step], (
        plan
    )


def _plan(statement: Select) -> list[str]:
    """What SQLite is about to do."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    asked = statement.params(commitments=[b"1", b"2"]) if statement is FOUND["leaves"] else statement
    text = str(asked.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (None,) * text.count("?"))
        return [row[3] for row in rows]
