"""A file that a verb is to write: one that cannot be written is refused in both languages, before anything is done."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.testing import CliRunner

from warifu.cli import output
from warifu.cli.__main__ import app

ID = "3f0f1e5c-0000-4000-8000-000000000001"
VERBS = {
    "batch": ("interim", "batch", __file__, "--institution", "nhi-480029", "--out", "{}"),
    "junit": ("conformance", "business", "--command", "false", "--junit", "{}"),
    "page": ("conformance", "business", "--command", "false", "--html", "{}"),
    "recording": ("rehearse", "--record", "{}"),
    "report": ("rehearse", "--after", "shipped", "--html", "{}"),
    "bench": ("bench", "--html", "{}"),
    "proof": ("proof", ID, "--institution", "nhi-480029", "--out", "{}"),
}


def _nothing(begun: Coroutine[object, object, object]) -> NoReturn:
    begun.close()
    raise AssertionError("something was begun")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("locale", "said"), [("C", "there is no folder"), ("ja_JP.UTF-8", "というフォルダーはありません")]
)
def test_a_place_that_is_not_there_is_told_first(
    verb: str, locale: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each verb with a file to write ends with code 2 and the reason when its folder is missing, and has begun nothing."""
    monkeypatch.setattr(asyncio, "run", _nothing)
    place = tmp_path / "missing" / "x"
    words = [word.format(place) for word in VERBS[verb]]
    done = CliRunner().invoke(app, words, env={"LC_ALL": locale})
    assert (done.exit_code, isinstance(done.exception, SystemExit)) == (2, True), done.exception
    assert said in done.stderr
    assert str(place.parent) in done.stderr
    assert not place.parent.exists()


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a file is to be written a folder is refused; a file that is there, one that is not yet, and none at all may be."""
    with pytest.raises(typer.Exit) as ended:
        output.writable(None, tmp_path)
    assert ended.value.exit_code == 2
    assert f"{tmp_path}: it is a folder" in capsys.readouterr().err
    (there := tmp_path / "there").write_text("before", encoding="utf-8")
    output.writable(None, there, tmp_path / "new", Path(os.devnull))
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert there.read_text(encoding="utf-8") == "before"


def test_where_nothing_may_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without the right to write in it, and a file with none, are refused; so is a name that no disk takes."""
    (there := tmp_path / "there").touch()
    with monkeypatch.context() as patched:  # root may write everywhere
        patched.setattr(os, "access", lambda *_: False)
        for place in (there, tmp_path / "new"):
            with pytest.raises(typer.Exit):
                output.writable(place)
            assert f"{place}: nothing may be written there" in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        output.writable(tmp_path / ("x" * 1000))
    assert "File name too long" in capsys.readouterr().err


def test_a_write_that_fails_after_all_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What vanished or filled up while the verb was at work ends it with code 2 and the reason, not with a traceback."""
    (folder := tmp_path / "folder").mkdir()
    output.writable(folder / "x")
    folder.rmdir()
    with pytest.raises(typer.Exit) as ended:
        output.write(folder / "x", "text")
    assert ended.value.exit_code == 2
    assert f"cannot write {folder / 'x'}: No such file or directory" in capsys.readouterr().err
    output.write(tmp_path / "x", "行\r\n")
    assert (tmp_path / "x").read_bytes() == "行\r\n".encode()
