"""A lab a test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.portal.lab import Lab, open_lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A portal and a card service without a network."""
    opened = await open_lab(tmp_path)
    yield opened
    opened.close()
