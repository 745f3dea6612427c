"""Finds Node and builds the example in TypeScript, in a copy.

Without Node, or without npm's registry, its tests are reported as not run, a failure in CI. With a Node that is too old, as Debian 12's is,
they are reported as not run everywhere: apt has no other there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "typescript"
VECTORS = Path(__file__).resolve().parent / "vectors"
OLDEST = (20, 19)
"""Of Node: what the libraries of the example ask for."""
ADVICE = "no Node 20.19 or newer with npm: apt install nodejs npm (Debian 13), or see https://nodejs.org"


def environment(example: Path) -> dict[str, str]:
    """What the example is told by its surroundings."""
    return {**os.environ, "WARIFU_PROTOS": str(example / "protos"), "WARIFU_VECTORS": str(VECTORS), "NO_COLOR": "1"}


def build(folder: Path) -> Path:
    """The compiled example in a folder, with the contracts as the command exports them."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _without(ADVICE)
    if (version := _version()) < OLDEST:
        pytest.skip(f"Node {'.'.join(map(str, version))} is too old: {ADVICE}")
    example = folder / "typescript"
    shutil.copytree(EXAMPLE, example, ignore=shutil.ignore_patterns("node_modules", "dist", "protos"))
    _run([sys.executable, "-m", "warifu.cli", "protos", "export", str(example / "protos")], example)
    try:
        _run(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"], example)
    except subprocess.CalledProcessError as error:
        for word in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ECONNRESET"):
            if word in error.stderr:
                _without(f"npm's registry cannot be reached ({word})")
        raise
    _run(["npm", "run", "build"], example)
    return example


def _version() -> tuple[int, int]:
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    major, minor, *_ = said.strip().removeprefix("v").split(".")
    return int(major), int(minor)


def _without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True, timeout=240
    )
