"""A network's parties over gRPC, and the log as everyone is shown it, over HTTP."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import grpc

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import PAGE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc
from warifu.tlog.notes import LARGEST_NOTE
from warifu.tlog.proofs import TileMissingError
from warifu.watchdog.audit.findings import GATEWAY, PORTAL
from warifu.watchdog.audit.sources import Shown, UnreachableError, UnreadableError

TIMEOUT: Final = 30.0
"""Seconds for one page: an auditor is not in a hurry, and a busy party serves others first."""
_AWAY: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

R = TypeVar("R")


class NetworkSources:
    """`Sources` of a running network."""

    def __init__(
        self,
        channel: Callable[[str], grpc.aio.Channel],
        institutions: Mapping[str, str],
        log_url: str | None = None,
    ) -> None:
        """Of the institutions in `institutions`, by code the party that serves each.

        `channel` gives the one to a party, under the auditor's certificate. `log_url` is where everyone reads the log; None when it is
        not served over HTTP.
        """
        self._channel, self._parties, self._log_url = channel, dict(institutions), log_url

    @property
    def institutions(self) -> Sequence[str]:
        """See `Sources`."""
        return tuple(self._parties)

    async def heads(self) -> Shown:
        """See `Sources`. What everyone is shown is read first."""
        published = await asyncio.to_thread(self._published) if self._log_url is not None else None
        head = await _answer(GATEWAY, self._log().GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=TIMEOUT))
        return Shown(head.witnessed if head.HasField("witnessed") else None, published)

    async def tile(self, path: str) -> bytes:
        """See `Sources`."""
        content: bytes = (
            await _answer(GATEWAY, self._log().GetTile(log_pb2.GetTileRequest(path=path), timeout=TIMEOUT), path)
        ).content
        return content

    async def gateway(self, after: int) -> linkage_pb2.ListRecordsResponse:
        """See `Sources`."""
        stub = linkage_pb2_grpc.GatewayAuditServiceStub(self._channel(GATEWAY))
        request = linkage_pb2.ListRecordsRequest(after=after, limit=int(PAGE))
        return await _answer(GATEWAY, stub.ListRecords(request, timeout=TIMEOUT))

    async def institution(self, code: str, after: int) -> interim_pb2.ListRecordsResponse:
        """See `Sources`."""
        party = self._parties[code]
        stub = interim_pb2_grpc.InterimAuditServiceStub(self._channel(party))
        request = interim_pb2.ListRecordsRequest(institution=code, after=after, limit=int(PAGE))
        return await _answer(party, stub.ListRecords(request, timeout=TIMEOUT))

    async def portal(self, after: int) -> portal_pb2.ListRecordsResponse:
        """See `Sources`."""
        stub = portal_pb2_grpc.PortalAuditServiceStub(self._channel(PORTAL))
        return await _answer(
            PORTAL, stub.ListRecords(portal_pb2.ListRecordsRequest(after=after, limit=int(PAGE)), timeout=TIMEOUT)
        )

    async def directory(self, owner: str) -> exchange_pb2.SignedDirectoryEntry | None:
        """See `Sources`."""
        stub = linkage_pb2_grpc.DirectoryServiceStub(self._channel(GATEWAY))
        try:
            answer = await stub.GetEntry(linkage_pb2.GetEntryRequest(owner=owner), timeout=TIMEOUT)
        except grpc.aio.AioRpcError as error:
            if LinkageError.from_rpc(error, party=GATEWAY).reason == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                return None
            raise _told(GATEWAY, error) from error
        return answer.entry

    def _log(self) -> log_pb2_grpc.LogServiceAsyncStub:
        return log_pb2_grpc.LogServiceStub(self._channel(GATEWAY))

    def _published(self) -> str | None:
        """The checkpoint that everyone is shown; None when there is none yet."""
        url = f"{self._log_url}/checkpoint"
        try:
            with urllib.request.urlopen(_on_this_machine(url), timeout=TIMEOUT) as answer:  # noqa: S310 - the network's own URL
                return str(answer.read(LARGEST_NOTE).decode())
        except urllib.error.HTTPError:
            return None
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{url}: {error}") from error


def _on_this_machine(url: str) -> urllib.request.Request:
    """Names under .localhost are this machine (RFC 6761 §6.3), also where the resolver does not know it."""
    parts = urllib.parse.urlsplit(url)
    if not (parts.hostname or "").endswith(".localhost"):
        return urllib.request.Request(url)  # noqa: S310 - the network's own URL
    here = parts._replace(netloc=f"127.0.0.1:{parts.port or 80}").geturl()
    return urllib.request.Request(here, headers={"Host": parts.netloc})  # noqa: S310 - the same


async def _answer(party: str, call: Awaitable[R], tile: str = "") -> R:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if LinkageError.from_rpc(error, party=party).reason == Reason.CLIENT_TILE_UNKNOWN:
            raise TileMissingError(tile) from error
        raise _told(party, error) from error


def _told(party: str, error: grpc.aio.AioRpcError) -> UnreachableError | UnreadableError:
    reason = LinkageError.from_rpc(error, party=party).reason
    if error.code() in _AWAY:
        return UnreachableError(f"{party}: {reason}")
    return UnreadableError(f"{reason}")
