"""Tiles of the public log, as the portal reads them: complete ones never change and are remembered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from warifu.portal.ports import Log
from warifu.tlog.tiles import parse_path

KEPT: Final = 512
"""Complete tiles that are remembered, 8 KiB each; those of 130,000 leaves."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A reader for `warifu.tlog.proofs`. Nothing is checked here: whoever makes a proof checks each tile against the tree's root."""

    log: Log
    _kept: dict[str, bytes] = field(default_factory=dict)

    async def read(self, path: str) -> bytes:
        """The content at a path of the log.

        Raises:
            LinkageError: the log cannot be asked.
            TileMissingError: it has nothing there.
        """
        known = self._kept.get(path)
        if known is not None:
            return known
        content = await self.log.tile(path)
        if parse_path(path).full:
            self._keep(path, content)
        return content

    def forget(self) -> None:
        """Read everything anew: a tile that was remembered did not fit."""
        self._kept.clear()

    def _keep(self, path: str, content: bytes) -> None:
        if len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[path] = content
