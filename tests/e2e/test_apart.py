"""Parties that something else starts one by one, as docker-compose.yml does: in any order, and with nobody to start them again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from e2e.conftest import Running
from ports import free_ports
from postgres import Server

from warifu.law import packaged
from warifu.simulator.launcher import apart
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.migrations import server
from warifu.simulator.state import NetworkFile

pytestmark = pytest.mark.slow
Processes = dict[tuple[str, ...], subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> Iterator[tuple[Path, Processes]]:
    """A network whose processes were all started before there was anything for them to begin with."""
    state = tmp_path_factory.mktemp("apart") / "state"
    orders = [("conduct",), *(("run", party.name) for party in plan(packaged())), ("run", "gateway", "2")]
    with ExitStack() as stack:
        started = {words: stack.enter_context(_start(state, words)) for words in orders}
        for process in started.values():
            stack.callback(process.terminate)
        options = Options(state, 60, port=free_ports(6), database_url=postgres_server.given, gateways=2)
        asyncio.run(apart.set_up(options))
        asyncio.run(apart.set_up(options))  # once more, as at every start: nothing is made anew
        stack.callback(_drop, state, postgres_server)
        while NetworkFile.load(state).ready_seconds is None:
            with suppress(subprocess.TimeoutExpired):
                started["conduct",].wait(0.2)
            assert all(process.poll() is None for process in started.values())
        yield state, started


def _start(state: Path, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
    module = "warifu.simulator.launcher.apart"
    command = [sys.executable, "-m", module, "--state", str(state), *words]
    with (state.parent / f"{words[0]}.err").open("ab") as said:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)


def _drop(state: Path, postgres_server: Server) -> None:
    network = NetworkFile.load(state).extra["databases"]
    names = [name for (name,) in postgres_server.rows("SELECT rolname FROM pg_roles")]
    server.drop(postgres_server.given, sorted(name for name in names if name.startswith(f"warifu_{network}_")))


def test_a_network_of_processes_that_know_nothing_of_each_other_s_start_works(
    processes: tuple[Path, Processes],
) -> None:
    """They waited for the set-up, found each other, and were filled; a play passes, also when one gateway is killed and stays dead."""
    state, started = processes
    running = Running(state, started["conduct",], {})  # type: ignore[arg-type]
    assert all(one["healthy"] for one in running.json("status")["parties"])
    assert running.json("play", "moved-household", code=None)["passed"] is True
    started["run", "gateway", "2"].kill()
    assert running.json("play", "moved-household", code=None)["passed"] is True
    (gateway,) = (one for one in running.json("status")["parties"] if one["name"] == "gateway")
    assert [one["healthy"] for one in gateway["processes"]] == [True, False]
    assert running.json("audit")["findings"] == []


def test_whoever_started_it_reads_how_far_it_is(processes: tuple[Path, Processes]) -> None:
    """The conductor says that it waits, that every party serves, and where the pages are."""
    state, _ = processes
    lines = [json.loads(line) for line in (state.parent / "conduct.err").read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["waiting for the set-up", "every party serves", "ready"]
    assert lines[-1]["urls"] == NetworkFile.load(state).urls
