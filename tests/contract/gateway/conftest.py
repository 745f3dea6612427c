"""The network around a gateway."""

from __future__ import annotations

import pytest
from contract.gateway_world import (
    PERSON,
    WAIT,
    World,
)
from unit.gateway.samples import REQUESTER

from warifu.gateway import forward, lanes
from warifu.gateway.log import gate

FILES = {
    "test_yesterday_s_copy_of_the_log_is_refused_by_the_witness",
    "test_a_copy_that_grew_another_way_is_refused_too",
    "test_contents_are_gone_and_the_log_says_which",
    "test_no_content_is_plain_in_the_database",
    "test_the_gateways_files_hold_no_resident_code_and_no_answer",
}
"""Tests that look into SQLite's own files."""
SERVER = {
    "test_a_gateway_whose_database_connections_are_cut_goes_on",
    "test_a_gateway_whose_database_is_gone_says_so",
}
"""Tests of what can happen to a database server alone. All others run on both databases."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of the network twice."""
    if "world" in metafunc.fixturenames:
        name = metafunc.definition.originalname
        kinds = [kind for kind, others in (("sqlite", SERVER), ("postgres", FILES)) if name not in others]
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest):
    """Where the gateway keeps its store; None for its folder."""
    return request.getfixturevalue("postgres_database") if request.param == "postgres" else None


@pytest.fixture
async def world(tmp_path_factory, database):
    """A network with everything up."""
    world = await World.begin(tmp_path_factory.mktemp("net"), database=database)
    yield world
    await world.end()


@pytest.fixture
def patient(monkeypatch):
    """A gateway that waits for a provider, and for its own log, as long as a test on a busy machine may take."""
    monkeypatch.setattr(gate, "MERGE_DELAY", WAIT * 1000)
    monkeypatch.setattr(forward, "PROVIDE_DEADLINE", WAIT * 1000)
    monkeypatch.setattr(lanes, "QUEUED", WAIT)


@pytest.fixture
async def subject(world):
    """The requester's code of the person."""
    return await world.code(REQUESTER, "health_insurance", PERSON)
