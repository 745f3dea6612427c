"""Looking at the log unasked: whoever wants to hide a shorter log from its witness would just not show it.

Every minute the newest head that the log shows to everyone is compared with the one cosigned last, through the log's own tiles, with the
next stretch of its leaves, and with what this witness is shown to have cosigned itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from warifu.exchange.directory import Directory
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import WITNESS_REFRESH
from warifu.tlog.checkpoint import Witnessed
from warifu.tlog.notes import NoteError
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError, WrongTileError
from warifu.tlog.tiles import TILE_WIDTH
from warifu.watchdog.findings import Finding, Findings, Kind, wrong_tiles
from warifu.watchdog.ports import GATEWAY, GatewayLog
from warifu.watchdog.witness import Head, Witness, contradiction

_LOG: Final = logging.getLogger(__name__)
_WRONG: Final = (ProofError, TileMissingError)
LEAVES_A_LOOK: Final = 8 * TILE_WIDTH
"""Leaves that are read in one look: 64 KiB."""
_EVERY: Final = timedelta(seconds=WITNESS_REFRESH)


class Look:
    """A periodic job; `recall` also when a caller says that more was cosigned than is remembered."""

    def __init__(
        self, witness: Witness, findings: Findings, log: GatewayLog, directory: Directory, clock: Clock
    ) -> None:
        self._witness, self._findings, self._log = witness, findings, log
        self._directory, self._clock = directory, clock
        self._looked: datetime | None = None
        self._next = 0

    async def run(self) -> int:
        """Look when it is time; how much was found. While the gateway does not answer, the next run tries again.

        Raises:
            LinkageError: the gateway refuses, or its directory entry does not verify.
            NoteError: what it shows is no checkpoint of the log.
        """
        now = self._clock.machine()
        if self._looked is not None and now - self._looked < _EVERY:
            return 0
        try:
            found = await self.look()
            await self._directory.refresh(GATEWAY)  # its keys are to be known before a receipt of theirs is reported
        except LinkageError as error:
            if error.retryable:
                return 0
            raise
        self._looked = now
        return found

    async def look(self) -> int:
        """Compare what is shown with what is remembered; how many new findings there are. Raises as `run`."""
        known = self._witness.head()  # before asking: what is cosigned meanwhile may be newer than what is shown
        shown = await self._log.checkpoints()
        found = int(await self._recall(shown.witnessed))
        if known is None or shown.committed is None:
            return found
        finding = await self._compare(known, self._witness.read(shown.committed))
        return found + (await self._findings.keep(finding) if finding is not None else 0)

    async def recall(self) -> bool:
        """Take up a head that we cosigned and do not remember, if the log shows one. Raises as `run`."""
        return await self._recall((await self._log.checkpoints()).witnessed)

    async def _recall(self, witnessed: str | None) -> bool:
        if witnessed is None:
            return False
        try:
            own = self._witness.read_own(witnessed)
        except NoteError as error:
            _LOG.warning("the log shows as witnessed what this witness never cosigned", extra={"problem": str(error)})
            return False
        return await self._witness.recall(own)

    async def _compare(self, known: Head, shown: Witnessed) -> Finding | None:
        size = shown.checkpoint.size
        if size < known.size:
            return contradiction(Kind.SMALLER_TREE, known, shown)
        if size == known.size and shown.checkpoint.root != known.root:
            return contradiction(Kind.FORK, known, shown)
        tree = TiledTree(self._log.tile, size, shown.checkpoint.root)
        try:
            continues = await tree.root_at(known.size) == known.root
            proof = () if continues else await tree.consistency(known.size)
        except _WRONG as error:
            return _wrong(error, known, shown, "edge")
        if not continues:
            return contradiction(Kind.ALTERED_PAST, known, shown, proof)
        return await self._read_on(tree, known, shown)

    async def _read_on(self, tree: TiledTree, known: Head, shown: Witnessed) -> Finding | None:
        """Read a stretch of the leaves, each time the next one: what was changed deep in the store shows nowhere else."""
        start = self._next if self._next < tree.size else 0
        end = min(start + LEAVES_A_LOOK, tree.size)
        for first in range(start, end, TILE_WIDTH):
            try:
                async for _ in tree.leaf_hashes(first, min(first + TILE_WIDTH, end)):
                    pass
            except _WRONG as error:
                return _wrong(error, known, shown, f"leaves from {first}")
        self._next = end
        return None


def _wrong(error: Exception, known: Head, shown: Witnessed, where: str) -> Finding:
    # By place, not by head: a log that grows on over the same damage is one finding.
    return replace(contradiction(Kind.WRONG_TILES, known, shown, problem=_problem(error)), subject=where.encode())


def _problem(error: Exception) -> Mapping[str, str]:
    if isinstance(error, TileMissingError):
        return wrong_tiles("missing", str(error))
    if not isinstance(error, WrongTileError):
        return wrong_tiles("unproved")
    if not error.path:
        return wrong_tiles("edge")
    return wrong_tiles("foreign" if error.readable else "unreadable", error.path)
