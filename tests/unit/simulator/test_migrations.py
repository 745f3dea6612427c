"""Databases: what migrations make is what the program expects (docs/ARCHITECTURE.md §4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from warifu.simulator.migrations import SCHEMAS, Database, SchemaTooNewError, metadata, upgrade


@pytest.mark.parametrize("schema", sorted(SCHEMAS))
def test_migrations_make_the_schema_that_the_program_expects(schema: str, tmp_path: Path) -> None:
    """A database made by migrations alone differs in nothing from the tables in the code."""
    database = Database(schema, f"sqlite:///{tmp_path / 'made.db'}")

    upgrade([database])

    engine = create_engine(database.url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata(schema))
    engine.dispose()
    assert differences == []


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    """An up-to-date database is left as it is."""
    database = Database("gateway", f"sqlite:///{tmp_path / 'made.db'}")
    upgrade([database])
    before = (tmp_path / "made.db").read_bytes()

    upgrade([database])

    assert before == (tmp_path / "made.db").read_bytes()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    """An unknown revision is refused with advice, and nothing in the database changes."""
    database = Database("gateway", f"sqlite:///{tmp_path / 'made.db'}")
    upgrade([database])
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = (tmp_path / "made.db").read_bytes()

    with pytest.raises(SchemaTooNewError, match="newer warifu"):
        upgrade([database])

    assert before == (tmp_path / "made.db").read_bytes()


def test_a_second_database_of_a_kind_is_like_the_first(tmp_path: Path) -> None:
    """Databases made together have the same schema and revision each, and are files of their own."""
    one, other = (Database("interim", f"sqlite:///{tmp_path / name}") for name in ("one.db", "other.db"))

    upgrade([one, other])

    assert (tmp_path / "one.db").read_bytes() == (tmp_path / "other.db").read_bytes()
    engine = create_engine(other.url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata("interim"))
    engine.dispose()
    assert differences == []
