"""Proofs that entries stand in the public log, for the citizen's browser and for files that are checked offline.

All proofs of one answer lead to one checkpoint, the newest that the witness cosigned. The portal makes them and is not asked to be believed:
signatures, freshness and paths are checked by whoever receives them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.log.v1.log_pb2 import CommittedEvent
from warifu.portal.history.corrections import Correction
from warifu.portal.history.entries import Placed
from warifu.portal.history.tiles import Tiles
from warifu.portal.ports import Log
from warifu.tlog.bundle import ProofBundle
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.notes import Note, NoteError
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError


class UnprovableError(Exception):
    """The log serves a checkpoint or tiles that contradict each other, so that nothing can be proved from them."""


@dataclass(frozen=True, slots=True)
class Proven:
    """One record with the proof of its place."""

    committed: CommittedRecord
    index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class ProvenCorrection:
    """One correcting entry with the proof of its place."""

    committed: CommittedEvent
    index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """A witnessed checkpoint and the tree that it stands for."""

    note: str
    """The signed note, word for word."""
    tree: TiledTree
    tiles: Tiles

    async def consistency(self, old_size: int) -> Sequence[bytes] | None:
        """The proof that the tree begins with its first `old_size` leaves; None when it is smaller.

        Raises:
            UnprovableError: the log's tiles do not give it.
            LinkageError: the log cannot be asked.
        """
        if old_size > self.tree.size:
            return None
        return await self._made(lambda: self.tree.consistency(old_size))

    async def prove(self, placed: Placed) -> tuple[Proven, Proven] | None:
        """Proofs of an entry's two records; None while the tree does not hold both.

        Raises:
            UnprovableError: the log's tiles do not give them.
            LinkageError: the log cannot be asked.
        """
        if placed.leaves is None or max(placed.leaves) >= self.tree.size:
            return None
        first, second = [
            Proven(CommittedRecord.FromString(record), index, await self._path(index))
            for record, index in zip(placed.records, placed.leaves, strict=True)
        ]
        return first, second

    async def prove_correction(self, one: Correction) -> ProvenCorrection | None:
        """The proof of a correction; None while the tree does not hold it. Raises as `prove`."""
        if one.leaf is None or one.leaf >= self.tree.size:
            return None
        return ProvenCorrection(one.committed, one.leaf, await self._path(one.leaf))

    async def _path(self, index: int) -> Sequence[bytes]:
        return await self._made(lambda: self.tree.inclusion(index))

    async def _made(self, make: Callable[[], Awaitable[list[bytes]]]) -> Sequence[bytes]:
        """A proof; made anew from what the log serves now, when a tile that was remembered does not fit."""
        try:
            return await make()
        except (ProofError, TileMissingError):
            self.tiles.forget()
        try:
            return await make()
        except (ProofError, TileMissingError) as error:
            self.tiles.forget()
            raise UnprovableError from error

    async def bundles(self, placed: Placed) -> Sequence[ProofBundle] | None:
        """The same as files for offline use, the corrections that the tree holds by now among them; each brings its content and salt."""
        proven = await self.prove(placed)
        if proven is None:
            return None
        corrected = [one for one in [await self.prove_correction(one) for one in placed.corrections] if one is not None]
        parts: list[Proven | ProvenCorrection] = [*proven, *corrected]
        return [
            ProofBundle(one.index, tuple(one.path), self.note, one.committed.SerializeToString(deterministic=True))
            for one in parts
        ]


class Prover:
    """Makes proofs from what the log serves."""

    def __init__(self, log: Log) -> None:
        self._log, self._tiles = log, Tiles(log)
        self._tree: TiledTree | None = None

    async def head(self) -> Head | None:
        """The newest witnessed checkpoint; None before the first.

        Raises:
            UnprovableError: what the log serves is no checkpoint.
            LinkageError: the log cannot be asked.
        """
        note = await self._log.witnessed()
        if note is None:
            return None
        try:
            checkpoint = Checkpoint.parse(Note.parse(note).text)
            return Head(note, self._tree_of(checkpoint), self._tiles)
        except (NoteError, ProofError) as error:
            raise UnprovableError from error

    def _tree_of(self, checkpoint: Checkpoint) -> TiledTree:
        """The tree of a checkpoint: that of last time, with the tiles that it has checked, when only the signatures are newer."""
        known = self._tree
        if known is None or (known.size, known.root) != (checkpoint.size, checkpoint.root):
            known = self._tree = TiledTree(self._tiles.read, checkpoint.size, checkpoint.root)
        return known
