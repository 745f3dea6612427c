"""Every scenario passes on a fresh network, and its sabotage twin, with one planted fault, is caught by its own checks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from e2e.conftest import Running, start, stop

from warifu.simulator.scenarios import SCENARIOS

LAST = next(reversed(SCENARIOS))
"""Moves the clock into June, so it is played after all others and on a network of its own for each twin."""
ANY_ORDER = [name for name in SCENARIOS if name != LAST]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A network for the scenarios that can be played in any order."""
    running = start(tmp_path_factory.mktemp("played") / "state", "--people", "200", "--seed", "3")
    yield running
    stop(running)


@pytest.fixture(scope="module")
def sabotaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A network for the twins, since a fault may stay."""
    running = start(tmp_path_factory.mktemp("sabotaged") / "state", "--people", "200", "--seed", "3")
    yield running
    stop(running)


def failed(report: dict) -> list[str]:
    """Names of the checks that did not pass, with what they saw."""
    return [f"{check['name']}: {check['detail']}" for check in report["checks"] if not check["passed"]]


@pytest.mark.parametrize("name", [*ANY_ORDER, LAST])
def test_a_scenario_passes(played: Running, name: str) -> None:
    """Played on a sound network, every check of the scenario passes."""
    report = played.json("play", name, code=None)
    assert failed(report) == []
    assert report["passed"] is True
    assert len(report["checks"]) >= 5
    assert report["exchanges"]


@pytest.mark.parametrize("name", [*ANY_ORDER, LAST])
def test_a_sabotage_twin_is_caught(sabotaged: Running, name: str) -> None:
    """With its one fault planted, the scenario reports `passed: false` with exit code 1, by a check and not by a crash."""
    report = sabotaged.json("play", name, "--sabotage", code=1)
    assert report["passed"] is False
    assert failed(report)


def test_scenarios_can_be_played_again(sabotaged: Running) -> None:
    """After the twins a sound play passes on the same network: others take the parts of those whose lives were changed."""
    for name in ("moved-household", "leaked-number", "changed-resident-code"):
        report = sabotaged.json("play", name, code=None)
        assert failed(report) == [], name
