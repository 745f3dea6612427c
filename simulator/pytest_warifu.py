"""Where pytest finds the kit's fixtures (docs/KIT.md).

A module of its own beside the namespace: of an installed package with nothing at its top pytest takes the first folders for modules, and would
warn that `warifu.numbers` cannot be rewritten, which it takes for the standard library's. It names nothing, since in an environment that uses
a clone in place it is the one file that lies there as a copy.
"""

from warifu.simulator.testing.plugin import *  # noqa: F403
