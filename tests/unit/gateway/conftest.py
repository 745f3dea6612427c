"""Tests of what the gateway stores run on both databases."""

from __future__ import annotations

import pytest
from unit.gateway import samples

STORING = {
    "unit.gateway.test_log",
    "unit.gateway.test_lease",
    "unit.gateway.test_outcome",
    "unit.gateway.test_enrolment",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of these modules twice."""
    if metafunc.module.__name__.rpartition("tests.")[2] in STORING:
        metafunc.fixturenames.append("database")
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On which database `new_store` opens its stores."""
    if request.param == "postgres":
        from postgres import Places

        places = Places(request.getfixturevalue("postgres_database"))
        monkeypatch.setattr(samples, "sqlite_url", places.url)
