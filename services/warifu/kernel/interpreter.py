"""How Python itself is set in a process that serves."""

from __future__ import annotations

import gc
import sys
from typing import Final

_COLLECTING: Final = (10_000, 10, 10)
"""Thresholds of the garbage collector: a batch of a thousand messages makes many objects that all live until it is done."""
_SWITCH: Final = 0.0005
"""Seconds after which a thread that waits for the interpreter gets it. A store's writer lets go of it for each row and for the disk, and would
wait for the event loop's next pause, by default 5 ms, each time it comes back: many times what its commit takes."""


def settle() -> None:
    """Call once, when everything is loaded and the serving begins."""
    gc.collect()
    gc.freeze()  # what was loaded stays for good: later collections need not look at it
    gc.set_threshold(*_COLLECTING)
    sys.setswitchinterval(_SWITCH)
