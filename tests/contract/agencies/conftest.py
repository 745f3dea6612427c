"""The agencies with everyone behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from town import Town, town

from warifu.agencies import party as agencies
from warifu.gateway import party as gateway
from warifu.numbering import party as numbering


def town_of(state: Path) -> AbstractAsyncContextManager[Town]:
    """Everyone but portal and simulator."""
    kinds = [(kind, agencies.build) for kind in ("residency", "tax", "health_insurance")]
    return town(state, ("gateway", gateway.build), ("numbering", numbering.build), *kinds)


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Town]:
    """That town."""
    async with town_of(tmp_path) as made:
        yield made
