"""Random bytes for what an exchange draws by the dozen: nonces, salts, ids. Drawn from the operating system in larger pieces and handed out in slices.

As good as a system call each: every byte comes from the same generator of the operating system (`os.urandom`), nothing is stretched or
mixed here, and each slice leaves the stock in the one step that hands it out (`list.pop`, which no other thread, signal or finalizer can
enter), so none is ever handed out twice. A forked child throws away what it inherits: parent and child would otherwise draw the same. What
differs is that some kilobytes lie in the process's memory before they are used, beside the keys, which whoever reads that memory has
anyway. So keys themselves, sessions and passwords are not drawn here but where they are made, by `os.urandom` and `secrets`.

What a simulation derives from its seed (`warifu.kernel.ids`) never comes from here, and what comes from here never from a seed.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Final

_SLICES: Final = 128
"""Slices in a piece: one system call for so many draws of one size."""
_stocks: defaultdict[int, list[bytes]] = defaultdict(list)
"""Slices that were not handed out yet, by their size."""


def draw(size: int) -> bytes:
    """`size` random bytes, which nobody was given before."""
    stock = _stocks[size]
    while True:
        try:
            return stock.pop()
        except IndexError:
            piece = os.urandom(size * _SLICES)
            stock.extend([piece[at : at + size] for at in range(0, len(piece), size)])


def _forked() -> None:
    for stock in _stocks.values():
        stock.clear()


os.register_at_fork(after_in_child=_forked)
