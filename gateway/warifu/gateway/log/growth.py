"""Proofs that the log only grew, for one who is shown head after head: from the edge at the last one and the leaves since.

Nothing of the tree is read again, and as much is hashed as was appended. Who was shown another head than this process remembers is proven it
from tiles.
"""

from __future__ import annotations

from typing import Final

from warifu.gateway.log import entries, tiles
from warifu.kernel.store import Store
from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.proofs import TiledTree

MOST: Final = 20_000
"""Leaves that are read and hashed at once: some 30 ms, in which nothing else of the process is done."""


class Growth:
    """Proves one log's growth. What it remembers is checked at each use: a proof is made only of hashes that give the signed root."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._edge = Frontier()
        """At the head to which growth was proven last."""

    async def proof(self, known: int, head: Checkpoint) -> list[bytes]:
        """That `head`, read from the log's own store, begins with its first `known` leaves; empty for none and for all.

        Raises:
            ProofError: what is stored does not give the head's root.
        """
        edge = self._edge
        if edge.size != known or head.size - known > MOST:
            return await self._from_tiles(known, head)
        commitments = self._store.read(lambda connection: entries.leaves(connection, known, head.size))
        leaves = [leaf_hash(one) for one in commitments]
        grown = edge.append(leaves)
        if (grown.size, grown.root) != (head.size, head.root):  # another process began a new log, or a leaf was changed
            return await self._from_tiles(known, head)
        self._edge = grown
        return edge.consistency(leaves)

    async def _from_tiles(self, known: int, head: Checkpoint) -> list[bytes]:
        async def read(path: str) -> bytes:
            return self._store.read(lambda connection: tiles.content(connection, path, head.size)[0])

        path = await TiledTree(read, head.size, head.root).consistency(known)
        self._edge = self._store.read(lambda connection: tiles.frontier(connection, head.size))
        return path
