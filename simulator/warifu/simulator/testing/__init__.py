"""The kit: a network to test agency systems against (docs/KIT.md).

As pytest fixtures (`warifu.simulator.testing.plugin`), or by hand:

    with Child.start() as engine:
        linkage = engine.linkage()

Nothing else is loaded until something here is used.
"""

from typing import Final

from warifu.simulator.testing.child import Child, EngineError

TOKEN: Final = "WARIFU_KIT_TOKEN"  # noqa: S105 - a variable's name
"""Environment variable of a served network's token, on either side: known before the network is there, and in nobody's arguments."""

LEAST_PEOPLE: Final = 21
"""Of any network: the cast is in all of them. As `warifu.simulator.population.MINIMUM_PEOPLE`, which takes long to load."""
LARGEST_SEED: Final = 2**64 - 1

__all__ = ["LARGEST_SEED", "LEAST_PEOPLE", "TOKEN", "Child", "EngineError"]
