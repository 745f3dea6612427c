"""Brings every party's databases to the schema of this program: Alembic, in a process of its own, before the parties start.

Parties load neither Alembic nor the ORM. A database written by a newer program is refused, never touched.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import MetaData, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from warifu.simulator.told import ToldError

HERE = Path(__file__).parent
SCHEMAS = {
    "numbering": "warifu.numbering.schema",
    "gateway": "warifu.gateway.schema",
    "interim": "warifu.interim.schema",
    "agency": "warifu.agencies.tables",
    "portal": "warifu.portal.tables",
    "watchdog": "warifu.watchdog.tables",
    "counter": "warifu.counter.schema",
    "simulator": "warifu.simulator.cards.schema",
}
"""Kinds of database, and the module whose `metadata` is the schema of each."""


class SchemaTooNewError(ToldError):
    """A newer warifu wrote the database; the message says which."""


class DatabaseUnusableError(ToldError):
    """A database cannot be read or written, such as on a full disk; the message says which and why."""


class ServerError(ToldError):
    """A database server does not serve; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """One database and what kind it is."""

    schema: str
    url: str


def metadata(schema: str) -> MetaData:
    """The tables of one kind of database, as the program knows them."""
    found: MetaData = importlib.import_module(SCHEMAS[schema]).metadata
    return found


def config(schema: str, **attributes: object) -> Config:
    """Alembic's configuration for one kind of database."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.set_main_option("version_locations", str(HERE / "versions" / schema))
    made.set_main_option("path_separator", "os")
    made.attributes.update(schema=schema, metadata=metadata(schema), **attributes)
    return made


def version_table(schema: str, dialect: str) -> str:
    """Where Alembic keeps the revision: on a server the schemas of one institution lie in one database."""
    return "alembic_version" if dialect == "sqlite" else f"alembic_version_{schema}"


def too_new(which: str, why: str) -> SchemaTooNewError:
    """What a person is told of a database that a newer program wrote."""
    return SchemaTooNewError(
        f"{which} は新しい版の warifu が書いたものです（{why}）。その版を入れるか、古いバックアップを戻してください。",
        f"{which} was written by a newer warifu ({why}). Install that version, or restore an older backup.",
    )


def upgrade(databases: Iterable[Database]) -> None:
    """Bring each SQLite database to the newest revision, making it when there is none.

    A new SQLite file of a kind that was just made is a copy of that one: running the migrations once a kind is enough.

    Raises:
        SchemaTooNewError: a newer program wrote one of them.
        DatabaseUnusableError: one of them cannot be read or written.
    """
    made: dict[str, Path] = {}
    for database in databases:
        file = _new_file(database)
        try:
            if file is not None and database.schema in made:
                half = file.with_name(f".{file.name}.new")
                shutil.copyfile(made[database.schema], half)
                half.replace(file)  # whole or not there
                continue
            _upgrade(database)
        except CommandError as error:
            raise too_new(database.url, str(error)) from error
        except (OperationalError, OSError) as error:
            why = error.orig if isinstance(error, OperationalError) else error.strerror
            raise DatabaseUnusableError(
                f"{database.url} を使えません: {why}。空き容量を確かめるか、--state で別のフォルダーを選んでください。",
                f"{database.url} cannot be used: {why}. Free some space, or choose another folder with --state.",
            ) from error
        if file is not None:
            made[database.schema] = file


def _upgrade(database: Database) -> None:
    engine = create_engine(database.url)
    try:
        with engine.begin() as connection:
            command.upgrade(config(database.schema, connection=connection), "head")
    finally:
        engine.dispose()


def _new_file(database: Database) -> Path | None:
    """The SQLite file that is to be made; None when there is one already, or no file at all."""
    url = make_url(database.url)
    if url.get_backend_name() != "sqlite" or url.database is None or Path(url.database).exists():
        return None
    return Path(url.database)
