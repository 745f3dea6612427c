"""Generates the code beside the contracts, or checks that it is what the contracts say."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROTO = ROOT / "proto"


def _protoc(out: Path, flags: list[str], files: list[Path]) -> None:
    tools = Path(sys.executable).parent
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(PROTO), *flags, *map(str, files)]
    plugins = [f"--plugin=protoc-gen-{name}={tools}/protoc-gen-{name}" for name in ("mypy", "mypy_grpc")]
    command[3:3] = plugins
    subprocess.run([c.replace("{out}", str(out)) for c in command], check=True, stderr=subprocess.DEVNULL)  # noqa: S603


def generate(out: Path = PROTO) -> None:
    """Write messages for every contract and stubs for those that have a service, under `out`."""
    files = sorted(PROTO.rglob("*.proto"))
    services = [f for f in files if "\nservice " in f.read_text(encoding="utf-8")]
    _protoc(out, ["--python_out={out}", "--mypy_out=quiet:{out}"], files)
    _protoc(out, ["--grpc_python_out={out}", "--mypy_grpc_out=quiet:{out}"], services)


def check() -> list[str]:
    """Names of generated files that differ from what the contracts give, or are missing, or have no contract."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        generate(out)
        fresh = {p.relative_to(out) for p in out.rglob("*_pb2*")}
        kept = {p.relative_to(PROTO) for p in PROTO.rglob("*_pb2*.py*") if "__pycache__" not in p.parts}
        changed = {p for p in fresh & kept if not filecmp.cmp(out / p, PROTO / p, shallow=False)}
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
    return sorted(map(str, changed | (fresh ^ kept)))
