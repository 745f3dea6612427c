"""Fixtures of the contract tests."""

from pathlib import Path

import pytest
from tiny import Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A provisioned tiny network."""
    return Tiny.make(tmp_path)
