"""The files of a run: what could be seen, and the truth apart."""

from __future__ import annotations

import csv
import stat
import sys
from pathlib import Path

import pytest
from unit.traffic import lab

from warifu.kernel.confine import readable_roots
from warifu.simulator.told import ToldError
from warifu.simulator.traffic import data
from warifu.simulator.traffic.drive import Made

MADE = [lab.made(1), lab.made(2, "harvesting", "DENIED"), lab.made(3, latency=None)]


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_truth_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """The truth has mode 0600, also when a file with another mode was there before."""
    truth = tmp_path / data.TRUTH
    truth.write_text("old")
    truth.chmod(0o644)
    data.write(tmp_path, MADE)
    assert stat.S_IMODE(truth.stat().st_mode) == 0o600
    assert "old" not in truth.read_text()


def test_the_truth_has_case_cause_and_kind(tmp_path: Path) -> None:
    """Each inquiry has a line of truth: its true case, its cause, its kind of misuse or "none"."""
    data.write(tmp_path, MADE)
    first, second, _ = read(tmp_path / data.TRUTH)
    assert (first["request_id"], first["person"], first["case"], first["cause"], first["misuse"]) == (
        "id-1", "p-000001", "2026-1", "moved-in", "none",
    )  # fmt: skip
    assert (second["case"], second["misuse"], second["incident"]) == ("", "harvesting", "1")


def test_what_is_seen_tells_nothing_of_the_truth(tmp_path: Path) -> None:
    """The file of exchanges has every inquiry, and neither a kind of misuse nor a person's handle."""
    data.write(tmp_path, MADE)
    text = (tmp_path / data.EXCHANGES).read_text(encoding="utf-8")
    rows = read(tmp_path / data.EXCHANGES)
    assert [row["request_id"] for row in rows] == ["id-1", "id-2", "id-3"]
    assert (rows[0]["latency_ms"], rows[2]["latency_ms"]) == ("100.0", "")
    assert [row["subject"] for row in rows] == ["1", "2", "3"]
    assert "harvesting" not in text
    assert "p-0000" not in text


def test_a_folder_of_the_network_is_refused(tmp_path: Path) -> None:
    """Nothing is written into the network's state, by whatever path it is named; beside it is well."""
    state = tmp_path / "state"
    (state / "gateway").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(state)
    for folder in (state, state / "gateway" / "new", link / "x"):
        with pytest.raises(ToldError):
            data.check_folder(folder, state)
    data.check_folder(tmp_path / "state-of-mine", state)


def test_where_every_party_reads_is_refused(tmp_path: Path) -> None:
    """The truth cannot be laid where a party's process may read though it is confined: the system's files, Python's and the program's own."""
    state = tmp_path / "state"
    program = Path(data.__file__).parents[3]
    for folder in (Path("/usr/share/day"), Path("/etc/day"), Path(sys.prefix) / "day", program / "day"):
        with pytest.raises(ToldError, match="can read"):
            data.check_folder(folder, state)
        assert any(folder.resolve().is_relative_to(root) for root in readable_roots(state / "gateway"))
    data.check_folder(tmp_path / "day", state)


def test_no_parquet_of_another_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed the Parquet of an earlier run is gone: beside the new CSV it would be another run's."""
    (tmp_path / data.PARQUET).write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert not any(path.name == data.PARQUET for path in data.write(tmp_path, MADE))
    assert not (tmp_path / data.PARQUET).exists()


def test_parquet_has_the_same_rows(tmp_path: Path) -> None:
    """The Parquet file has the columns and rows of the CSV."""
    parquet = pytest.importorskip("pyarrow.parquet")
    assert tmp_path / data.PARQUET in data.write(tmp_path, MADE)
    table = parquet.read_table(tmp_path / data.PARQUET).to_pydict()
    assert tuple(table) == data.HEADS
    assert list(zip(*table.values(), strict=True)) == data.rows(MADE)


def test_without_pyarrow_csv_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow is not installed the run has its CSV and its truth, and no Parquet."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert [path.name for path in data.write(tmp_path, MADE)] == [data.EXCHANGES, data.TRUTH]


def test_the_final_outcome_is_the_clerks(tmp_path: Path) -> None:
    """Of an inquiry that waited, the first outcome is PENDING and the final one what the clerk made of it."""
    waited = Made(lab.intended(), "id-9", 0.0, 0.1, "PENDING", "", "PROVIDED")
    data.write(tmp_path, [waited])
    (row,) = read(tmp_path / data.EXCHANGES)
    assert (row["outcome"], row["final_outcome"]) == ("PENDING", "PROVIDED")
