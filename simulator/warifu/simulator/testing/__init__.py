"""The kit: a network to test agency systems against (docs/KIT.md).

As pytest fixtures (`warifu.simulator.testing.plugin`), or by hand:

    with Child.start() as engine:
        linkage = engine.linkage()

Nothing else is loaded until something here is used.
"""

from warifu.simulator.testing.child import Child, EngineError

__all__ = ["Child", "EngineError"]
