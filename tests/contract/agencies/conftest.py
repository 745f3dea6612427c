"""The agencies with everyone behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from town import Town, town

from warifu.agencies import party as agencies
from warifu.gateway import party as gateway
from warifu.numbering import party as numbering


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Town]:
    """Everyone but portal and simulator."""
    kinds = [(kind, agencies.build) for kind in ("residency", "tax", "health_insurance")]
    async with town(tmp_path, ("gateway", gateway.build), ("numbering", numbering.build), *kinds) as made:
        yield made
