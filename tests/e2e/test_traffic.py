"""`warifu traffic` on a real network: every kind of misuse, what was made of it, and a ground truth that no party has."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, start, stop

from warifu.agency.v1 import cases_pb2
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import doors
from warifu.simulator.traffic.misuse import KINDS

pytestmark = pytest.mark.slow
PATIENCE = 270
"""Seconds for a day: its clock is set some eighty times, and on a busy machine each takes a second."""
KIND_NAMES = {kind.name for kind in KINDS}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A network of its own, since its clock is moved."""
    living = start(tmp_path_factory.mktemp("busy"), "--people", "400")
    yield living
    stop(living)


@pytest.fixture(scope="module")
def day(network: Running, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A day with much misuse, as `--json` tells it."""
    folder = tmp_path_factory.mktemp("day")
    words = [
        "traffic",
        "--state",
        str(network.state),
        "--json",
        "--day",
        "--count",
        "200",
        "--rate",
        "200",
        "--misuse",
        "35%",
        "--seed",
        "4",
        "--out",
        str(folder),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return json.loads(done.stdout) | {"folder": folder}


def read(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def late(day: dict) -> int:
    """Off-hours misuse at institutions that asked three times or more in that evening, counted from the files alone."""
    truth = {row["request_id"]: row["misuse"] for row in read(day["folder"], "truth.csv")}
    evening = [row for row in read(day["folder"], "exchanges.csv") if int(row["planned_at"][11:13]) >= 20]
    asked = Counter(row["requester"] for row in evening)
    return sum(truth[row["request_id"]] == "off-hours" and asked[row["requester"]] >= 3 for row in evening)


def test_every_inquiry_is_made_and_answered(day: dict) -> None:
    """All inquiries of the plan are made and answered, those of all ten kinds of misuse among them."""
    assert (day["planned"], day["made"], day["answered"]) == (200, 200, 200)
    assert set(day["misuse"]) == KIND_NAMES
    assert set(day["outcomes"]) >= {"PROVIDED", "DENIED", "REFUSED"}


def test_detectors_find_what_they_can(day: dict) -> None:
    """The rules find what they are made for, the gate what the law refuses; no rule is made for a false purpose."""
    found = {one["detector"]: one["by_kind"] for one in day["detectors"]}
    assert found["no-case"]["browsing"]["value"] == 1
    assert found["off-hours"]["off-hours"]["part"] == late(day) > 0
    assert found["gate"]["pretence"]["value"] == 1
    assert found["gate"]["over-asking"]["value"] == 1
    assert found["gate"]["false-purpose"]["value"] == 0
    assert found["no-case"]["false-purpose"]["value"] == 0
    assert (day["folder"] / "exchanges.parquet").exists()


def test_data_and_truth_belong_together(day: dict) -> None:
    """Exchanges and truth have the same request ids; every inquiry's time was the network's; the truth is its owner's alone."""
    exchanges, truth = read(day["folder"], "exchanges.csv"), read(day["folder"], "truth.csv")
    assert [row["request_id"] for row in exchanges] == [row["request_id"] for row in truth]
    assert {row["misuse"] for row in truth} == KIND_NAMES | {"none"}
    assert stat.S_IMODE((day["folder"] / "truth.csv").stat().st_mode) == 0o600
    assert {row["final_outcome"] for row in exchanges} & {"PENDING", "NO_ANSWER"} == set()


def test_no_party_has_the_truth(network: Running, day: dict) -> None:
    """In no file of the network's state is there a line of the ground truth, nor a word for a kind that only the truth has."""
    lines = [line.encode() for line in (day["folder"] / "truth.csv").read_text(encoding="utf-8").splitlines()[1:]]
    words = [name.encode() for name in KIND_NAMES - {"off-hours", "repeated", "browsing"}]
    looked = 0
    for path in network.state.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            looked += len(held)
            assert not [word for word in (*lines, *words) if word in held], path
    assert looked > 1_000_000


def test_the_network_audits_clean(network: Running, day: dict) -> None:
    """After the traffic, misuse included, the parties' records agree."""
    assert day["made"]
    assert network.json("audit")["findings"] == []


def test_the_closed_case_was_closed(network: Running, day: dict) -> None:
    """The case that a misuse names exists at the institution's desk, decided."""
    truth = {row["request_id"]: row["misuse"] for row in read(day["folder"], "truth.csv")}
    rows = [row for row in read(day["folder"], "exchanges.csv") if truth[row["request_id"]] == "closed-case"]
    assert rows
    states = asyncio.run(desk_states(network, [(row["requester"], row["case_reference"]) for row in rows]))
    assert states == [cases_pb2.CASE_STATE_REFUSED] * len(rows)


async def desk_states(network: Running, cases: list[tuple[str, str]]) -> list[int]:
    """How cases stand at their institutions' desks."""
    found = []
    async with doors(network.file) as opened:
        for institution, reference in cases:
            request = cases_pb2.GetCaseRequest(institution=institution, reference=reference)
            found.append((await Clerk(opened, institution).desk.GetCase(request, timeout=15)).case.state)
    return found


def test_a_folder_inside_the_network_is_refused(network: Running) -> None:
    """Report and truth cannot be laid into the state folder; the message says why."""
    done = network.command("traffic", "--count", "5", "--out", str(network.state / "gateway"), code=2)
    assert "ground truth" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["--day", "--peak"], ["--count", "5", "--scale", "0.1"], ["--misuse", "plenty"], ["--misuse", "101%"]],
)
def test_contradictions_are_refused(network: Running, words: list[str]) -> None:
    """Options that contradict each other or say nothing are refused with exit code 2."""
    assert network.command("traffic", *words, code=2).stderr.startswith("error")


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    """Where no network is, the message says how to start one."""
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "traffic", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "warifu demo" in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_a_report(network: Running, tmp_path: Path, end: signal.Signals) -> None:
    """Interrupted or terminated in the middle, a run tells what it made, with report and data."""
    words = [
        "traffic",
        "--count",
        "5000",
        "--rate",
        "20",
        "--json",
        "--out",
        str(tmp_path),
        "--state",
        str(network.state),
    ]
    before = len(read_log(network))
    process = subprocess.Popen([sys.executable, "-m", "warifu.cli", *words], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(read_log(network)) <= before + 20_000 and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(end)
    told = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    assert told["stopped"]
    assert 0 < told["made"] < 5000
    assert told["answered"] == told["made"] == len(read(tmp_path, "truth.csv"))
    assert (tmp_path / "report.ja.html").exists()


def read_log(network: Running) -> bytes:
    """The gateway's write-ahead log, which grows with every exchange."""
    return b"".join(path.read_bytes() for path in (network.state / "gateway").glob("gateway.db*"))
