"""The network around a watchdog."""

from __future__ import annotations

import pytest
from contract.watchdog_world import World


@pytest.fixture
async def world(tmp_path):
    """A network with a watchdog that has cosigned nothing yet."""
    world = await World.begin(tmp_path / "net")
    yield world
    await world.end()
