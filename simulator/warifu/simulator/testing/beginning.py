"""How every network under test begins: at which time, in which folder, and from when on it can be called."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from warifu.simulator.doors import Doors
from warifu.simulator.launcher import setup
from warifu.simulator.population import CLOCK_START
from warifu.simulator.state import StateError, locked

BEGINNING: Final = datetime.combine(CLOCK_START, setup.OFFICE_OPENS)
"""Time in the network after a reset."""
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there, for us alone
HEALTHY_WITHIN: Final = 30.0
_BEGINS_WITHIN: Final = 1.0
"""Seconds in which whoever made a network's lock has taken it."""


def memory() -> Path | None:
    """A folder that lies in memory, where the machine has one; None for wherever temporary files go."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None


def sweep() -> None:
    """Remove what networks left in memory whose process was killed: nobody holds their folder any more."""
    for lock in (memory() or Path(tempfile.gettempdir())).glob("warifu-*/network/.lock"):
        with suppress(OSError, StateError):  # it is another user's, or it runs
            if lock.stat().st_mtime < time.time() - _BEGINS_WITHIN:
                with locked(lock.parent):
                    shutil.rmtree(lock.parents[1], ignore_errors=True)


async def healthy(opened: Doors) -> None:
    """Wait until every party serves.

    Raises:
        StateError: one does not.
    """
    until = time.monotonic() + HEALTHY_WITHIN
    while True:
        health = await opened.all_healthy()
        if all(health.values()):
            return
        if time.monotonic() > until:
            sick = ", ".join(sorted(name for name, well in health.items() if not well))
            raise StateError(f"正常にならない機関があります: {sick}", f"not healthy: {sick}")
        await asyncio.sleep(0.01)
