"""`warifu bench` on a real network: it measures, checks durability, and prints one document."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROWS = ("unary_c16", "connector_c16", "bulk", "ledger_c64", "history_p50")


def test_every_kind_of_row_is_measured_and_durability_held(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One pair of each kind of load gives a ratio each, CPU of every party, a report, and answers that waited for their records."""
    tmp_path = tmp_path_factory.mktemp("b")  # short: sockets lie below it
    words = ["bench", *ROWS, "--quick", "--pairs", "1", "--records", "5000", "--json", "--disk", str(tmp_path)]
    page = tmp_path / "bench.html"
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words, "--html", str(page)], stdout=subprocess.PIPE, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert set(told["ratios"]) == set(ROWS)
    assert all(ratio["pairs"] == 1 and ratio["median"] > 0 for ratio in told["ratios"].values())
    unary = next(step for step in told["steps"] if step["call"] == "unary")
    assert set(unary["cpu_us"]) == {"numbering", "gateway", "watchdog", "tax", "portal", "requester"}
    assert {(one["call"], one["held"]) for one in told["durability"]} == {
        (call, side) for call in ("unary", "connector") for side in ("gateway", "provider", "requester")
    }
    assert all(one["early"] == 0 < one["before"] and one["after"] > 0 for one in told["durability"])
    assert "unary_c16" in page.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [page], "the files of the measurement are gone"
