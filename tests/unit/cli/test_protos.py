"""`warifu protos export`: what is written is everything that another language needs, and nothing of anybody else's is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from warifu.cli import protos
from warifu.cli.__main__ import app

ROOT = Path(__file__).resolve().parents[3]


def export(folder: Path, *words: str) -> Result:
    """Run the verb."""
    return CliRunner().invoke(app, ["protos", "export", str(folder), *words])


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_exported_tree_has_every_contract_and_compiles(tmp_path: Path) -> None:
    """Every contract of the checkout is there as it is, with google.rpc, and protoc makes code of all of it with no other folder at hand."""
    done = export(tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    said, there = json.loads(done.stdout), tree(tmp_path / "out")
    assert sorted(there) == sorted([*said["files"], protos.NOTE])
    own = {name: content for name, content in there.items() if name.startswith("warifu/")}
    assert own == {
        f"warifu/{name}": content
        for name, content in tree(ROOT / "proto" / "warifu").items()
        if name.endswith(".proto")
    }
    assert {"google/rpc/status.proto", "google/rpc/error_details.proto"} <= set(there)
    assert sorted(said["generate"]) == ["go", "java", "node"]
    (made := tmp_path / "made").mkdir()
    compiler = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(tmp_path / "out"), f"--python_out={made}"]
    subprocess.run([*compiler, *said["files"]], check=True, cwd=tmp_path / "out", timeout=120)
    assert len(list(made.rglob("*_pb2.py"))) == len(said["files"])


def test_buf_builds_the_exported_tree(tmp_path: Path) -> None:
    """buf, which knows google/protobuf and nothing else, finds every import."""
    buf = shutil.which("buf", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if buf is None:
        pytest.skip("no buf; it comes with warifu[test]")
    assert export(tmp_path / "out").exit_code == 0
    subprocess.run([buf, "build", str(tmp_path / "out"), "-o", str(tmp_path / "image.binpb")], check=True, timeout=120)


def test_an_earlier_export_is_renewed_and_other_files_stay(tmp_path: Path) -> None:
    """What an earlier export left is replaced or removed as the contracts now are; a file beside it is not touched."""
    assert export(tmp_path).exit_code == 0
    before = tree(tmp_path)
    note = json.loads(before[protos.NOTE])
    old = b'syntax = "proto3";\n'
    for name in ("warifu/common/v1/common.proto", "warifu/gone/v1/gone.proto"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(old)
        note[name] = protos.sha256(old).hexdigest()
    (tmp_path / protos.NOTE).write_text(json.dumps(note), encoding="utf-8")
    (tmp_path / "buf.yaml").write_bytes(b"version: v2\n")
    assert export(tmp_path).exit_code == 0
    assert tree(tmp_path) == before | {"buf.yaml": b"version: v2\n"}


@pytest.mark.parametrize("noted", [None, "{", "[]", '{"warifu/common/v1/common.proto": "00"}'])
def test_a_file_that_no_export_wrote_is_refused_and_nothing_is_written(tmp_path: Path, noted: str | None) -> None:
    """A changed or foreign file under a contract's name ends the verb with its name, whatever the note says, and the folder stays as it is."""
    mine = tmp_path / "warifu" / "common" / "v1" / "common.proto"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    if noted is not None:
        (tmp_path / protos.NOTE).write_text(noted, encoding="utf-8")
    before = tree(tmp_path)
    done = export(tmp_path)
    assert done.exit_code == 2
    assert "warifu/common/v1/common.proto" in done.output.replace("\n", "")
    assert tree(tmp_path) == before


def test_a_note_cannot_point_outside_the_folder(tmp_path: Path) -> None:
    """A note that names files elsewhere removes nothing there."""
    (inside := tmp_path / "in").mkdir()
    outside = tmp_path / "outside.proto"
    outside.write_bytes(b"")
    empty = protos.sha256(b"").hexdigest()
    (inside / protos.NOTE).write_text(json.dumps({"../outside.proto": empty, str(outside): empty}), encoding="utf-8")
    assert export(inside).exit_code == 0
    assert outside.exists()
