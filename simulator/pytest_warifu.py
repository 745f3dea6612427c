"""Where pytest finds the kit's fixtures (docs/KIT.md).

A module of its own beside the namespace: of an installed package with nothing at its top pytest takes the first folders for modules, and would
warn that `warifu.numbers` cannot be rewritten, which it takes for the standard library's.
"""

from warifu.simulator.testing.plugin import (
    async_linkage,
    linkage,
    linkage_network,
    pytest_addoption,
    pytest_configure,
    pytest_runtest_call,
    pytest_runtest_makereport,
)

__all__ = [
    "async_linkage",
    "linkage",
    "linkage_network",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]
