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

__all__ = ["TOKEN", "Child", "EngineError"]
