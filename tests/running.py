"""A real network as a test starts it: every party a process, brought up by the command as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from warifu.simulator.state import NetworkFile


class Running:
    """A running network and how to use its command."""

    def __init__(self, state: Path, process: subprocess.Popen[str], announced: dict) -> None:
        self.state = state
        self.process = process
        self.announced = announced
        """What `warifu demo --json` said when it was ready."""

    @property
    def file(self) -> NetworkFile:
        """What `network.json` says now."""
        return NetworkFile.load(self.state)

    def command(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command on this network; `code` is the exit code expected, None for any."""
        done = subprocess.run(
            [sys.executable, "-m", "warifu.cli", *words, "--state", str(self.state)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert code in {None, done.returncode}, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str, code: int | None = 0) -> dict:
        """The JSON document that a verb prints."""
        done = self.command(*words, "--json", code=code)
        assert done.stdout, f"{words}: exit {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)


def start(state: Path, *words: str) -> Running:
    """Start `warifu demo` on `state` and wait until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "warifu.cli", "demo", "--state", str(state), "--no-browser", "--json", *words],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Running(state, process, announced(process))


def announced(process: subprocess.Popen[str]) -> dict:
    """The document that a command prints when it is ready, and goes on."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.rstrip() == "}":
            return json.loads("".join(lines))
    process.stdout.close()
    raise AssertionError(f"it did not start: exit {process.wait()}")


def stop(running: Running) -> None:
    """End a network as Ctrl-C does."""
    running.process.terminate()
    running.process.wait(timeout=30)
    running.process.stdout.close()
