"""The network to be audited."""

import pytest
from unit.watchdog_audit.model import Identity, Model, mixed


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Keys and certificates."""
    return Identity.make(tmp_path_factory.mktemp("network"))


@pytest.fixture
def model(identity: Identity) -> Model:
    """A network in which exchanges of every outcome were done, by the rules."""
    return mixed(identity)
