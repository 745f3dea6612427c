"""Networks that are filled already, kept in the user's cache: filling takes seconds, copying milliseconds.

A template has its own certificate authority and keys, for this user alone (0700). Whoever begins with a copy gets a new log; keys of
institutions are shared by the test networks of one user and one version, and by nothing else. Nothing is lost when the folder is removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Final

import warifu
from warifu.law import packaged
from warifu.simulator.cards import stock, tray
from warifu.simulator.doors import Doors, doors
from warifu.simulator.launcher import fill, network, setup
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.testing.beginning import BEGINNING, healthy, memory
from warifu.simulator.testing.parties import Parties

KEPT: Final = 4
"""Templates kept; the one that was used longest ago goes first."""
_LEFT_OUT: Final = (".lock", "control.sock", "party.log", "party.err")


async def filled(people: int, seed: int) -> Path:
    """The folder of a network with these people, made when it is missing."""
    home = _home()
    place = home / _name(people, seed)
    if not place.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="warifu-", dir=memory()) as filling,
            tempfile.TemporaryDirectory(prefix="making-", dir=home) as made,
        ):
            # Not in the cache itself: that is on a disk, and its path may be too long for a socket's.
            await _fill(Path(filling) / "network", people, seed)
            state = Path(made) / "network"
            copy(Path(filling) / "network", state)
            try:
                state.rename(place)
            except OSError:  # another process was quicker
                if not place.exists():
                    raise
        _tidy(home)
    os.utime(place)
    return place


def copy(template: Path, state: Path) -> None:
    """Lay a template into a new folder."""
    shutil.copytree(template, state, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    state.chmod(0o700)


async def _fill(state: Path, people: int, seed: int) -> None:
    with closing(Ports()) as ports:
        # At a standstill: nothing that is made now may be younger than a network which begins with it.
        options = Options(state, people=people, seed=seed, bare=True, stopped_clock=True)
        file = setup.prepare(state, options, ports)
        await network.migrate(setup.database_order(state, file, None))
        async with Parties.run(plan(packaged(), bare=True), state), doors(file) as opened:
            await healthy(opened)
            await fill.fill(file, state, opened, fill.Load(file, state), lambda *_: None)
            await opened.settle()
            await _carded(opened, state, people)
        file.filled, file.clock = True, BEGINNING.isoformat()
        file.save(state)


async def _carded(opened: Doors, state: Path, people: int) -> None:
    """Wait until everyone has their card: the card service makes some at a time."""
    store = tray.open_store(state / "simulator")
    try:
        for _ in range(people):  # as many rounds as there are people would be one card a round
            if not stock.lacking(store):
                break
            await opened.settle(["simulator"])
    finally:
        store.close()


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "warifu" / "templates"


def _name(people: int, seed: int) -> str:
    """One for each version of the program: what was filled by other code is of no use."""
    told = hashlib.sha256(f"{version('warifu')} {sys.version_info[:2]}".encode())
    for path, stamp in sorted(_sources()):
        told.update(f"{path} {stamp}\n".encode())
    return f"{people}-{seed}-{told.hexdigest()[:16]}"


def _sources() -> Iterator[tuple[str, str]]:
    for root in warifu.__path__:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in names:
                if name.endswith((".py", ".toml", ".txt")):
                    path = os.path.join(folder, name)  # noqa: PTH118 - a thousand of them at each start
                    status = os.stat(path)  # noqa: PTH116
                    yield path, f"{status.st_mtime_ns} {status.st_size}"


def _tidy(home: Path) -> None:
    there = sorted(
        (one for one in home.iterdir() if not one.name.startswith("making-")), key=lambda one: -one.stat().st_mtime
    )
    for old in there[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
