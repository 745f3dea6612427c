"""`warifu rehearse` over a network of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from warifu.law import packaged_files


def rehearse(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document."""
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "rehearse", *words, "--json"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_who_loses_a_row_and_nobody_else_differs(tmp_path: Path) -> None:
    """Under a table in which row P07 is for the union instead of municipal insurers, every inquiry by P07 differs, all by insurers are refused, all by the union permitted, and nothing else differs."""
    head, mark, rest = packaged_files()["permissions.toml"].decode().partition('id = "P07"')
    after = tmp_path / "permissions.toml"
    after.write_text(
        head + mark + rest.replace('requester_roles = ["nhi"]', 'requester_roles = ["late_elderly_union"]', 1),
        encoding="utf-8",
    )
    page = tmp_path / "report.html"
    code, found = rehearse("--after", str(after), "--html", str(page), "--expect-none")
    assert code == 1
    (p07,) = [one for one in found["rows"] if one["row"] == "P07"]
    assert p07["differ"] == p07["asked"] == len(found["differences"]) == 16
    assert {one["row"] for one in found["differences"]} == {"P07"}
    refused = "DENIED CLIENT_REQUESTER_NOT_PERMITTED"
    for one in found["differences"]:
        decision = {"before": "permitted", "after": refused}
        if one["requester"].startswith("union-"):
            decision = {"before": refused, "after": "permitted"}
        assert one["differs"]["decision"] == decision
        assert set(one["differs"]) >= {"decision", "outcome", "history"}
    assert {one["requester"][:4] for one in found["differences"]} == {"nhi-", "unio"}
    assert page.read_text(encoding="utf-8").count("<h3>") == 16


def test_a_recorded_day_goes_the_same_again(tmp_path: Path) -> None:
    """A day that was recorded and is played again in another process differs in nothing; with one outcome altered in the file, in that one."""
    kept = tmp_path / "day.json"
    _, told = rehearse("--record", str(kept))
    code, found = rehearse("--against", str(kept), "--expect-none")
    assert (code, found["differs"], found["differences"]) == (0, False, [])
    assert told["asked"] == found["asked"] > 100
    document = json.loads(kept.read_text(encoding="utf-8"))
    altered = next(one for one in document["results"] if one["outcome"] == "PROVIDED")
    altered["outcome"] = "NO_RECORD"
    kept.write_text(json.dumps(document), encoding="utf-8")
    code, found = rehearse("--against", str(kept), "--expect-none")
    assert code == 1
    assert [one["person"] for one in found["differences"]] == [altered["step"]["person"]]
    assert found["differences"][0]["differs"] == {"outcome": {"before": "NO_RECORD", "after": "PROVIDED"}}
