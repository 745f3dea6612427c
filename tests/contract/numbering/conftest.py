"""The numbering body with the real gateway behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from town import Town, town

from warifu.gateway import party as gateway
from warifu.numbering import party as numbering


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Town]:
    """Gateway and numbering."""
    async with town(tmp_path, ("gateway", gateway.build), ("numbering", numbering.build)) as made:
        yield made
