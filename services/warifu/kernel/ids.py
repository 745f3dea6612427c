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

_STARTS: Final = "starts"


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
            return os.urandom(size)
        self._made[scope] += 1
        return hmac.digest(self._root, f"{scope}/{self._made[scope]}".encode(), hashlib.sha256)[:size]

    def uuid(self, scope: str) -> str:
        """An identifier of UUID form (version 4 bits, RFC 9562 §5.4), such as a request id."""
        return str(uuid.UUID(bytes=self.token(scope), version=4))


def _count_start(folder: Path) -> int:
    """The number of this start, durable before it is used."""
    path = folder / _STARTS
    count = int(path.read_text(encoding="ascii")) + 1 if path.exists() else 1
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(str(count))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return count
