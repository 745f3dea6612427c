"""The outbox: final exchanges that are not withheld go to the portal, for the citizen to read.

At least once and in order; the portal stores by request id, so twice has no effect. A record is sealed when it is sent, to the portal's
key of that moment and under the portal's own code for the person, so nothing here says whose it is.
"""

from __future__ import annotations

import grpc
from sqlalchemy import Connection, bindparam, delete, select

from warifu.exchange import domains
from warifu.exchange.keys import SealingKey
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import record, stored
from warifu.gateway.convert import Conversion
from warifu.gateway.directory import Directory
from warifu.gateway.lawbook import CurrentLaw
from warifu.gateway.schema import OUTBOX
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.kernel.store import Store
from warifu.portal.v1.portal_pb2 import DeliverRequest, Delivery, ShownRecord
from warifu.portal.v1.portal_pb2_grpc import DeliveryServiceStub

PORTAL = "portal"
"""Party, and role in the register, of the citizen's portal."""
DELIVERED_AT_ONCE = 100

_NEXT = select(OUTBOX).order_by(OUTBOX.c.position).limit(DELIVERED_AT_ONCE)
_DONE = delete(OUTBOX).where(OUTBOX.c.request_id.in_(bindparam("request_ids", expanding=True)))


class Outbox:
    """A periodic job."""

    def __init__(
        self, store: Store, peers: Peers, law: CurrentLaw, directory: Directory, conversion: Conversion
    ) -> None:
        self._store, self._peers, self._law = store, peers, law
        self._directory, self._conversion = directory, conversion

    async def run(self) -> int:
        """Deliver what waits, until all is acknowledged or the portal does not take more; how many were delivered."""
        delivered = 0
        while waiting := self._store.read(lambda connection: connection.execute(_NEXT).all()):
            taken = await self._deliver([row.request_id for row in waiting])
            delivered += len(taken)
            if len(taken) < len(waiting):
                break
        return delivered

    async def _deliver(self, request_ids: list[str]) -> set[str]:
        portal = self._portal()
        if portal is None:
            return set()
        try:
            key = self._directory.sealing_key(portal)
            deliveries = [self._delivery(request_id, portal, key) for request_id in request_ids]
            stub = self._peers.stub(DeliveryServiceStub, PORTAL)
            response = await stub.Deliver(DeliverRequest(deliveries=deliveries), timeout=CALL_DEADLINE / 1000)
        except (LinkageError, grpc.aio.AioRpcError):  # not there yet, or not any more: they wait
            return set()
        taken = set(response.stored) & set(request_ids)
        if taken:
            await self._store.write(lambda connection: connection.execute(_DONE, {"request_ids": list(taken)}))
        return taken

    def _delivery(self, request_id: str, portal: str, key: SealingKey) -> Delivery:
        shown = self._store.read(lambda connection: self._shown(connection, request_id, portal))
        sealed = key.seal(shown.SerializeToString(), domains.DELIVERY_SEAL + request_id.encode())
        return Delivery(request_id=request_id, sealed=sealed, key_id=key.key_id)

    def _shown(self, connection: Connection, request_id: str, portal: str) -> ShownRecord:
        exchange = stored.find(connection, request_id)
        assert exchange is not None, "the outbox names exchanges"
        assert exchange.outcome_commitment is not None, "the outbox names final exchanges"
        asked = pb.Inquiry.FromString(exchange.inquiry)
        subject = self._conversion.convert(asked.subject, exchange.requester, portal)
        return ShownRecord(
            subject=subject.SerializeToString(),
            request=record.kept(connection, exchange.commitment).SerializeToString(),
            outcome=record.kept(connection, exchange.outcome_commitment).SerializeToString(),
        )

    def _portal(self) -> str | None:
        portals = self._law.book().register.of_kind(PORTAL)
        return portals[0].code if portals else None
