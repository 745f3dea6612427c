"""Several gateways on one server: any of them may be killed at any moment, and nothing is lost, forked or left open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest
from e2e.conftest import Running, start, stop
from e2e.test_bad_ground import demo, refusal
from ports import free_ports
from postgres import Server
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from warifu.kernel.config import Config
from warifu.law import packaged
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.processes import folder_of
from warifu.simulator.migrations import server

pytestmark = pytest.mark.slow
NUMBERS = (1, 2)


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> Iterator[Running]:
    """A network with two gateways."""
    metrics = str(free_ports(len(plan(packaged())) + 1))
    words = ("--people", "100", "--database-url", postgres_server.given, "--gateways", "2", "--metrics-port", metrics)
    running = start(tmp_path_factory.mktemp("gateways") / "state", *words)
    yield running
    stop(running)
    network = running.file.extra["databases"]
    names = {
        name
        for (name,) in postgres_server.rows("SELECT rolname FROM pg_roles")
        if name.startswith(f"warifu_{network}_")
    }
    server.drop(postgres_server.given, sorted(names))


def gateway(running: Running, number: int) -> psutil.Process:
    """One of the processes; waits until it runs."""
    folder = str(folder_of(running.state, "gateway", number))
    while True:
        for one in psutil.Process(running.process.pid).children(recursive=True):
            try:
                if one.cwd() == folder:
                    return one
            except psutil.Error:
                continue


def until_whole(running: Running) -> None:
    """Wait until every process of every party serves."""
    while not all(one["healthy"] for one in running.json("status")["parties"]):
        pass


def stored(running: Running, statement: str) -> list[tuple]:
    """What the gateways' database holds."""
    with psycopg.connect(str(Config.load(running.state / "gateway").database_url), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def until_settled(running: Running) -> None:
    """Wait until no exchange waits for its provider's first word and no entry for its place in the log."""
    while stored(
        running, "SELECT 1 FROM exchange WHERE waiting = 1 UNION SELECT 1 FROM log_entry WHERE leaf_index IS NULL"
    ):
        pass


def play(running: Running) -> subprocess.Popen[bytes]:
    """A play that goes on by itself."""
    words = [sys.executable, "-m", "warifu.cli", "play", "moved-household", "--state", str(running.state)]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def exchange_calls(running: Running, number: int) -> float:
    """How many calls of the exchange's face one of them has answered, as its metrics tell."""
    url = running.file.extra["metrics"]["gateway" if number == 1 else f"gateway-{number}"]
    return sum(
        one.value
        for family in text_string_to_metric_families(httpx2.get(url).text)
        for one in family.samples
        if one.name == "warifu_calls_total" and one.labels["service"] == "warifu.linkage.v1.LinkageService"
    )


def test_both_are_shown_and_reached(living: Running) -> None:
    """`status` has a line for each; of the exchanges of some plays each answers some, since callers turn to them in turn."""
    (entry,) = (one for one in living.json("status")["parties"] if one["name"] == "gateway")
    assert [one["healthy"] for one in entry["processes"]] == [True, True]
    assert entry["pss_bytes"] == sum(one["pss_bytes"] for one in entry["processes"])
    assert "gateway (2)" in living.command("status").stdout
    before = [exchange_calls(living, number) for number in NUMBERS]
    for _ in range(5):  # a play has few exchanges, and other calls take turns with them on the same channel
        assert living.json("play", "moved-household", code=None)["passed"] is True
        after = [exchange_calls(living, number) for number in NUMBERS]
        if all(now > then for now, then in zip(after, before, strict=True)):
            return
    raise AssertionError(f"one of them was never asked: {before}, then {after}")


def test_killed_in_turn_while_a_play_runs_every_exchange_comes_to_its_outcome(living: Running) -> None:
    """Whatever the play saw of it: afterwards nothing is open or unlogged, the log's records agree with everyone's, and a play passes."""
    fences = [stored(living, "SELECT fence FROM log_head")]
    for number in (*NUMBERS, *NUMBERS):
        playing = play(living)
        gateway(living, number).kill()
        playing.wait(120)
        until_whole(living)
        fences.append(stored(living, "SELECT fence FROM log_head"))
    assert living.json("play", "moved-household", code=None)["passed"] is True
    until_settled(living)
    assert stored(living, "SELECT count(*) - count(DISTINCT leaf_index) FROM log_entry") == [(0,)]
    assert fences == sorted(fences)
    audit = living.json("audit")
    assert audit["findings"] == []
    assert audit["entries"] > 0


def test_a_gateway_that_is_stopped_and_woken_forks_nothing(living: Running) -> None:
    """Each in turn stands still for longer than a term while the other goes on; the audit finds one log, and a play passes."""
    for number in NUMBERS:
        process = gateway(living, number)
        before = stored(living, "SELECT fence, size FROM log_head")
        other = gateway(living, 3 - number)
        process.suspend()
        other.kill()  # it starts anew, enters that in the log, and so has to lead
        while stored(living, "SELECT fence, size FROM log_head") <= before:
            pass
        process.resume()
        until_whole(living)
    assert living.json("play", "moved-household", code=None)["passed"] is True
    assert living.json("audit")["findings"] == []


def test_a_database_server_that_crashes_under_a_play_and_comes_back_costs_no_record(
    living: Running, postgres_server: Server
) -> None:
    """Every party finds it again by itself; nothing is open or unlogged afterwards, all records agree, and a play passes."""
    if postgres_server.process is None:
        pytest.skip("the server is not ours to stop")
    parties = {one.pid for number in NUMBERS for one in [gateway(living, number)]}
    (size,) = stored(living, "SELECT size FROM log_head")
    playing = play(living)
    while stored(living, "SELECT size FROM log_head") == [size]:  # until the play exchanges something
        pass
    postgres_server.restart()
    playing.wait(120)
    until_whole(living)
    assert {gateway(living, number).pid for number in NUMBERS} == parties  # no process ended over it
    assert living.json("play", "moved-household", code=None)["passed"] is True
    until_settled(living)
    assert living.json("audit")["findings"] == []


def test_the_log_s_page_is_served_by_whoever_lives(living: Running) -> None:
    """Both listen on its port: while one is started again the other answers."""
    port = int(living.announced["urls"]["gateway"].rpartition(":")[2])
    for number in NUMBERS:
        process = gateway(living, number)
        process.kill()
        process.wait(30)
        answer = httpx2.get(f"http://127.0.0.1:{port}/checkpoint", headers={"Host": "log.localhost"})
        assert answer.status_code == 200
        until_whole(living)


def test_a_second_start_has_as_many_and_fewer_when_told(living: Running) -> None:
    """How many there are is the network's own; exchanges go on with one, and with two again."""
    for words, count in (((), 2), (("--gateways", "1"), 1), (("--gateways", "2"), 2)):
        stop(living)
        living.process = start(living.state, *words).process
        (entry,) = (one for one in living.json("status")["parties"] if one["name"] == "gateway")
        assert len(entry.get("processes", [entry])) == count
    assert living.json("play", "refused", code=None)["passed"] is True
    assert living.json("audit")["findings"] == []


def test_several_gateways_without_a_server_are_refused(tmp_path: Path) -> None:
    """Files are one process's: the refusal says what to give."""
    assert "--database-url" in refusal(demo("--state", str(tmp_path / "state"), "--gateways", "2"))
