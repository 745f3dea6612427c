"""The whole network on a PostgreSQL server: what it can do on files it can do there, and each role reaches its own database alone (design §6)."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from e2e.conftest import Running, start, stop
from e2e.test_bad_ground import demo, refusal
from postgres import Server
from sqlalchemy.engine import make_url

from warifu.kernel.config import CONFIG_NAME, Config
from warifu.kernel.monthly import MONTHLY
from warifu.law import packaged
from warifu.simulator.launcher import processes
from warifu.simulator.launcher.plan import plan
from warifu.simulator.migrations import SchemaTooNewError, ServerError, metadata, server, version_table

PARTIES = [party.name for party in plan(packaged())]


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> Iterator[Running]:
    """A network on the server."""
    running = start(
        tmp_path_factory.mktemp("served") / "state", "--people", "100", "--database-url", postgres_server.given
    )
    yield running
    stop(running)
    server.drop(postgres_server.given, sorted(roles(running.state)))


def roles(state: Path) -> dict[str, str]:
    """Every role that the parties of a network are told, with its URL."""
    configs = [Config.load(state / party) for party in PARTIES]
    urls = [url for config in configs for url in (config.database_url, *config.databases.values()) if url]
    return {str(make_url(url).username): url for url in urls}


def on_server(postgres_server: Server) -> set[str]:
    """The databases and roles of all networks on the server."""
    found = postgres_server.rows("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles")
    return {name for (name,) in found if name.startswith("warifu_") and name.count("_") > 1}


# First, while no other network takes the server's connections.
@pytest.mark.slow
def test_a_network_without_a_state_folder_leaves_nothing_on_the_server(
    postgres_server: Server,
) -> None:
    """When its state goes, so do its databases and roles."""
    import subprocess
    import sys

    before = on_server(postgres_server)
    words = [sys.executable, "-m", "warifu.cli", "demo", "--people", "50", "--no-browser", "--json"]
    process = subprocess.Popen(
        [*words, "--database-url", postgres_server.given], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert any(line.rstrip() == "}" for line in process.stdout)
    assert on_server(postgres_server) > before
    process.terminate()
    process.wait(120)
    process.stdout.close()
    assert on_server(postgres_server) == before


def test_plays_pass_and_the_audit_finds_nothing(living: Running) -> None:
    """Exchanges with every outcome run, their records agree at all parties, and the log bears them out."""
    for name in ("moved-household", "refused", "protected-person"):
        report = living.json("play", name, code=None)
        assert [check for check in report["checks"] if not check["passed"]] == []
    audit = living.json("audit")
    assert audit["findings"] == []
    assert audit["entries"] > 0


def test_each_institution_of_each_party_has_a_role_and_a_database_of_its_own(living: Running) -> None:
    """No two share one, and what the parties hold lies there: no folder has a database file."""
    own = roles(living.state)
    institutions = [(party.name, code) for party in plan(packaged()) for code in party.institutions]
    alone = [party for party in PARTIES if not Config.load(living.state / party).institutions]
    assert len(own) == len(institutions) + len(alone)
    assert all(make_url(url).database == role for role, url in own.items())
    assert [path for path in living.state.rglob("*.db*") if "scratch" not in path.name] == []


def test_no_role_opens_another_s_database(living: Running) -> None:
    """Each role reads its own tables, and is refused at every other database before it sees anything."""
    own = roles(living.state)
    for role, url in own.items():
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE tableowner = current_user").fetchone() > (
                0,
            )
            assert connection.execute(
                "SELECT array_agg(datname) FROM pg_database WHERE datname LIKE 'warifu\\_%' AND has_database_privilege(datname, 'CONNECT')"
            ).fetchone() == ([role],)
    for (_, url), (other, _) in itertools.pairwise(sorted(own.items())):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(make_url(url).set(database=other).render_as_string(hide_password=False))


def test_no_role_may_more_than_log_in(living: Running, postgres_server: Server) -> None:
    """None is a superuser, makes databases or roles, replicates, or is a member of another."""
    listed = ", ".join(f"'{role}'" for role in roles(living.state))
    assert not postgres_server.rows(
        f"SELECT rolname FROM pg_roles WHERE rolname IN ({listed}) AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)"
    )
    assert not postgres_server.rows(
        f"SELECT member FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member WHERE rolname IN ({listed})"
    )


def test_a_password_stands_in_its_party_s_folder_alone(living: Running, postgres_server: Server) -> None:
    """It is in no other file of the state folder, readable by the owner alone, and was never told to the server."""
    passwords = {make_url(url).password: role for role, url in roles(living.state).items()}
    assert len(passwords) == len(roles(living.state))
    for path in (path for path in living.state.rglob("*") if path.is_file()):
        held = path.read_bytes()
        inside = {role for password, role in passwords.items() if str(password).encode() in held}
        if inside:
            assert path.name == CONFIG_NAME
            assert path.stat().st_mode & 0o077 == 0
            assert all(f"_{path.parent.name}" in role for role in inside)
    if postgres_server.rows("SELECT 1 FROM pg_roles WHERE rolname = current_user AND NOT rolsuper"):
        return  # a server that was given to us, whose own table of passwords we may not read
    stored = postgres_server.rows("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL")
    kept = {role: verifier for role, verifier in stored if role in passwords.values()}
    assert len(kept) == len(passwords)
    assert all(verifier.startswith("SCRAM-SHA-256$") for verifier in kept.values())


def test_no_party_is_told_with_which_right_databases_are_made(
    living: Running, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that stands for the URL, and what libpq would read, are in no party's environment."""
    monkeypatch.setenv("WARIFU_DATABASE_URL", postgres_server.given)
    monkeypatch.setenv("PGPASSWORD", "of-whoever-starts-it")
    assert not {"WARIFU_DATABASE_URL", "PGPASSWORD"} & processes.parties_environment().keys()
    assert "PATH" in processes.parties_environment()
    told = (living.state / "network.json").read_text()
    assert postgres_server.given not in told


def test_a_second_start_carries_on_without_the_server_s_url(living: Running) -> None:
    """The parties find their databases by themselves; what was exchanged before is still there, and exchanging goes on."""
    before = living.json("audit")["entries"]
    stop(living)
    again = start(living.state, "--people", "100")
    living.process = again.process
    assert living.json("audit")["entries"] >= before
    assert living.json("play", "refused", code=None)["passed"] is True


@pytest.mark.slow
def test_a_party_that_is_killed_comes_back_with_all_it_knew(living: Running) -> None:
    """After kill -9 of the gateway the next play passes and the audit finds nothing lost."""
    folder = str(living.state / "gateway")
    (gateway,) = (one for one in psutil.Process(living.process.pid).children(recursive=True) if one.cwd() == folder)
    gateway.kill()
    gateway.wait(30)
    while not all(entry["healthy"] for entry in living.json("status")["parties"]):
        pass
    assert living.json("play", "refused", code=None)["passed"] is True
    assert living.json("audit")["findings"] == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://localhost/x", "must name a PostgreSQL server"),
        ("postgresql://postgres@127.0.0.1:1/postgres", "cannot be used"),
    ],
)
def test_what_is_no_server_is_refused(tmp_path: Path, url: str, told: str) -> None:
    """An address that is none of PostgreSQL's, or where nobody answers, is refused by name."""
    assert told in refusal(demo("--state", str(tmp_path / "state"), "--database-url", url))


def test_a_network_of_files_is_not_moved_to_a_server(tmp_path: Path, living: Running) -> None:
    """Its data would be left behind, so the start is refused and says what to do."""
    state = tmp_path / "state"
    state.mkdir()
    values = json.loads((living.state / "network.json").read_text()) | {"database_url": None}
    (state / "network.json").write_text(json.dumps(values))
    told = refusal(demo("--state", str(state), "--database-url", "postgresql://x@localhost/x"))
    assert "keeps its data in SQLite files" in told


def test_another_server_is_refused(postgres_server: Server) -> None:
    """A filled network whose databases are not on the server that is named does not begin anew there."""
    (missing,) = homes_for(postgres_server, "none", "gateway")
    with pytest.raises(ServerError, match="has no database warifu_none"):
        server.provide(postgres_server.given, [missing], new=False)


def test_a_role_without_rights_is_refused(living: Running, postgres_server: Server) -> None:
    """Whoever may not make databases and roles is told so before anything is made."""
    before = on_server(postgres_server)
    weak = next(iter(roles(living.state).values()))
    with pytest.raises(ServerError, match="CREATEDB and CREATEROLE"):
        server.provide(weak, [server.Home(weak, ("gateway",))], new=True)
    assert on_server(postgres_server) == before


def test_too_few_connections_are_told_before_anything_is_made(postgres_server: Server) -> None:
    """A server that would run out of connections is refused with the number that it needs."""
    before = on_server(postgres_server)
    homes = [server.Home(f"postgresql://warifu_many_{n}:x@/warifu_many_{n}", ("gateway",)) for n in range(5000)]
    with pytest.raises(ServerError, match="Set max_connections to 10"):
        server.provide(postgres_server.given, homes, new=True)
    assert on_server(postgres_server) == before


def test_a_newer_schema_is_refused_and_left_alone(postgres_server: Server) -> None:
    """An unknown revision stops the upgrade of all, and nothing changes."""
    homes = homes_for(postgres_server, "newer", "gateway", "watchdog")
    try:
        server.provide(postgres_server.given, homes, new=True)
        server.upgrade(homes)
        with psycopg.connect(homes[0].url, autocommit=True) as connection:
            connection.execute(f"UPDATE {version_table('gateway', 'postgresql')} SET version_num = '9999'")
            with pytest.raises(SchemaTooNewError, match="newer warifu"):
                server.upgrade(homes)
            rows = connection.execute(f"SELECT version_num FROM {version_table('gateway', 'postgresql')}").fetchall()
        assert rows == [("9999",)]
    finally:
        server.drop(postgres_server.given, [home.name for home in homes])


def homes_for(postgres_server: Server, word: str, *kinds: str) -> list[server.Home]:
    """Homes that nobody has yet."""
    base = make_url(postgres_server.given)
    names = [f"warifu_{word}_{os.getpid()}_{kind}" for kind in kinds]
    urls = [base.set(username=name, password="word-of-a-test", database=name) for name in names]
    return [
        server.Home(url.render_as_string(hide_password=False), (kind,)) for url, kind in zip(urls, kinds, strict=True)
    ]


def compared(thing: object, _name: str, kind: str, *_others: object) -> bool:
    """What is unique of tables that are kept by the month is so within a month, by the same rule for both."""
    return kind != "unique_constraint" or thing.table.name not in MONTHLY  # type: ignore[attr-defined]


def test_migrations_make_the_schema_that_the_program_expects(postgres_server: Server) -> None:
    """Databases made on a server by migrations alone differ in nothing from the tables in the code, for every kind."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine

    from warifu.simulator.migrations import SCHEMAS

    homes = homes_for(postgres_server, "made", *sorted(SCHEMAS))
    try:
        server.provide(postgres_server.given, homes, new=True)
        server.upgrade(homes)
        for home in homes:
            (kind,) = home.schemas
            engine = create_engine(make_url(home.url).set(drivername="postgresql+psycopg"))
            with engine.connect() as connection:
                options = {"version_table": version_table(kind, "postgresql"), "include_object": compared}
                context = MigrationContext.configure(connection, opts=options)
                assert compare_metadata(context, metadata(kind)) == [], kind
            engine.dispose()
    finally:
        server.drop(postgres_server.given, [home.name for home in homes])
