"""Finds Go and its transparency-log package, and builds the oracle. Without them its tests are reported as not run, a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "sumdb" / "verify.go"
LIBRARIES = Path("/usr/share/gocode")
"""Where Debian and Ubuntu put the sources of Go libraries."""
ADVICE = "no Go with golang.org/x/mod: apt install --no-install-recommends golang-go golang-golang-x-mod-dev"


def build(folder: Path) -> Path:
    """The compiled oracle, in a folder. Needs no network: Go's module mode is off."""
    go = shutil.which("go")
    if go is None or not (LIBRARIES / "src/golang.org/x/mod/sumdb").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    program = folder / "verify"
    settings = {
        "GO111MODULE": "off",
        "GOPATH": str(LIBRARIES),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
    }
    # What is compiled beside the program is kept where the person keeps it; a person without a home still gets a test.
    cache = {} if "HOME" in os.environ or "GOCACHE" in os.environ else {"GOCACHE": str(folder / "cache")}
    subprocess.run(
        [go, "build", "-o", str(program), str(SOURCE)], env={**os.environ, **settings, **cache}, check=True, timeout=240
    )
    return program
