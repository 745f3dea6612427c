"""Databases and roles of a network on a PostgreSQL server: made, upgraded, dropped.

Each database belongs to the role of its name, and nobody else may connect to it but the server's superusers. The server is never told a
password, only what it is checked with (SCRAM, RFC 5803), so that none can get into its log.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from warifu.kernel import monthly  # noqa: F401 - it says how tables that are kept by the month are made
from warifu.simulator.migrations import DatabaseUnusableError, ServerError, config, too_new, version_table
from warifu.simulator.told import ToldError

try:
    import psycopg
    from psycopg import sql
except ModuleNotFoundError as error:
    raise ServerError(
        "PostgreSQL を使うには psycopg が要ります: pip install 'warifu[postgres]'（クローンでは .venv/bin/pip install -e '.[postgres]'）",
        "PostgreSQL needs psycopg: pip install 'warifu[postgres]' (in a clone: .venv/bin/pip install -e '.[postgres]')",
    ) from error

T = TypeVar("T")
U = TypeVar("U")

OLDEST: Final = 14
"""Oldest major version of PostgreSQL that is accepted: the oldest that its makers still mended when this was written."""
CONNECTIONS_EACH: Final = 2
"""A reader and a writer, of each process that opens a database."""
_AT_ONCE: Final = 4
_DROPPED_AT_ONCE: Final = 16
"""Each drop waits for a checkpoint of the server; those that come together share one."""
_LIMITS: Final = (
    "SELECT current_setting('server_version_num')::int / 10000 AS version,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS used,"
    " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,"
    " (SELECT rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may"
)


@dataclass(frozen=True, slots=True)
class Home:
    """One database: its URL with its role and password, and the kinds of schema in it."""

    url: str
    schemas: tuple[str, ...]
    processes: int = 1
    """How many open it."""

    @property
    def name(self) -> str:
        """Of the database and of its role."""
        return str(make_url(self.url).database)


def provide(server: str, homes: Sequence[Home], *, new: bool) -> None:
    """Have every home's role and database, made by the role of `server`.

    `new`: the network was never filled, so databases that are missing are made, and roles get the passwords of the homes' URLs.

    Raises:
        ServerError: the server cannot be reached, is too old, admits too few connections, does not let that role make databases and
            roles, or lacks databases of a network that has been filled.
    """
    with _connected(server) as connection:
        _admit(connection, sum(home.processes for home in homes))
        roles, databases = (_names(connection, what) for what in ("rolname FROM pg_roles", "datname FROM pg_database"))
        missing = [home for home in homes if home.name not in databases]
        if missing and not new:
            raise ServerError(
                f"このネットワークのデータベース {missing[0].name} などがサーバーにありません。サーバーの場所（--database-url）を確かめてください。",
                f"the server has no database {missing[0].name}, one of {len(missing)} that this network needs. Is it another server (--database-url)?",
            )
        for home in homes:
            if new or home.name not in roles:
                _have_role(connection, home, there=home.name in roles)
        _have_databases(connection, server, missing)


def drop(server: str, names: Sequence[str]) -> None:
    """Drop these databases, whoever is connected, and their roles."""

    def one(name: str) -> None:
        with _connected(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))

    _for_each(one, names, at_once=_DROPPED_AT_ONCE)


def upgrade(homes: Sequence[Home]) -> None:
    """Bring every database to the newest revision of each of its schemas, as its own role.

    The statements for an empty database are worked out once a kind.

    Raises:
        SchemaTooNewError: a newer program wrote one of them; it is left alone.
        DatabaseUnusableError: one of them cannot be used.
    """
    kinds = sorted({schema for home in homes for schema in home.schemas})
    scripts = {kind: ScriptDirectory.from_config(config(kind)) for kind in kinds}
    heads = {kind: script.get_current_head() for kind, script in scripts.items()}
    statements: dict[str, str] = {}

    def first_form(kind: str) -> str:
        if kind not in statements:
            statements[kind] = _statements(kind)
        return statements[kind]

    found = dict(zip(homes, _for_each(_revisions, homes), strict=True))
    for home, revisions in found.items():
        for kind, revision in revisions.items():
            if revision is not None and revision not in _known(scripts[kind]):
                raise too_new(f"{home.name} ({kind})", f"revision {revision}")
    for kind in {kind for revisions in found.values() for kind, revision in revisions.items() if revision is None}:
        first_form(kind)
    behind = {
        home: {kind: revision for kind, revision in revisions.items() if revision != heads[kind]}
        for home, revisions in found.items()
    }
    _for_each(partial(_bring, statements), [(home, revisions) for home, revisions in behind.items() if revisions])


def _known(script: ScriptDirectory) -> set[str]:
    return {revision.revision for revision in script.walk_revisions()}


def _revisions(home: Home) -> Mapping[str, str | None]:
    with _connected(home.url) as connection:
        return {kind: _revision(connection, kind) for kind in home.schemas}


def _revision(connection: psycopg.Connection[Any], kind: str) -> str | None:
    table = version_table(kind, "postgresql")
    there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    if there is None or not there[0]:
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(table))).fetchone()
    return None if row is None else str(row[0])


def _bring(statements: Mapping[str, str], one: tuple[Home, Mapping[str, str | None]]) -> None:
    home, revisions = one
    for kind, revision in revisions.items():
        if revision is None:
            with _connected(home.url) as connection:
                connection.execute(statements[kind].encode())
        else:
            _migrate(home, kind)


def _migrate(home: Home, kind: str) -> None:
    engine = create_engine(make_url(home.url).set(drivername="postgresql+psycopg"), hide_parameters=True)
    try:
        with engine.begin() as connection:
            command.upgrade(config(kind, connection=connection), "head")
    finally:
        engine.dispose()


def _statements(kind: str) -> str:
    """What makes an empty database one of the newest revision: the migrations, as one transaction."""
    written = io.StringIO()
    settings = config(kind, dialect="postgresql")
    settings.output_buffer = written
    command.upgrade(settings, "head", sql=True)
    return written.getvalue()


def _admit(connection: psycopg.Connection[Any], openers: int) -> None:
    row = connection.execute(_LIMITS).fetchone()
    assert row is not None
    version, connections, used, is_super, may = row
    if version < OLDEST:
        raise ServerError(
            f"PostgreSQL {version} は古すぎます。{OLDEST} 以降が要ります。",
            f"PostgreSQL {version} is too old; {OLDEST} or newer is needed.",
        )
    if not (is_super or may):
        raise ServerError(
            "--database-url の役割にはデータベースと役割を作る権利がありません（CREATEDB と CREATEROLE が要ります）。",
            "the role of --database-url may not make databases and roles; it needs CREATEDB and CREATEROLE.",
        )
    if (wanted := openers * CONNECTIONS_EACH) > connections - used:
        raise ServerError(
            f"サーバーの接続数が足りません。{wanted} 接続が要りますが、空きは {connections - used} です。max_connections を {wanted + used + 20} 以上にしてください。",
            f"the server admits too few connections: {wanted} are needed, {connections - used} are free. Set max_connections to {wanted + used + 20} or more.",
        )


def _names(connection: psycopg.Connection[Any], what: str) -> set[str]:
    return {name for (name,) in connection.execute(f"SELECT {what}".encode())}


def _have_role(connection: psycopg.Connection[Any], home: Home, *, there: bool) -> None:
    url = make_url(home.url)
    verifier = connection.pgconn.encrypt_password(
        str(url.password).encode(), home.name.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL(
            "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
            if connection.info.parameter_status("is_superuser") == "on"
            else "{} ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}"
        ).format(sql.SQL("ALTER" if there else "CREATE"), sql.Identifier(home.name), sql.Literal(verifier))
    )


def _have_databases(connection: psycopg.Connection[Any], server: str, missing: Sequence[Home]) -> None:
    if connection.info.parameter_status("is_superuser") != "on":  # to own for another, one must be a member
        for home in missing:
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(home.name)))
    _for_each(partial(_have_database, server), missing)


def _have_database(server: str, home: Home) -> None:
    """Nobody can connect before everybody's right to is taken away. Sorted by bytes, as SQLite does."""
    name = sql.Identifier(home.name)
    with _connected(server) as connection:
        connection.execute(
            sql.SQL(
                "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C' ALLOW_CONNECTIONS false"
            ).format(name, name)
        )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    where: URL = make_url(url).set(drivername="postgresql")
    try:
        with psycopg.connect(
            where.render_as_string(hide_password=False), autocommit=True, connect_timeout=10
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise _told(where, error) from error


def _told(where: URL, error: psycopg.Error) -> ToldError:
    """A server's own words, but never its DETAIL, which quotes values."""
    why = error.diag.message_primary or str(error).strip().splitlines()[0]
    shown = where.render_as_string(hide_password=True)
    return DatabaseUnusableError(f"{shown} を使えません: {why}", f"{shown} cannot be used: {why}")


def _for_each(work: Callable[[T], U], items: Sequence[T], at_once: int = _AT_ONCE) -> list[U]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(work, items))
