"""A SQLite connection on which a statement that comes again goes straight to the driver.

SQLAlchemy makes an execution context, a compiled statement's parameters, a cursor result and rows anew for every execution: several times
what SQLite itself needs for a row by its key, and an exchange has dozens of them. Here a statement object that is executed a second
time is compiled once for the process; from then on its text goes to the driver with its values, and rows come back as named tuples.

The ordinary way is taken by what is executed once, by an INSERT whose result may be asked for its key, and by what the dialect prepares by
itself before or after. Errors are SQLAlchemy's, with no value in their text. PostgreSQL, where the round trip is what costs, has no such connection.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from sqlalchemy import CompoundSelect, Connection, Delete, Insert, LargeBinary, Select, TextClause, Update
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError, InvalidRequestError, MultipleResultsFound, NoResultFound
from sqlalchemy.sql.compiler import ExpandedState
from sqlalchemy.types import TypeEngine

Values = Mapping[str, Any]
_named: Any = namedtuple  # noqa: PYI024 - of columns that are known only when it runs
_DIALECT: Final = SQLiteDialect_pysqlite(paramstyle="qmark")
_SPREAD: Final = frozenset({list, tuple, set, frozenset})
"""Values that stand for as many placeholders as they have members."""
_LISTS: Final = 10
"""Forms kept of a statement for lists of different lengths: `warifu.kernel.bulk.padded` makes as many."""


def over(connection: Connection) -> Connection:
    """The connection, quicker if it is to SQLite."""
    return cast("Connection", Quick(connection)) if connection.dialect.name == "sqlite" else connection


class Quick:
    """Stands for a `sqlalchemy.Connection` wherever a store's reads and writes execute something. Everything else is that connection's own."""

    __slots__ = ("_driver", "_ordinary", "dialect")

    def __init__(self, ordinary: Connection) -> None:
        self._ordinary = ordinary
        self._driver: sqlite3.Connection = ordinary.connection.driver_connection  # type: ignore[assignment]
        self.dialect = ordinary.dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ordinary, name)

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        """As `sqlalchemy.Connection.execute`."""
        form = None if options else _form(statement, parameters)
        if form is None:
            return self._ordinary.execute(statement, parameters, **options)
        try:
            if isinstance(parameters, list):
                cursor = self._driver.executemany(form.text, map(form.arguments, parameters))
            else:
                cursor = self._driver.execute(form.text, form.arguments(parameters or {}))
        except sqlite3.Error as error:
            raise _told(form.text, error) from error
        return Rows(cursor, form)

    def plainly(self, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement as the driver takes and gives them; see `plain`."""
        try:
            return self._driver.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise _told(text, error) from error

    def transaction(self) -> Transaction:
        """To be used by `with`: a transaction that has the database's write lock from its begin. One at a time."""
        return Transaction(self, self._driver)

    def begin_nested(self) -> Savepoint:
        """As `sqlalchemy.Connection.begin_nested`; one at a time."""
        return Savepoint(self._driver)

    def exec_driver_sql(self, text: str, parameters: Any = None, **options: Any) -> Any:
        """As `sqlalchemy.Connection.exec_driver_sql`; a list of tuples goes straight to the driver."""
        if options or not isinstance(parameters, list):
            return self._ordinary.exec_driver_sql(text, parameters, **options)
        try:
            return self._driver.executemany(text, parameters)
        except sqlite3.Error as error:
            raise _told(text, error) from error


class Transaction:
    """Kept when its block ends, undone when an error leaves it."""

    __slots__ = ("_connection", "_driver")

    def __init__(self, connection: Quick, driver: sqlite3.Connection) -> None:
        self._connection, self._driver = connection, driver

    def __enter__(self) -> Quick:
        _run(self._driver, "BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                _run(self._driver, "COMMIT")
        finally:
            if self._driver.in_transaction:  # SQLite itself undoes it after some errors
                _run(self._driver, "ROLLBACK")


class Savepoint:
    """A part of a transaction that can be undone by itself."""

    __slots__ = ("_driver",)

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        _run(driver, "SAVEPOINT part")

    def commit(self) -> None:
        """Keep it, with the transaction."""
        _run(self._driver, "RELEASE part")

    def rollback(self) -> None:
        """Undo it."""
        _run(self._driver, "ROLLBACK TO part")
        _run(self._driver, "RELEASE part")


class Rows:
    """What a `sqlalchemy.CursorResult` of rows is asked for."""

    __slots__ = ("_cursor", "_form")

    def __init__(self, cursor: sqlite3.Cursor, form: _Form) -> None:
        self._cursor, self._form = cursor, form

    @property
    def rowcount(self) -> int:
        """Rows that were changed."""
        return self._cursor.rowcount

    def __iter__(self) -> Iterator[Any]:
        return map(self._form.row, self._cursor)

    def all(self) -> list[Any]:
        """Every row."""
        return list(map(self._form.row, self._cursor.fetchall()))

    def fetchall(self) -> list[Any]:
        """Every row."""
        return self.all()

    def first(self) -> Any:
        """The first row, or None; the others are left."""
        found = self._cursor.fetchone()
        if found is None:
            return None
        self._cursor.close()
        return self._form.row(found)

    def fetchone(self) -> Any:
        """The next row, or None."""
        found = self._cursor.fetchone()
        return None if found is None else self._form.row(found)

    def one_or_none(self) -> Any:
        """The only row, or None. Raises MultipleResultsFound."""
        found = self._cursor.fetchmany(2)
        if len(found) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self._form.row(found[0]) if found else None

    def one(self) -> Any:
        """The only row. Raises NoResultFound, MultipleResultsFound."""
        if (found := self.one_or_none()) is None:
            raise NoResultFound("No row was found when one was required")
        return found

    def scalar(self) -> Any:
        """The first value of the first row, or None."""
        found = self.first()
        return None if found is None else found[0]

    def scalar_one(self) -> Any:
        """The first value of the only row; raises as `one`."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first value of the only row, or None; raises as `one_or_none`."""
        found = self.one_or_none()
        return None if found is None else found[0]

    def scalars(self) -> Scalars:
        """The first value of each row."""
        return Scalars(self)

    def mappings(self) -> list[Mapping[str, Any]]:
        """Each row by names."""
        return [row._asdict() for row in self]


class Scalars:
    """The first value of each row, as a `sqlalchemy.ScalarResult` gives them."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return map(itemgetter(0), self._rows)

    def all(self) -> list[Any]:
        """Every value."""
        return list(self)

    def first(self) -> Any:
        """The first one, or None."""
        return self._rows.scalar()

    def one(self) -> Any:
        """The only one; raises as `Rows.one`."""
        return self._rows.scalar_one()

    def one_or_none(self) -> Any:
        """The only one, or None; raises as `Rows.one_or_none`."""
        return self._rows.scalar_one_or_none()


class _Form:
    """A statement as the driver takes it, for values under certain names and lists of certain lengths."""

    __slots__ = ("arguments", "row", "text")

    def __init__(self, statement: Any, sample: Values) -> None:
        """Raises _OrdinaryError: the ordinary way is to be taken, or will say what is wrong."""
        names = None if isinstance(statement, Select | TextClause) else sorted(sample)
        compiled = statement.compile(dialect=_DIALECT, column_keys=names)
        if compiled.literal_execute_params or compiled.insert_prefetch or compiled.update_prefetch:
            raise _OrdinaryError
        try:
            state = compiled.construct_expanded_state(dict(sample))
        except InvalidRequestError as error:  # a value is missing
            raise _OrdinaryError from error
        self.text = state.statement
        self.arguments = _arguments(state, sample)
        self.row = _row(statement)


class _OrdinaryError(Exception):
    """Not this way."""


_Known = dict[Any, _Form | None]
_FORMS: Final[WeakKeyDictionary[Any, _Known]] = WeakKeyDictionary()
"""Of each statement object that was executed before: its forms by names and lengths. Of the process, since many stores share statements."""


def _form(statement: Any, parameters: Any) -> _Form | None:
    known = _FORMS.get(statement)
    if known is None:  # seen for the first time; what is built for each execution never comes again
        _FORMS[statement] = {}
        return None
    sample = parameters[0] if isinstance(parameters, list) and parameters else parameters
    if type(sample) is not dict and sample is not None and not isinstance(sample, Mapping):
        return None
    key = _shape(sample) if sample else ()
    try:
        return known[key]
    except KeyError:
        if len(known) >= _LISTS:
            return None
        return known.setdefault(key, _made(statement, sample or {}))


def _shape(sample: Values) -> tuple[Any, ...]:
    """The names, and with each list its length."""
    return tuple([(name, len(value)) if type(value) in _SPREAD else name for name, value in sample.items()])


def _made(statement: Any, sample: Values) -> _Form | None:
    if not isinstance(statement, Select | CompoundSelect | Update | Delete | Insert | TextClause):
        return None
    if isinstance(statement, Insert) and not getattr(statement, "exported_columns", ()):
        return None
    try:
        return _Form(statement, sample)
    except _OrdinaryError:
        return None


def _arguments(state: ExpandedState, sample: Values) -> Callable[[Values], Sequence[Any]]:
    """From values by name to values in the order of the statement's placeholders."""
    order = list(state.positiontup or ())
    fixed = {name: state.parameters[name] for name in order if name not in sample and not _spread(name, state)}
    if state.processors or state.parameter_expansion or fixed or not order:
        return _laid_out(order, fixed, state)
    if len(order) == 1:
        only = order[0]
        return lambda values: (values[only],)
    return itemgetter(*order)


def _laid_out(order: Sequence[str], fixed: Values, state: ExpandedState) -> Callable[[Values], Sequence[Any]]:
    """The same with lists in it, values that stand in the statement, or values that are converted."""
    spread = {names[0]: whole for whole, names in state.parameter_expansion.items() if names}
    # Lists that stand in the statement itself.
    fixed = {
        **fixed,
        **{whole: [state.parameters[one] for one in names] for whole, names in state.parameter_expansion.items()},
    }
    parts = [
        (spread.get(name, name), name in spread, state.processors.get(name))
        for name in order
        if name in spread or not _spread(name, state)
    ]

    def arguments(values: Values) -> Sequence[Any]:
        laid: list[Any] = []
        for name, is_list, process in parts:
            given = values[name] if name in values else fixed[name]
            several = given if is_list else (given,)
            laid.extend(several if process is None else map(process, several))
        return laid

    return arguments


def _spread(name: str, state: ExpandedState) -> bool:
    return any(name in names for names in state.parameter_expansion.values())


def _row(statement: Any) -> Callable[[Sequence[Any]], Any]:
    """From a driver's row to a named tuple with converted values."""
    columns = getattr(statement, "exported_columns", None)
    if not columns:
        return tuple
    names = [str(name) for name in columns.keys()]  # noqa: SIM118 - of a collection of columns, which gives the columns themselves
    row: Callable[[Sequence[Any]], Any] = partial(tuple.__new__, _named("Row", names, rename=True))
    converted = [(place, process) for place, one in enumerate(columns) if (process := _converter(one.type)) is not None]
    if not converted:
        return row

    def converting(values: Sequence[Any]) -> Any:
        changed = list(values)
        for place, process in converted:
            changed[place] = process(changed[place])
        return row(changed)

    return converting


def _converter(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(kind, LargeBinary):  # the driver gives bytes already
        return None
    return kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)


def plain(statement: Select[Any] | TextClause, names: Sequence[str]) -> str:
    """The text of a statement whose values go to the driver in the order of `names`, and whose rows are what the driver gives.

    Raises:
        ValueError: it has other values, or some that have to be converted, in or out.
    """
    compiled = statement.compile(dialect=_DIALECT)
    if sorted(compiled.binds) != sorted(set(names)) or compiled.post_compile_params:
        raise ValueError(f"not these values, or lists among them: {compiled.string}")
    state = compiled.construct_expanded_state(dict.fromkeys(names))
    columns = getattr(statement, "exported_columns", ())
    if list(state.positiontup or ()) != list(names) or state.processors:
        raise ValueError(f"not in this order, or a value has to be converted: {state.statement}")
    if any(_converter(one.type) is not None for one in columns):
        raise ValueError(f"a column has to be converted: {state.statement}")
    return state.statement


def _run(driver: sqlite3.Connection, text: str) -> None:
    try:
        driver.execute(text)
    except sqlite3.Error as error:
        raise _told(text, error) from error


def _told(text: str, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True, dialect=_DIALECT)
