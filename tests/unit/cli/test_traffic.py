"""`warifu traffic` and its folder: said before the work, and kept whatever the folder takes."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from unit.traffic import lab

from warifu.cli import traffic, traffic_told
from warifu.kernel import confine
from warifu.simulator.traffic.failure import DETECTING, DRIVING, REVIEWING
from warifu.simulator.traffic.run import Progress


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder below a file, or below one that is not there and cannot be made, ends with code 2, its name and the option."""
    (file := tmp_path / "file").write_text("-")
    for folder in (file / "day", Path("/proc/day")):
        with pytest.raises(typer.Exit) as ended:
            traffic._prepare(folder, ["truth.csv"])
        assert ended.value.exit_code == 2
        told = capsys.readouterr().err
        assert f"cannot make {folder}" in told
        assert "--out" in told


def test_a_file_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where one of the files cannot be written the run does not begin; a folder with an earlier run's files is well."""
    (tmp_path / "exchanges.csv").write_text("earlier")
    traffic._prepare(tmp_path, ["exchanges.csv", "truth.csv"])
    (tmp_path / "truth.csv").mkdir()
    with pytest.raises(typer.Exit):
        traffic._prepare(tmp_path, ["exchanges.csv", "truth.csv"])
    assert str(tmp_path / "truth.csv") in capsys.readouterr().err


def test_a_run_outlives_a_disk_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the folder takes no more in the end everything is written into a new one that only its owner reads, and both are named."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    full = tmp_path / "full"

    def write(folder: Path) -> list[Path]:
        if folder == full:
            raise OSError(errno.ENOSPC, "No space left on device")
        (folder / "truth.csv").write_text("-")
        return [folder / "truth.csv"]

    (written,) = traffic._kept(full, write)
    assert written.exists()
    assert written.parent.stat().st_mode & 0o777 == 0o700
    told = capsys.readouterr().err
    assert str(full) in told
    assert str(written.parent) in told
    assert "No space left" in told


def test_when_nothing_can_be_written_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When no folder takes anything the command ends with code 2 and says that the run is lost."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def write(_: Path) -> list[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(typer.Exit) as ended:
        traffic._kept(tmp_path / "full", write)
    assert ended.value.exit_code == 2
    assert "lost" in capsys.readouterr().err


def _say(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_told, "t", lambda ja, en: ja if language == "ja" else en)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_thing_that_a_run_does_has_words(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a run does is told in words of its own, with how far it is where that is known."""
    _say(language, monkeypatch)
    said: list[str] = []
    told = traffic_told._lines(said.append)
    for doing in ("people", "addressees", DRIVING, REVIEWING, DETECTING):
        told(Progress(doing, 1_200, None if doing in {REVIEWING, DETECTING} else 125_000))
    assert len(set(said)) == 5
    assert [line.endswith(" 1,200/125,000") for line in said] == [True, True, True, False, False]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_less_than_was_planned_is_told(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was ended early says after how many of how many, one that made nothing says so, and a usual one neither."""
    _say(language, monkeypatch)
    early, nothing = ("途中で止めた", "一件も") if language == "ja" else ("Ended early", "No inquiry was made")
    usual = lab.run([lab.made(1), lab.made(2)])
    for run, has in (
        (usual, (False, False)),
        (replace(usual, stopped=True), (True, False)),
        (replace(usual, made=[], stopped=True), (True, True)),
    ):
        traffic_told.tell(run, [])
        said = capsys.readouterr().out
        assert (early in said, nothing in said) == has
        assert "p50" in said or not run.made


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_makes_precision_and_recall_lower_bounds_is_told(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parties that had still to do, and rules whose lists were full, are named with how to read the scores; without any nothing is said of bounds."""
    _say(language, monkeypatch)
    bound = "下限" if language == "ja" else "lower bound"
    traffic_told.tell(lab.run([lab.made(1)], unsettled=("gateway",), full=(("curiosity", "tax-1"),)), [])
    said = capsys.readouterr().out
    assert said.count(bound) == 2
    assert "gateway" in said
    assert "curiosity" in said
    traffic_told.tell(lab.run([lab.made(1)]), [])
    assert bound not in capsys.readouterr().out


@pytest.mark.parametrize(("abi", "warns"), [(0, True), (4, False)])
def test_a_truth_within_reach_is_told(
    abi: int, warns: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the kernel confines no party the command says that they could read the truth; where it does, nothing."""
    monkeypatch.setattr(confine, "landlock_abi", lambda: abi)
    traffic._warn_unconfined()
    assert ("could read the ground truth" in capsys.readouterr().err) is warns
