"""Fixtures of the stage's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.stage.lab import Lab, open_lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A stage before doors that the test holds."""
    async with open_lab(tmp_path) as opened:
        yield opened
