"""`warifu bench kit` as its user runs it."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_the_kit_is_measured_with_what_it_leaves_behind() -> None:
    """One document on stdout: times with CPU beside them, all tests passed, nothing left behind, and which goals are reached."""
    words = ["--people", "100", "--resets", "3", "--tests", "3", "--starts", "1", "--json"]
    ran = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "bench", "kit", *words],
        capture_output=True, text=True, timeout=240, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"},
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)["kit"]
    assert found["passed"] == found["tests"] == 3
    assert found["thousand_tests_seconds"] == pytest.approx(1000 * found["seconds"] / 3, rel=0.02)
    assert found["left_behind"] == []
    assert found["before"]["ports"] == found["after"]["ports"] > 10
    assert 0 < found["reset_cpu_ms"]["p50"] <= found["reset_cpu_ms"]["p99"]
    assert 0 < found["warm"]["engine_seconds"] < found["warm"]["seconds"]
    assert set(found["reached"]) == {*found["goals"], "no_leaks"}
