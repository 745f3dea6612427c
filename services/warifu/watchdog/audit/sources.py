"""What the audit asks of a network, as small questions. `network` asks them over gRPC; a test answers them without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.linkage.v1 import linkage_pb2
from warifu.portal.v1 import portal_pb2


class UnreadableError(RuntimeError):
    """A party answers, and does not show what it was asked for; the message says why, without content."""


class UnreachableError(RuntimeError):
    """A party cannot be reached: nothing can be said of it, and the audit cannot be finished now."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Heads of the log as signed notes; None where there is none."""

    witnessed: str | None
    """As the parties are told."""
    published: str | None = None
    """As everyone is told, over HTTP."""


class Sources(Protocol):
    """A network's parties. Every call raises UnreachableError or UnreadableError."""

    @property
    def institutions(self) -> Sequence[str]:
        """Codes of the institutions that have interim servers."""

    async def heads(self) -> Shown:
        """The newest heads of the log."""

    async def tile(self, path: str) -> bytes:
        """A tile or entry bundle; raises TileMissingError when the log says that there is none."""

    async def gateway(self, after: int) -> linkage_pb2.ListRecordsResponse:
        """The gateway's records and events, a page after a position."""

    async def institution(self, code: str, after: int) -> interim_pb2.ListRecordsResponse:
        """An institution's records, a page after a position."""

    async def portal(self, after: int) -> portal_pb2.ListRecordsResponse:
        """The portal's records, a page after a position."""

    async def directory(self, owner: str) -> exchange_pb2.SignedDirectoryEntry | None:
        """The entry that the gateway relays for an owner; None when there is none."""
