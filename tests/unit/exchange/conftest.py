"""Keys that the exchange's tests share; making them anew for each test would only be slow."""

import pytest
from unit.exchange.samples import PROVIDER, REQUESTER

from warifu.exchange.keys import InstitutionKeys


@pytest.fixture(scope="session")
def requester():
    """Keys of the institution that asks."""
    return InstitutionKeys.generate(REQUESTER)


@pytest.fixture(scope="session")
def provider():
    """Keys of the institution that is asked."""
    return InstitutionKeys.generate(PROVIDER)


@pytest.fixture(scope="session")
def gateway():
    """Keys of the gateway."""
    return InstitutionKeys.generate("gateway")
