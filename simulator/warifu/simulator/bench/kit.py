"""What the kit costs a tester (docs/KIT.md §8): the time until a network is ready, a reset, a test with an inquiry, and what is left behind.

All as a tester has it: the engine in a process of its own, tests in a pytest process that knows nothing of this one. Beside every time
stands the CPU that the engine spent, since a machine that does other work moves times and hardly moves that.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from warifu.simulator.testing import Child
from warifu.simulator.testing.linkage import Linkage

GOALS: Final[Mapping[str, float]] = {"ready_seconds": 2.0, "reset_ms": 50.0, "thousand_tests_seconds": 60.0}
"""Of a machine that does nothing else, at 200 people."""
PASSED: Final = 20
"""Resets, and tests, before leaks are looked for: by then everything that is kept has been opened."""
LEAKS: Final[Mapping[str, int]] = {"files": 5, "threads": 5, "ports": 0, "children": 0, "rss_mb": 30}
"""How much more there may be at the end than after the first ones."""
_TEST: Final = """
import json, urllib.request, uuid
import pytest

INSTITUTION = "nhi-480011"


def call(face, path, body=None):
    headers = {**face.headers, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(face.url + path, data, headers)) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", range(NUMBER))
def test_an_inquiry_is_answered(linkage, number):
    card, expected = linkage.case(INSTITUTION, row="P07", fine="PROVIDED")
    face = linkage.face(INSTITUTION)
    inquiry = {name: expected[name] for name in ("provider", "affair", "procedure", "item")}
    inquiry |= {"requestId": "REQUEST", "addresseeNo": card["addressees"][INSTITUTION], "office": "window-1"}
    inquiry |= {"span": {"fiscalYear": {"year": expected["year"]}}, "clerk": "c-0001", "caseReference": "case-1"}
    call(face, "/v1/inquiries", inquiry)
    answer = call(face, "/v1/inquiries/REQUEST?waitMs=10000")["inquiry"]
    assert answer["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
"""
_CONFTEST: Final = """
import json, os, time
import pytest
from warifu.simulator.bench.kit import cpu_ms, held_by_children

SEEN = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    SEEN.append(None)
    if len(SEEN) in {PASSED, NUMBER}:
        held = held_by_children(os.getpid())
        held |= {"at_ms": round(1000 * time.monotonic()), "cpu_ms": cpu_ms(os.getpid()) + cpu_ms(held["pid"])}
        with open(f"held-{len(SEEN)}.json", "w") as file:
            json.dump(held, file)
    return result
"""
_REQUEST: Final = "7a9d3c0e-2f41-4c5b-9d57-3a1e6b8f0c22"
"""Not in the sample of answers that wait for a clerk: of another id one in 40 is."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of many times."""

    p50: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The 50th and the 99th of a hundred."""
        ordered = sorted(values)
        return cls(
            round(statistics.median(ordered), 1), round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 1)
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """From the start of the engine's process to its first answer."""

    seconds: float
    engine_seconds: float
    """As the engine counts them: without Python's start and the imports."""
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured."""

    people: int
    cold: Ready
    """With an empty cache: the network is filled."""
    warm: Ready
    """The median of several, with what was kept."""
    resets: int
    reset_ms: Spread
    reset_cpu_ms: Spread
    tests: int
    passed: int
    seconds: float
    """Of the whole pytest process."""
    thousand_tests_seconds: float
    """That, and for each test that is lacking to a thousand as much as one took after the first ones."""
    test_ms: float
    """A test after the first ones."""
    test_cpu_ms: float
    """Its CPU, pytest and engine together."""
    before: Mapping[str, int]
    after: Mapping[str, int]
    leaks: Mapping[str, int]
    """What there is more than may be."""
    left_behind: Sequence[str]
    """Processes and folders after everything ended."""

    def reached(self) -> Mapping[str, bool]:
        """Which goals are."""
        of = {
            "ready_seconds": self.warm.engine_seconds,
            "reset_ms": self.reset_ms.p50,
            "thousand_tests_seconds": self.thousand_tests_seconds,
        }
        return {name: of[name] <= most for name, most in GOALS.items()} | {
            "no_leaks": not self.leaks and not self.left_behind and self.passed == self.tests
        }

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"kit": asdict(self) | {"goals": dict(GOALS), "reached": dict(self.reached())}}


def measure(people: int, resets: int, tests: int, starts: int = 3) -> Found:
    """Measure on this machine, with a cache of its own.

    Raises:
        EngineError: the engine does not start.
    """
    with tempfile.TemporaryDirectory(prefix="warifu-bench-") as folder, _cache(Path(folder)):
        cold, _ = _started(people)
        warm = sorted((_started(people)[0] for _ in range(starts)), key=lambda one: one.seconds)[starts // 2]
        with Child.start(people) as child:
            linkage = child.linkage()
            walls, cpus = _reset(child, linkage, resets)
            linkage.close()
        ran = _tests(Path(folder), people, tests)
        return Found(
            people=people, cold=cold, warm=warm, resets=resets, reset_ms=Spread.of(walls), reset_cpu_ms=Spread.of(cpus), **ran
        )  # fmt: skip


@contextmanager
def _cache(folder: Path) -> Iterator[None]:
    """Templates of networks are kept there meanwhile."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


def _started(people: int) -> tuple[Ready, str]:
    began = time.perf_counter()
    with Child.start(people) as child:
        seconds = time.perf_counter() - began
        return Ready(round(seconds, 2), child.ready_seconds, round(cpu_seconds(child.process.pid), 2)), child.state


def _reset(child: Child, linkage: Linkage, resets: int) -> tuple[list[float], list[float]]:
    """Milliseconds on the clock and of the engine's CPU, of each but the first ones."""
    walls, cpus = [], []
    for number in range(PASSED + resets):
        before = cpu_seconds(child.process.pid)
        wall = linkage.reset()
        if number >= PASSED:
            walls.append(wall)
            cpus.append(1000 * (cpu_seconds(child.process.pid) - before))
    return walls, cpus


def _tests(folder: Path, people: int, tests: int) -> dict[str, Any]:
    """So many tests in a pytest process."""
    place = folder / "tests"
    place.mkdir()
    mark = f"pytestmark = pytest.mark.linkage_people({people})\n"
    program = _TEST.replace("NUMBER", str(tests)).replace("REQUEST", _REQUEST)
    (place / "test_many.py").write_text(program + mark, encoding="utf-8")
    (place / "conftest.py").write_text(
        _CONFTEST.replace("PASSED", str(min(PASSED, tests))).replace("NUMBER", str(tests)), encoding="utf-8"
    )
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=line"],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    passed = next((int(word) for word, what in _pairs(ran.stdout) if what.startswith("passed")), 0)
    before, after = (_held(place / f"held-{number}.json") for number in (min(PASSED, tests), tests))
    took = [(after.get(name, 0) - before.get(name, 0)) / max(1, tests - PASSED) for name in ("at_ms", "cpu_ms")]
    return {
        "tests": tests,
        "passed": passed,
        "seconds": round(seconds, 1),
        "thousand_tests_seconds": round(_thousand(seconds, tests, took[0]), 1),
        "test_ms": round(took[0], 1),
        "test_cpu_ms": round(took[1], 1),
        "before": before,
        "after": after,
        "leaks": {
            name: after[name] - before[name]
            for name, most in LEAKS.items()
            if after.get(name, 0) - before.get(name, 0) > most
        },
        "left_behind": _left(after),
    }


def _thousand(seconds: float, tests: int, test_ms: float) -> float:
    """Seconds for a thousand tests. Of too few to tell a test's from what starting costs, all of it is taken for tests."""
    if tests > 1000 or not test_ms:  # noqa: PLR2004 - a thousand
        return 1000 * seconds / tests
    return seconds + (1000 - tests) * test_ms / 1000


def _pairs(told: str) -> Iterator[tuple[str, str]]:
    words = told.replace(",", " ").split()
    return ((word, what) for word, what in itertools.pairwise(words) if word.isdigit())


def _held(path: Path) -> dict[str, int]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _left(after: Mapping[str, int]) -> list[str]:
    """The engine's process, if it did not end with its tests."""
    pid = after.get("pid", 0)
    return [f"process {pid}"] if pid and psutil.pid_exists(pid) else []


def held_by_children(pid: int) -> dict[str, int]:
    """What the children of a process hold: its engine. For the measured pytest process."""
    (engine,) = psutil.Process(pid).children()
    with engine.oneshot():
        return {
            "pid": engine.pid,
            "files": engine.num_fds(),
            "threads": engine.num_threads(),
            "ports": sum(one.status == psutil.CONN_LISTEN for one in engine.net_connections("tcp")),
            "children": len(engine.children(recursive=True)),
            "rss_mb": engine.memory_info().rss >> 20,
        }


def cpu_ms(pid: int) -> int:
    """CPU milliseconds of a process so far."""
    return round(1000 * cpu_seconds(pid))


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far, all its threads together, to the nanosecond where the system counts them."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError):
        spent = psutil.Process(pid).cpu_times()
        return float(spent.user + spent.system)
