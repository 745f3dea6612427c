"""The whole network; its fixture `network` is in the conftest of all tests, since walks in a browser share it."""

from pathlib import Path

import node
import pytest
from running import Running, start, stop

__all__ = ["Running", "start", "stop"]


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in TypeScript, built."""
    return node.build(tmp_path_factory.mktemp("node"))
