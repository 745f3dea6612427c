"""A party as a process of its own: confinement, signals, log, and what it loads."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ports import free_port
from tiny import SIMULATION, TAX, Tiny

from warifu.kernel.confine import landlock_abi, readable_roots
from warifu.kernel.peers import open_channel

# Under CI the tests run, and fail, where there is none: a skipped guard and a kept one look alike.
landlock = pytest.mark.skipif(landlock_abi() == 0 and not os.environ.get("CI"), reason="this kernel has no Landlock")

WITHIN = 60.0
"""Seconds within which a process starts and ends on a busy machine."""

CONFINED = """
import json, os, subprocess, sys, tempfile
from pathlib import Path
from warifu.kernel.confine import confine
folder = Path(sys.argv[1])
done = confine(folder)
def tried(action):
    try:
        action()
    except OSError as error:
        return error.errno
    return 0
sibling = folder.parent / "tax"
print(json.dumps({
    "confined": done,
    "own read": tried((folder / "party.json").read_bytes),
    "own write": tried(lambda: (folder / "new").write_bytes(b"x")),
    "own rename": tried(lambda: (folder / "new").rename(folder / "tmp" / "moved")),
    "temporary": tried(lambda: tempfile.TemporaryFile().close()),
    "sibling list": tried(lambda: os.listdir(sibling)),
    "sibling key": tried((sibling / "identities" / "tax-480011" / "key.pem").read_bytes),
    "sibling write": tried(lambda: (sibling / "x").write_bytes(b"x")),
    "root key": tried((folder.parent / "ca" / "root.key").read_bytes),
    "by link": tried((folder / "link").read_bytes),
    "by proc": tried(Path(f"/proc/self/root{sibling}/party.json").read_bytes),
    "home": tried(lambda: os.listdir(Path.home())),
    "program": tried(lambda: subprocess.run(["/bin/true"])),
    "system": tried(Path("/etc/hostname").read_bytes if Path("/etc/hostname").exists() else lambda: 0),
    "module": tried(lambda: __import__("wave")),
}))
"""


def run(code: str, *arguments: str, cwd: Path | None = None) -> str:
    """What a fresh Python prints."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=cwd)
    return done.stdout


@landlock
@pytest.mark.parametrize("start_in_state", [False, True])
def test_a_confined_process_sees_its_own_folder_only(tmp_path: Path, start_in_state: bool) -> None:
    """A party reads and writes in its own folder and nowhere else, by no detour, even when started with the state as a module path."""
    tiny = Tiny.make(tmp_path)
    folder = tiny.configure("gateway")
    tiny.configure("tax")
    (folder / "link").symlink_to(tmp_path / "tax" / "party.json")
    seen = json.loads(run(CONFINED, str(folder), cwd=tmp_path if start_in_state else None))
    allowed = {"own read", "own write", "own rename", "temporary", "system", "module"}
    assert seen.pop("confined") is True
    assert {name for name, error in seen.items() if error == 0} == allowed
    assert {error for name, error in seen.items() if name not in allowed} == {13}


def test_a_module_path_above_the_state_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module path that contains the state folder would open every sibling, and is left out."""
    folder = tmp_path / "state" / "gateway"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    roots = readable_roots(folder)
    assert not [root for root in roots if folder.parent.is_relative_to(root)]
    assert Path(sys.prefix).resolve() in roots


def test_a_state_inside_pythons_own_folder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where Python itself would open the state, confinement is refused instead of being for show."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(ValueError, match="must not lie inside"):
        readable_roots(tmp_path / "state" / "gateway")


PARTY = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in the background has it ignored
sys.path.insert(0, sys.argv[2])
from tiny import Tiny, Linkage, services
from warifu.kernel.party import Party
from warifu.kernel.server import run
class Fake:
    linkage = Linkage()
async def build(context):
    return Party(services("gateway", Fake))
run(Path(sys.argv[1]), build, die_with_parent=True)
"""


def start(tiny: Tiny, port: int) -> tuple[subprocess.Popen[str], Path]:
    """A gateway process on `port`."""
    folder = tiny.configure("gateway", listen=f"127.0.0.1:{port}", simulation=SIMULATION)
    command = [sys.executable, "-c", PARTY, str(folder), str(Path(__file__).parents[2])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    return process, folder


@contextmanager
def ended(process: subprocess.Popen[str], folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """What `start` gave; the process does not outlive the block."""
    with process:
        try:
            yield process, folder
        finally:
            process.kill()


async def healthy(tiny: Tiny, port: int) -> bool:
    """Wait until the gateway on `port` serves."""
    pair = tiny.pair("tax", TAX)
    address = f"127.0.0.1:{port}"
    async with open_channel(address, "gateway", tiny.authority.root_pem, pair.certificate, pair.key) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=WITHIN)
        async for status in watch:
            if status.status == health_pb2.HealthCheckResponse.SERVING:
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_party_serves_confined_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """A process serves its folder, logs JSON lines that say so, prints nothing and ends with 0 when asked to."""
    tiny = Tiny.make(tmp_path)
    port = free_port()
    with ended(*start(tiny, port)) as (process, folder):
        assert asyncio.run(healthy(tiny, port))
        assert (folder / "control.sock").is_socket()
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN)
    lines = [json.loads(line) for line in (folder / "party.log").read_text().splitlines()]
    assert (process.returncode, out, err) == (0, "", "")
    assert lines[0]["event"] == "starting"
    assert lines[0]["confined"] == (landlock_abi() > 0)
    assert {"serving", "draining"} <= {line["event"] for line in lines}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_party_that_cannot_start_says_why(tmp_path: Path) -> None:
    """On an occupied port the process ends with an error that names the address, also in its log."""
    tiny = Tiny.make(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with ended(*start(tiny, port)) as (process, folder):
            _, err = process.communicate(timeout=WITHIN)
    assert process.returncode != 0
    assert f"127.0.0.1:{port}: the port is taken" in err
    assert "AddressOccupiedError" in (folder / "party.log").read_text()


def test_a_party_ends_with_its_launcher(tmp_path: Path) -> None:
    """When the process that started a party is killed, the party ends too."""
    tiny = Tiny.make(tmp_path)
    port = free_port()
    folder = tiny.configure("gateway", listen=f"127.0.0.1:{port}")
    launcher = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', *sys.argv[1:]])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    command = [sys.executable, "-c", launcher, PARTY, str(folder), str(Path(__file__).parents[2])]
    launched = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with ended(launched, folder) as (process, _):
        child = int(process.stdout.readline())
        assert asyncio.run(healthy(tiny, port))
        descriptor = os.pidfd_open(child)
        process.kill()
        process.communicate()
        readable, _, _ = select.select([descriptor], [], [], WITHIN)
        os.close(descriptor)
        assert readable


def test_the_kernel_stays_light() -> None:
    """A party that loads the kernel loads no ORM, migrations, validation framework, terminal or web library."""
    heavy = [
        "alembic",
        "sqlalchemy.orm",
        "pydantic",
        "rich",
        "typer",
        "structlog",
        "uvicorn",
        "starlette",
        "jinja2",
        "grpc_reflection.v1alpha",
    ]
    loaded = run(
        "import sys, warifu.kernel.server, warifu.kernel.store, warifu.kernel.ids\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert loaded.strip() == "[]"


def test_grpc_is_the_only_thing_listening(tmp_path: Path) -> None:
    """A plaintext client gets nothing from the mTLS port."""
    tiny = Tiny.make(tmp_path)

    async def plain() -> grpc.StatusCode:
        async with tiny.party() as running, grpc.aio.insecure_channel(running.address) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=2)
            return failed.value.code()

    assert asyncio.run(plain()) in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
