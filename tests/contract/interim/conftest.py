"""The network around the interim servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.interim_world import (
    NHI,
    TAX,
    World,
    copy,
)
from town import person


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The network, with one person enrolled at the insurer and the tax office, whose tax year 2025 is registered."""
    made = await World.begin(tmp_path)
    try:
        await made.register(person(n) for n in range(3))
        for code in (NHI, TAX):
            response = await made.enrol(code, "1")
            assert not response.HasField("error"), response
        (registered,) = await made.interim(TAX).register_copies([copy("r-1")])
        assert not registered.HasField("error"), registered
        yield made
    finally:
        await made.end()
