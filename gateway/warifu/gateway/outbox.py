"""The outbox: final exchanges that are not withheld go to the portal, for the citizen to read.

At least once and in order; the portal stores by request id, so twice has no effect. A record is sealed when it is sent, to the portal's
key of that moment and under the portal's own code for the person, so nothing here says whose it is. It waits until both of its records
stand in the log, so that the portal learns where.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from sqlalchemy import Connection, Row, bindparam, delete, select

from warifu.exchange import domains
from warifu.exchange.keys import SealingKey
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.convert import Conversion
from warifu.gateway.directory import Directory
from warifu.gateway.log.log import Log
from warifu.gateway.schema import ENTRY, EXCHANGE, OUTBOX, RECORD
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.kernel.store import Store
from warifu.portal.v1.portal_pb2 import DeliverRequest, Delivery, ShownRecord
from warifu.portal.v1.portal_pb2_grpc import DeliveryServiceStub

PORTAL = "portal"
"""Party, and role in the register, of the citizen's portal."""
DELIVERED_AT_ONCE = 20
"""Few enough that sealing them, some 0.1 ms each, holds up no exchange."""

_REQUEST, _OUTCOME = RECORD.alias("request"), RECORD.alias("outcome")
_REQUEST_ENTRY, _OUTCOME_ENTRY = ENTRY.alias("request_entry"), ENTRY.alias("outcome_entry")
_PARTS = (("request", _REQUEST, _REQUEST_ENTRY), ("outcome", _OUTCOME, _OUTCOME_ENTRY))
_NEXT = (
    select(
        OUTBOX.c.request_id,
        EXCHANGE.c.requester,
        EXCHANGE.c.inquiry,
        *(
            column.label(f"{part}_{column.name}")
            for part, kept, entry in _PARTS
            for column in (kept.c.record, kept.c.salt, entry.c.commitment, entry.c.leaf_index)
        ),
    )
    .join(EXCHANGE, EXCHANGE.c.request_id == OUTBOX.c.request_id)
    .join(_REQUEST_ENTRY, _REQUEST_ENTRY.c.commitment == EXCHANGE.c.commitment)
    .join(_OUTCOME_ENTRY, _OUTCOME_ENTRY.c.commitment == EXCHANGE.c.outcome_commitment)
    .join(_REQUEST, _REQUEST.c.position == _REQUEST_ENTRY.c.position)
    .join(_OUTCOME, _OUTCOME.c.position == _OUTCOME_ENTRY.c.position)
    .where(_REQUEST_ENTRY.c.leaf_index.is_not(None), _OUTCOME_ENTRY.c.leaf_index.is_not(None))
    .order_by(OUTBOX.c.position)
    .limit(DELIVERED_AT_ONCE)
)
_ANY = select(OUTBOX.c.position).limit(1)
_DONE = delete(OUTBOX).where(OUTBOX.c.request_id.in_(bindparam("request_ids", expanding=True)))

Waiting = Row[tuple[object, ...]]


class Outbox:
    """A periodic job."""

    def __init__(
        self, store: Store, peers: Peers, law: CurrentLaw, directory: Directory, conversion: Conversion, log: Log
    ) -> None:
        self._store, self._peers, self._law, self._log = store, peers, law, log
        self._directory, self._conversion = directory, conversion

    async def run(self) -> int:
        """Deliver what waits, until all is acknowledged or the portal does not take more; how many were delivered."""
        if self._store.read(_is_empty):
            return 0
        await self._log.integrate()
        delivered = 0
        while waiting := self._store.read(_next):
            taken = await self._deliver(waiting)
            delivered += len(taken)
            if len(taken) < len(waiting):
                break
        return delivered

    async def _deliver(self, waiting: Sequence[Waiting]) -> set[str]:
        portal = self._portal()
        if portal is None:
            return set()
        try:
            key = self._directory.sealing_key(portal)
            deliveries = [self._delivery(one, portal, key) for one in waiting]
            stub = self._peers.stub(DeliveryServiceStub, PORTAL)
            response = await stub.Deliver(DeliverRequest(deliveries=deliveries), timeout=CALL_DEADLINE / 1000)
        except (LinkageError, grpc.aio.AioRpcError):  # not there yet, or not any more: they wait
            return set()
        taken = set(response.stored) & {str(one.request_id) for one in waiting}
        if taken:
            await self._store.write(lambda connection: _forget(connection, taken))
        return taken

    def _delivery(self, one: Waiting, portal: str, key: SealingKey) -> Delivery:
        asked = pb.Inquiry.FromString(one.inquiry)
        shown = ShownRecord(
            subject=self._conversion.convert(asked.subject, one.requester, portal).SerializeToString(),
            request=_committed(one.request_record, one.request_salt, one.request_commitment),
            outcome=_committed(one.outcome_record, one.outcome_salt, one.outcome_commitment),
            request_leaf=one.request_leaf_index,
            outcome_leaf=one.outcome_leaf_index,
        )
        sealed = key.seal(shown.SerializeToString(), domains.DELIVERY_SEAL + one.request_id.encode())
        return Delivery(request_id=one.request_id, sealed=sealed, key_id=key.key_id)

    def _portal(self) -> str | None:
        portals = self._law.book().register.of_kind(PORTAL)
        return portals[0].code if portals else None


def _is_empty(connection: Connection) -> bool:
    return connection.execute(_ANY).first() is None


def _next(connection: Connection) -> Sequence[Waiting]:
    return connection.execute(_NEXT).all()


def _forget(connection: Connection, request_ids: set[str]) -> None:
    connection.execute(_DONE, {"request_ids": list(request_ids)})


def _committed(record: bytes, salt: bytes, commitment: bytes) -> bytes:
    return pb.CommittedRecord(record=record, salt=salt, commitment=commitment).SerializeToString()
