"""Each party's process needs its own folder and no other (design §2): it works with all others out of sight, and cannot reach them while they are there."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from e2e.conftest import start, stop
from e2e.probe import FINDINGS, ORDER

from warifu.kernel.confine import landlock_abi
from warifu.law import packaged
from warifu.simulator.doors import Doors, doors
from warifu.simulator.launcher import Options, setup
from warifu.simulator.launcher.plan import PlannedParty, plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.scenarios import SCENARIOS, Stage

PARTIES = plan(packaged())
HEALTHY_WITHIN = 60
ALONE = """
set -e
mount --bind "$1/$2" "$3"
mount -t tmpfs -o mode=700 none "$1"
mkdir "$1/$2"
mount --bind "$3" "$1/$2"
umount "$3"
test "$(ls -A "$1")" = "$2"
cd "$1/$2"
shift 3
exec "$@"
"""
"""Arguments: state folder, party, an empty folder to pass through, then the command. Runs in a mount namespace of its own."""


@pytest.fixture
def resting(tmp_path: Path) -> Path:
    """The state folder of a filled network that does not run."""
    state = tmp_path / "state"
    stop(start(state, "--people", "100", "--seed", "11"))
    return state


def command(folder: Path, build: str) -> list[str]:
    """A party's process as the nursery would be it."""
    code = "import sys, pathlib; from warifu.simulator.launcher.nursery import run_party; run_party(pathlib.Path(sys.argv[1]), sys.argv[2])"
    return [sys.executable, "-c", code, str(folder), build]


@contextmanager
def running(party: PlannedParty, words: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A party's process for the block's length; drained at its end."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1])])}
    with log.open("wb") as file, subprocess.Popen(words, stdout=file, stderr=file, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0, f"{party.name}: {log.read_text(errors='replace')[-2000:]}"


async def until_healthy(opened: Doors) -> None:
    """Wait until every party serves."""
    async with asyncio.timeout(HEALTHY_WITHIN):
        while not all((await opened.all_healthy()).values()):  # noqa: ASYNC110 - other processes' health has no event here
            await asyncio.sleep(0.1)


def may_unshare() -> bool:
    """Whether this process may make a mount namespace and mount in it."""
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


async def test_every_party_works_with_all_other_folders_out_of_sight(resting: Path, tmp_path: Path) -> None:
    """With each process in a mount namespace where only its own folder exists, all serve, and exchanges and a citizen's login work."""
    if not may_unshare():
        assert not os.environ.get("CI"), "CI must run where mount namespaces can be made (root)"
        pytest.skip("mount namespaces cannot be made here: this needs root")
    with ExitStack() as stack:
        file = setup.prepare(resting, Options(resting), stack.enter_context(closing(Ports())))
        for party in PARTIES:
            passage = tmp_path / f"passage-{party.name}"
            passage.mkdir()
            inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ALONE, "alone"]
            words = [*inside, str(resting), party.name, str(passage), *command(resting / party.name, party.build)]
            stack.enter_context(running(party, words, tmp_path / f"{party.name}.log"))
        async with doors(file) as opened:
            await until_healthy(opened)
            for name in ("dependant-check", "moved-household"):
                stage = Stage(file, resting, opened)
                await SCENARIOS[name].play(stage)
                assert stage.checks
                assert [check for check in stage.checks if not check.passed] == []


async def test_no_live_party_can_reach_what_is_not_its_own(resting: Path, tmp_path: Path) -> None:
    """With the others' folders in place, no party can open them or the root's key: not by path, by symbolic link, nor through /proc."""
    if landlock_abi() == 0:
        assert not os.environ.get("CI"), "CI must run on a kernel with Landlock"
        pytest.skip("this kernel has no Landlock")
    tried: dict[str, list[str]] = {}
    with ExitStack() as stack:
        file = setup.prepare(resting, Options(resting), stack.enter_context(closing(Ports())))
        for party, sibling in zip(PARTIES, (*PARTIES[1:], PARTIES[0]), strict=True):
            folder = resting / party.name
            # The sibling's process is not known yet; another one that the same user owns stands for it.
            other = stack.enter_context(_bystander(resting / sibling.name))
            (folder / "link").symlink_to(resting / sibling.name)
            tried[party.name] = _temptations(resting, folder, resting / sibling.name, other)
            order = {"build": party.build, "paths": tried[party.name]}
            (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")
            words = command(folder, "e2e.probe:build")
            stack.enter_context(running(party, words, tmp_path / f"{party.name}.log"))
        async with doors(file) as opened:
            await until_healthy(opened)
    for party in PARTIES:
        findings = json.loads((resting / party.name / FINDINGS).read_text(encoding="utf-8"))
        own = findings.pop(str(resting / party.name / "party.json"))
        assert own == {"read": "done", "write": "done"}, "the probe can tell what is allowed"
        assert set(findings) == {*tried[party.name], "/bin/true"} - {str(resting / party.name / "party.json")}
        reached = {path: what for path, what in findings.items() if set(what.values()) != {"PermissionError"}}
        assert reached == {}, party.name


@contextmanager
def _bystander(folder: Path) -> Iterator[int]:
    """A process outside whose working directory is `folder` and which holds a file of it open."""
    with (folder / "party.json").open("rb") as open_file:
        process = subprocess.Popen(["sleep", "600"], cwd=folder, stdin=open_file)
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()


def _temptations(state: Path, own: Path, sibling: Path, pid: int) -> list[str]:
    """The own configuration, which is allowed, and then every way to what is not."""
    return [
        str(own / "party.json"),
        str(sibling / "party.json"),
        str(sibling / "tls" / "server.key"),
        str(own / "link" / "party.json"),
        str(own / ".." / sibling.name / "party.json"),
        str(state / "ca" / "root.key"),
        str(state / "network.json"),
        *(str(path) for path in sorted((state / "counters").glob("*/key.pem"))[:1]),
        f"/proc/{pid}/cwd/party.json",
        f"/proc/{pid}/root{sibling}/party.json",
        f"/proc/{pid}/fd/0",
        f"/proc/{pid}/mem",
        f"/proc/self/root{sibling}/party.json",
        "/proc/1/mem",
    ]
