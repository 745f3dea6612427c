"""Networks that are filled already: filling takes seconds, copying milliseconds.

A template has its own certificate authority and keys. Whoever begins with a copy gets a new log; keys of institutions are shared by the test
networks of one user and one version, and by nothing else.
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

import warifu
from warifu.law import packaged
from warifu.simulator.cards import stock, tray
from warifu.simulator.doors import Doors, doors
from warifu.simulator.launcher import fill, network, setup
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.state import locked
from warifu.simulator.testing import cache
from warifu.simulator.testing.beginning import BEGINNING, healthy, memory
from warifu.simulator.testing.parties import Parties


async def filled(people: int, seed: int) -> Path:
    """The folder of a network with these people, made when it is missing.

    Raises:
        StateError: there is no place to keep it.
    """
    place = cache.home() / _name(people, seed)
    if not cache.find(place):
        # Not in the cache itself: that is on a disk, and its path may be too long for a socket's.
        with tempfile.TemporaryDirectory(prefix="warifu-", dir=memory()) as filling:
            await _fill(Path(filling) / "network", people, seed)
            cache.keep(Path(filling) / "network", place)
    return place


async def begin(people: int, seed: int, state: Path) -> None:
    """Lay such a network into a new folder, filled first when none is kept. Raises as `filled`."""
    try:
        cache.lay(await filled(people, seed), state)
    except (FileNotFoundError, shutil.Error):  # it went meanwhile: other processes keep theirs in its place
        shutil.rmtree(state, ignore_errors=True)
        cache.lay(await filled(people, seed), state)


async def _fill(state: Path, people: int, seed: int) -> None:
    with locked(state), closing(Ports()) as ports:
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
