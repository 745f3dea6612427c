"""How a database is opened, SQLite or PostgreSQL, so that a store means the same on both.

Durable on commit; one writer of a database at a time, whichever process it is in, so that rows number themselves in the order in which
they become visible and whoever pages after a number misses none; and no value of a statement in an error's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

POSTGRES: Final = "postgresql"
_POSTGRES_DRIVER: Final = "postgresql+psycopg"
COPY: Final = "warifu_copy"
"""Execution option of an INSERT of many rows: (COPY statement, types of its columns), by which they go instead on PostgreSQL."""
_WRITER: Final = 0x77617269
"""Key of the advisory lock that a database's writer holds; locks of other programs in the same database need other keys."""
_PAUSE: Final = "10s"
"""How long a writer may stand still within a transaction before the server ends it: a process that was paused must not hold up the
others for longer, and finds itself without its transaction when it wakes."""
_WAITS: Final = {"connect_timeout": "5", "tcp_user_timeout": "10000"}
"""Seconds for a connection, milliseconds for the acknowledgement of what was sent: a server that is out of reach is an error, since reads
wait in the event loop. One whose machine acknowledges and which does not answer is waited for. What the URL says goes first."""


def reading(url: URL) -> Engine:
    """For reads: each statement sees all that was committed before it."""
    if url.get_backend_name() == POSTGRES:
        return _postgres(url, "AUTOCOMMIT")
    return _sqlite(url, isolation_level="AUTOCOMMIT")


def writing(url: URL) -> Engine:
    """For one writer: while its transaction lasts, no other process writes this database through such an engine."""
    if url.get_backend_name() == POSTGRES:
        # READ COMMITTED, whatever the server's default: what a stricter level saw would be older than the lock that was waited for.
        engine = _postgres(url, "READ COMMITTED")
        event.listen(engine, "begin", _lock)
        event.listen(engine, "do_executemany", _copied)
        return engine
    engine = _sqlite(url)
    # pysqlite's own transaction handling breaks savepoints; SQLAlchemy documents this remedy. IMMEDIATE: a writer that began by
    # reading could otherwise be refused the lock later. Never on the reader: it would read for ever in one old snapshot.
    event.listen(engine, "begin", _immediately)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Commits at the end, or rolls back. A connection that was lost since its last use, such as by a server's restart, is replaced."""
    connection = engine.connect()
    try:
        begun = connection.begin()
    except DBAPIError as error:
        connection.close()
        if not is_lost(error):
            raise
        connection = engine.connect()
        begun = connection.begin()
    with connection, begun:
        yield connection


def is_lost(error: BaseException) -> bool:
    """The connection is gone, and with it the transaction."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _sqlite(url: URL, **options: Any) -> Engine:
    # hide_parameters: a statement's values never get into an exception's text, and so into no log.
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "cached_statements": 512},
        **options,
    )
    event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: a commit is on the disk before it is told. secure_delete: what is erased is erased from the file.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",
        "foreign_keys=ON",
        "busy_timeout=5000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _immediately(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:  # or begun by `warifu.kernel.quick`, of which SQLAlchemy knows nothing
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgres(url: URL, isolation_level: Any) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername=_POSTGRES_DRIVER),
            hide_parameters=True,
            isolation_level=isolation_level,
            pool_size=1,
            max_overflow=0,
            connect_args={name: value for name, value in _WAITS.items() if name not in url.query},
        )
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "PostgreSQL needs psycopg: pip install 'warifu[postgres]'", name=error.name
        ) from error
    event.listen(engine, "connect", _session)
    event.listen(engine, "handle_error", _hide_details)
    return engine


def _session(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # A database or role may be set not to wait for the disk; a stricter setting, such as to wait for a standby, stays.
    cursor.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{_PAUSE}'")
    cursor.close()
    connection.commit()


def _lock(connection: Connection) -> None:
    """The server lets it go once the transaction's rows are visible to all, or lost."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


def _copied(cursor: Any, _statement: str, rows: Any, context: Any) -> bool:
    """Whether the rows went by COPY, as a part of the same transaction and with the same errors as an INSERT."""
    if (wanted := context.execution_options.get(COPY)) is None:
        return False
    statement, types = wanted
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    return True


def _hide_details(context: ExceptionContext) -> None:
    """PostgreSQL's DETAIL and CONTEXT quote values ("Key (code)=(…) already exists"): only the primary message is kept."""
    original, told = context.original_exception, context.sqlalchemy_exception
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if primary is None:
        return
    original.args = (primary,)
    if told is not None:
        told.args = (f"({type(original).__module__}.{type(original).__name__}) {primary}",)
