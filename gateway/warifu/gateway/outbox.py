"""The outbox: final exchanges that are not withheld go to the portal, for the citizen to read, and again with each correction.

At least once and in order; the portal stores by request id, so twice has no effect. What goes together is sealed together when it is sent, to
the portal's key of that moment; each record under the portal's own code for the person, so nothing here says whose it is. It waits until both of its records
and its corrections stand in the log, so that the portal learns where. Of several processes on one store the one that leads the log delivers;
were it two for a moment, the portal would be told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from sqlalchemy import Connection, Row, bindparam, delete, exists, select

from warifu.exchange import domains
from warifu.exchange.keys import SealingKey
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import corrections
from warifu.gateway.books import Books
from warifu.gateway.convert import Conversion
from warifu.gateway.directory import Directory
from warifu.gateway.schema import CORRECTION, ENTRY, EXCHANGE, OUTBOX, RECORD
from warifu.kernel.bulk import padded
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.portal.v1.portal_pb2 import Deliveries, DeliverRequest, ShownCorrection, ShownRecord
from warifu.portal.v1.portal_pb2_grpc import DeliveryServiceStub

PORTAL = "portal"
"""Party, and role in the register, of the citizen's portal."""
DELIVERED_AT_ONCE = 200
MADE_AT_ONCE = 20
"""Few enough that making them holds up no exchange."""

_REQUEST, _OUTCOME = ENTRY.alias("request"), ENTRY.alias("outcome")
_UNPLACED = exists().where(
    CORRECTION.c.request_id == OUTBOX.c.request_id,
    ENTRY.c.position == CORRECTION.c.position,
    ENTRY.c.leaf_index.is_(None),
)
_REQUESTED, _DECIDED = RECORD.alias("requested"), RECORD.alias("decided")
_NEXT = (
    select(
        OUTBOX.c.position,
        *(EXCHANGE.c[name] for name in ("request_id", "month", "asked")),
        _REQUEST.c.leaf_index.label("request_leaf"),
        _OUTCOME.c.leaf_index.label("outcome_leaf"),
        _REQUESTED.c.sealed.label("requested"),
        _DECIDED.c.sealed.label("decided"),
        exists().where(CORRECTION.c.request_id == OUTBOX.c.request_id).label("corrected"),
    )
    .join(EXCHANGE, EXCHANGE.c.request_id == OUTBOX.c.request_id)
    # Its records by their commitments, not by request id, which others may have pretended to.
    .join(_REQUEST, _REQUEST.c.commitment == EXCHANGE.c.commitment)
    .join(_OUTCOME, _OUTCOME.c.commitment == EXCHANGE.c.outcome_commitment)
    .join(_REQUESTED, _REQUESTED.c.position == _REQUEST.c.position)
    .join(_DECIDED, _DECIDED.c.position == _OUTCOME.c.position)
    .where(_REQUEST.c.leaf_index.is_not(None), _OUTCOME.c.leaf_index.is_not(None), ~_UNPLACED)
    .order_by(OUTBOX.c.position)
    .limit(DELIVERED_AT_ONCE)
)
_ANY = select(OUTBOX.c.position).limit(1)
_DONE = delete(OUTBOX).where(OUTBOX.c.position.in_(bindparam("positions", expanding=True)))

Waiting = Row[Any]


class Outbox:
    """A periodic job."""

    def __init__(
        self, books: Books, peers: Peers, law: CurrentLaw, directory: Directory, conversion: Conversion
    ) -> None:
        self._books, self._peers, self._law = books, peers, law
        self._directory, self._conversion = directory, conversion

    async def run(self) -> int:
        """Deliver what waits, until all is acknowledged or the portal does not take more; how many were delivered."""
        if not await self._books.log.turn(lambda: not self._books.store.read(_is_empty)):
            return 0
        await self._books.log.integrate()
        found = self._portal()
        if found is None:
            return 0
        delivered = 0
        while waiting := self._books.store.read(_next):
            taken = await self._deliver(waiting, *found)
            delivered += len(taken)
            if len(taken) < len(waiting):
                break
        return delivered

    async def _deliver(self, waiting: Sequence[Waiting], portal: str, key: SealingKey) -> set[int]:
        """Positions that the portal has acknowledged."""
        shown = Deliveries()
        for start in range(0, len(waiting), MADE_AT_ONCE):
            shown.records.extend(self._shown(one, portal) for one in waiting[start : start + MADE_AT_ONCE])
            await asyncio.sleep(0)
        sealed = key.seal(shown.SerializeToString(), domains.DELIVERY_SEAL)
        try:
            stub = self._peers.stub(DeliveryServiceStub, PORTAL)
            request = DeliverRequest(sealed=sealed, key_id=key.key_id)
            response = await stub.Deliver(request, timeout=CALL_DEADLINE / 1000)
        except grpc.aio.AioRpcError:  # not there yet, or not any more: they wait
            return set()
        stored = set(response.stored)
        taken = {int(one.position) for one in waiting if one.request_id in stored}
        if taken:
            await self._books.store.write(lambda connection: _forget(connection, taken))
        return taken

    def _shown(self, one: Waiting, portal: str) -> ShownRecord:
        asked = self._books.exchanges.asked(one)
        subject = pb.Inquiry.FromString(asked["inquiry"]).subject
        opened = self._books.records.unsealed
        return ShownRecord(
            subject=self._conversion.convert(subject, asked["requester"], portal).SerializeToString(),
            request=opened(one.month, one.request_id, one.requested),
            outcome=opened(one.month, one.request_id, one.decided),
            request_leaf=one.request_leaf,
            outcome_leaf=one.outcome_leaf,
            corrections=self._corrections(one.request_id) if one.corrected else (),
        )

    def _corrections(self, request_id: str) -> list[ShownCorrection]:
        vault = self._books.vault
        return [
            ShownCorrection(event=one.committed.SerializeToString(), leaf=one.leaf)
            for one in self._books.store.read(lambda connection: corrections.of(connection, vault, request_id))
            if one.leaf is not None
        ]

    def _portal(self) -> tuple[str, SealingKey] | None:
        """Its code and its newest key; None while there is none that holds."""
        portals = self._law.book().register.of_kind(PORTAL)
        try:
            return (portals[0].code, self._directory.sealing_key(portals[0].code)) if portals else None
        except LinkageError:
            return None


def _is_empty(connection: Connection) -> bool:
    return connection.execute(_ANY).first() is None


def _next(connection: Connection) -> Sequence[Any]:
    return connection.execute(_NEXT).all()


def _forget(connection: Connection, positions: set[int]) -> None:
    connection.execute(_DONE, {"positions": padded(list(positions))})
