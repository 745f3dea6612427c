"""Identifiers: random, or in a simulation derived from its seed, so that a run can be repeated.

A derived value never repeats within a network: each start of a process counts in the file `starts` of its folder before the first value
is made, and the count goes into all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from collections import Counter
from pathlib import Path
from typing import Final

from warifu.kernel.config import Config
from warifu.kernel.randomness import draw

_FORM: Final = 0x7 << 76 | 0b10 << 62
"""Version and variant in their places."""
_DRAWN: Final = (1 << 80) - 1 ^ (0xF << 76 | 0b11 << 62)
"""What is drawn: all below the time but these."""
STARTS: Final = "starts"
"""In a party's folder: how often one of its processes was started."""


class Ids:
    """Makes identifiers. Seeded ones depend on seed, party, start, scope and how many of the scope were made before."""

    def __init__(self, root: bytes | None = None) -> None:
        """Random identifiers, or derived ones when given a `root`."""
        self._root = root
        self._made: Counter[str] = Counter()

    @classmethod
    def of(cls, config: Config) -> Ids:
        """The identifiers of a party's process; call once at its start."""
        if config.simulation is None:
            return cls()
        return cls(f"{config.simulation.seed}/{config.party}/{_count_start(config.folder)}".encode())

    def token(self, scope: str, size: int = 16) -> bytes:
        """`size` bytes, up to 32; `scope` says for what, such as "acquisition/tax-480011"."""
        if self._root is None:
            return draw(size)
        self._made[scope] += 1
        return hmac.digest(self._root, f"{scope}/{self._made[scope]}".encode(), hashlib.sha256)[:size]

    def uuid(self, scope: str, at: int) -> str:
        """An identifier of UUID form, such as a request id: version 7 (RFC 9562 §5.7), the instant `at` and 74 bits of a token.

        What is made one after another then lies side by side in every index by it. Ids without an order have each row change a page of its
        own in each of them, and every such page is written whole.
        """
        drawn = int.from_bytes(self.token(scope, 10), "big")
        return str(uuid.UUID(int=at << 80 | drawn & _DRAWN | _FORM))


def _count_start(folder: Path) -> int:
    """The number of this start, durable before it is used."""
    path = folder / STARTS
    count = int(path.read_text(encoding="ascii")) + 1 if path.exists() else 1
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(str(count))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return count
