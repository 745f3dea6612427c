"""What the watchdog's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from unit.watchdog.desk_lab import Desk, open_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The supervisor's office with its console."""
    desk = await open_desk(tmp_path)
    yield desk
    desk.close()
