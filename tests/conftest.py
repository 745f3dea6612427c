"""What every test shares."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from running import Running, start, stop

# gRPC's C core reports every refused handshake on stderr; these tests refuse many on purpose.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# A session starts hundreds of processes: what they import is compiled once, not by each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes is the machine's affair: under load the same example is neither wrong nor too slow to be tried.
settings.register_profile("warifu", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("warifu")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """How the processes of `./warifu test` share the tests."""
    if config.getvalue("dist") != "loadfile":
        return None
    from workers import FromBothEnds

    return FromBothEnds(config, log)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's, by a shorter name: a network's sockets lie below it, and a socket's path has room for 107 bytes."""
    return tmp_path_factory.mktemp(re.sub(r"\W", "_", request.node.name.removeprefix("test_"))[:8])


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server; skips where there is none, fails under CI."""
    import postgres

    yield from postgres.begin()


@pytest.fixture
def postgres_database(postgres_server):
    """The URL of a fresh PostgreSQL database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def kind_of_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On what every store of a test of `both` lies: in its files, or on a server, where each file is a schema."""
    if request.param != "postgres":
        return
    from postgres import Places

    from warifu.kernel import places, store

    instead = Places(request.getfixturevalue("postgres_database")).instead
    place = places.place
    monkeypatch.setattr(store, "make_url", instead)
    monkeypatch.setattr(places, "place", lambda *words: instead(place(*words)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of what is stored, on both databases."""
    import both

    if kinds := both.kinds(metafunc.definition.nodeid, metafunc.fixturenames):
        metafunc.fixturenames.insert(0, "kind_of_database")
        metafunc.parametrize("kind_of_database", kinds, indirect=True)


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One network of 200 people for the whole session; tests leave it running and whole."""
    living = start(tmp_path_factory.mktemp("network"), "--people", "200")
    yield living
    stop(living)
