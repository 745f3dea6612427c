"""Progress where no terminal shows it: a line of its own now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

from warifu.cli.output import err

LINES_EVERY = 30.0
"""Seconds between two lines of progress where no terminal shows it."""


def shown(update: Callable[[str], None]) -> Callable[[str], None]:
    """Shows progress: in place on a terminal, else by a line of its own now and then."""
    if err.is_terminal:
        return update
    last = time.monotonic()

    def line(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINES_EVERY:
            last = time.monotonic()
            err.print(text, soft_wrap=True)

    return line
