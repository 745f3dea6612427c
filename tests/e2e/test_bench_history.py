"""`warifu bench history` as its user runs it."""

import json
import os
import subprocess
import sys


def test_the_cost_of_a_page_is_told_as_ratios_from_one_run(tmp_path):
    """One document on stdout: a ratio for each thing that is asked for, and how many entries its page showed; no file stays."""
    words = ["bench", "history", "--entries", "300", "--pairs", "2", "--pages", "1", "--disk", str(tmp_path), "--json"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words], capture_output=True, text=True, timeout=120, check=False, env=environment
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["entries"] == 300
    assert set(told["ratios"]) == set(told["shown"])
    for ratio in told["ratios"].values():
        assert ratio["pairs"] == 2
        assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    shown = told["shown"]
    assert (shown["common_institution"], shown["outcome"], shown["nothing_fits"]) == (20, 3, 0)
    assert shown["few_behind"] == shown["in_the_middle"] == 20
    assert list(tmp_path.iterdir()) == []
