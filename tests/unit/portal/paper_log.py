"""A log and its witness without a network: real keys, signatures, tiles; what it says can be changed, as a lying log would."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from warifu.exchange.logkeys import ORIGIN, WITNESS, LogKeys
from warifu.kernel.errors import LinkageError, Reason
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import LogSigner, WitnessSigner
from warifu.tlog.proofs import TileMissingError
from warifu.tlog.tiles import Bundle, encode_entries, encode_tile, hashes_at, parse_path


class Clock(Protocol):
    """What tells the machine's time."""

    def machine(self) -> datetime:
        """Now."""


@dataclass
class PaperLog:
    """`warifu.portal.ports.Log` over a list of commitments. The witness cosigns what is asked for, when it is asked for."""

    clock: Clock
    log: LogSigner = field(default_factory=lambda: LogSigner(ORIGIN, os.urandom(32)))
    witness: WitnessSigner = field(default_factory=lambda: WitnessSigner(WITNESS, os.urandom(32)))
    leaves: list[bytes] = field(default_factory=list)
    silent_since: datetime | None = None
    """The witness cosigned last at this time."""
    seen: int | None = None
    """How many leaves the witness has seen; None for all."""
    down: bool = False
    asked: list[str] = field(default_factory=list)
    """Paths of tiles that were read."""

    @property
    def keys(self) -> LogKeys:
        """What is pinned."""
        return LogKeys(self.log.key, self.witness.key)

    def add(self, *commitments: bytes) -> list[int]:
        """Append; their places."""
        first = len(self.leaves)
        self.leaves += commitments
        return list(range(first, len(self.leaves)))

    def fill(self, number: int) -> None:
        """Append commitments of other people's exchanges."""
        self.add(*(os.urandom(32) for _ in range(number)))

    def checkpoint(self, size: int | None = None, *, cosigned_at: datetime | None = None, witness: bool = True) -> str:
        """A signed head of the first `size` leaves."""
        leaves = self.leaves[: len(self.leaves) if size is None else size]
        root = Frontier().append([leaf_hash(one) for one in leaves]).root
        note = Checkpoint(self.log.key.name, len(leaves), root).signed(self.log)
        if witness:
            note = note.with_signature(self.witness.sign(note.text, cosigned_at or self.clock.machine()))
        return note.raw

    # Log
    async def witnessed(self) -> str | None:
        """See `warifu.portal.ports.Log`."""
        self._reachable()
        if self.seen == 0 or not self.leaves:
            return None
        return self.checkpoint(self.seen, cosigned_at=self.silent_since)

    async def tile(self, path: str) -> bytes:
        """See `warifu.portal.ports.Log`."""
        self._reachable()
        self.asked.append(path)
        where = parse_path(path)
        if where.start + where.width > hashes_at(where.level, len(self.leaves)):
            raise TileMissingError(path)
        end = where.start + where.width
        if isinstance(where, Bundle):
            return encode_entries(self.leaves[where.start : end])
        return encode_tile(self._level(where.level)[where.start : end])

    async def find(self, commitments: Sequence[bytes]) -> Sequence[int | None]:
        """See `warifu.portal.ports.Log`."""
        self._reachable()
        return [self.leaves.index(one) if one in self.leaves else None for one in commitments]

    def _level(self, level: int) -> list[bytes]:
        hashes = [leaf_hash(one) for one in self.leaves]
        for _ in range(level):
            hashes = [Frontier().append(hashes[at : at + 256]).root for at in range(0, len(hashes) // 256 * 256, 256)]
        return hashes

    def _reachable(self) -> None:
        if self.down:
            raise LinkageError(Reason.GATEWAY_UNAVAILABLE)

    @contextmanager
    def changed(self, **values: object) -> Iterator[None]:
        """Behave in another way while the block lasts."""
        before = {name: getattr(self, name) for name in values}
        for name, value in values.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)
