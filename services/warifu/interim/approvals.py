"""Whether the supervisor approved an ordinance use, as this provider knows it: by the supervisor's own signature, whoever relays it.

An approval counts while the signature over everything that is in force is fresh. What is older than what was seen once is never taken, also
after a restart; so a gateway that keeps a withdrawal back gains RULINGS_LIFE, and one that shows nothing gets nothing.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import grpc

from warifu import law
from warifu.exchange import rulings
from warifu.exchange.directory import Issuer
from warifu.exchange.rulings import NOTHING, Ruled, RulingsError
from warifu.interim.ground import Ground, move_mark
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.supervision.v1 import supervision_pb2, supervision_pb2_grpc

GATEWAY: Final = "gateway"
_MARK: Final = "rulings-issued"
_AGAIN: Final = timedelta(seconds=1)
"""Between two questions to the gateway for the sake of what is not approved."""


class Approvals:
    """The supervisor's rulings, asked for when an ordinance use needs them."""

    def __init__(self, ground: Ground, issuer: Issuer) -> None:
        self._ground, self._issuer = ground, issuer
        self._ruled = NOTHING
        self._asked: datetime | None = None
        self._turn = asyncio.Lock()

    async def rulings_for(self, requester: str, row: str) -> law.Rulings:
        """What is in force, asked for anew unless the approval is at hand and fresh.

        Raises:
            LinkageError: PROVIDER_RULINGS_UNAVAILABLE: there is nothing fresh that the supervisor signed.
        """
        async with self._turn:
            if not self._approves(requester, row):
                await self._ask()
        if not self._ruled.is_fresh(self._ground.clock.machine()):
            raise LinkageError(Reason.PROVIDER_RULINGS_UNAVAILABLE)
        return self._ruled.rulings

    def _approves(self, requester: str, row: str) -> bool:
        fresh = self._ruled.is_fresh(self._ground.clock.machine())
        return fresh and (requester, row) in self._ruled.rulings.approvals

    async def _ask(self) -> None:
        now = self._ground.clock.machine()
        if self._asked is not None and now - self._asked < _AGAIN:
            return
        self._asked = now
        stub = self._ground.peers.stub(
            supervision_pb2_grpc.GatewaySupervisionServiceStub, GATEWAY, self._ground.institution
        )
        try:
            response = await stub.GetRulings(supervision_pb2.GetRulingsRequest(), timeout=CALL_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            raise LinkageError(Reason.PROVIDER_RULINGS_UNAVAILABLE) from error
        if response.HasField("rulings"):
            await self._take(response.rulings)

    async def _take(self, signed: supervision_pb2.SignedRulings) -> None:
        try:
            ruled = rulings.verify(signed, self._issuer, self._ground.clock.machine())
        except RulingsError as error:
            raise LinkageError(Reason.PROVIDER_RULINGS_UNAVAILABLE) from error
        if ruled.issued_at < self._ground.mark(_MARK):
            raise LinkageError(Reason.PROVIDER_RULINGS_UNAVAILABLE)
        await self._remember(ruled)
        self._ruled = ruled

    async def _remember(self, ruled: Ruled) -> None:
        """Before it is used: what was seen once is never undone by something older."""
        await self._ground.store.write(lambda connection: move_mark(connection, _MARK, ruled.issued_at))
