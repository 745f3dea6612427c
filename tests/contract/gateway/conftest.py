"""The network around a gateway."""

from __future__ import annotations

import pytest
from contract.gateway_world import (
    PERSON,
    World,
)
from unit.gateway.samples import REQUESTER


@pytest.fixture
async def world(tmp_path_factory):
    """A network with everything up."""
    world = await World.begin(tmp_path_factory.mktemp("net"))
    yield world
    await world.end()


@pytest.fixture
async def subject(world):
    """The requester's code of the person."""
    return await world.code(REQUESTER, "health_insurance", PERSON)
