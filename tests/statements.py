"""Which statements an exchange has its databases run, and what each takes: `PYTHONPATH=tests python tests/statements.py CALLERS EXCHANGES [plain]`.

The same exchanges as `tests/calls.py` makes. CPU time inside SQLite, by the thread that runs the statement, what Python's module does around it
included; statements that make tables and open files are left out. The portal takes no part.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

LONGEST: Final = 100
"""Characters of a statement that are told."""
LEAST: Final = 500
"""Nanoseconds an exchange below which a statement is not told."""
LEFT_OUT: Final = ("PRAGMA", "CREATE")
spent: Counter[str] = Counter()
"""Nanoseconds by statement."""
run: Counter[str] = Counter()
rows: Counter[str] = Counter()
"""Of those that run once a row."""


def _named(statement: str) -> str:
    return re.sub(r"\s+", " ", statement)[:LONGEST]


class _Cursor(sqlite3.Cursor):
    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        began = time.thread_time_ns()
        done = super().execute(statement, *values)
        spent[_named(statement)] += time.thread_time_ns() - began
        run[_named(statement)] += 1
        return done

    def executemany(self, statement: str, values: Any) -> sqlite3.Cursor:
        many = list(values)
        began = time.thread_time_ns()
        done = super().executemany(statement, many)
        spent[_named(statement)] += time.thread_time_ns() - began
        run[_named(statement)] += 1
        rows[_named(statement)] += len(many)
        return done


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self.cursor().execute(statement, *values)  # type: ignore[no-any-return]

    def executemany(self, statement: str, values: Any) -> sqlite3.Cursor:
        return self.cursor().executemany(statement, values)  # type: ignore[no-any-return]


def _watch() -> None:
    opened = sqlite3.connect

    def connect(*words: Any, **more: Any) -> sqlite3.Connection:
        return opened(*words, **(more | {"factory": _Connection}))

    sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]


def told(exchanges: int) -> str:
    """By what statements do, and each by itself."""
    kept = Counter({name: took for name, took in spent.items() if not name.startswith(LEFT_OUT)})
    kinds: Counter[str] = Counter()
    for name, took in kept.items():
        kinds[name.split(maxsplit=1)[0]] += took
    lines = [f"{took / exchanges / 1000:7.1f} us an exchange {kind}" for kind, took in kinds.most_common()]
    lines += [
        f"{took / exchanges / 1000:7.1f} us {run[name] / exchanges:7.3f} times {rows[name] / exchanges:6.2f} rows  {name}"
        for name, took in kept.most_common()
        if took / exchanges > LEAST
    ]
    return "\n".join(lines)


def main(callers: int, exchanges: int, *way: str) -> None:
    """Measure and print."""
    _watch()  # before anything opens a database
    import calls
    import uvloop

    class Unprofiled(calls.cProfile.Profile):
        """A profiler would be most of what is measured."""

        def enable(self, *_: Any, **__: Any) -> None:
            pass

        def disable(self) -> None:
            pass

    calls.cProfile.Profile = Unprofiled  # type: ignore[misc]
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        uvloop.run(calls.exchange(Path(folder), callers, exchanges, *way))
    sys.stdout.write(told(exchanges) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
