"""Records for reconciliation (Audit): what the portal shows, without whom it is about. The access table lets only the supervisor ask."""

from __future__ import annotations

from typing import Any, Final

import grpc
from sqlalchemy import Connection, bindparam, select

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.store import Store
from warifu.portal.history import corrections as corrected
from warifu.portal.history.schema import corrections
from warifu.portal.kept import COLUMNS, Seals
from warifu.portal.schema import entries
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc

_PAGE: Final = (
    select(*COLUMNS).where(entries.c.arrival > bindparam("after")).order_by(entries.c.arrival).limit(bindparam("most"))
)

_CORRECTIONS: Final = (
    select(corrections)
    .where(corrections.c.arrival > bindparam("after"))
    .order_by(corrections.c.arrival)
    .limit(bindparam("most"))
)


class AuditServicer(portal_pb2_grpc.PortalAuditServiceServicer):
    """`warifu.portal.v1.PortalAuditService`."""

    def __init__(self, store: Store, seals: Seals) -> None:
        self._store, self._seals = store, seals

    async def ListRecords(  # noqa: N802 - the RPC's name
        self, request: portal_pb2.ListRecordsRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> portal_pb2.ListRecordsResponse:
        """One page in the order of arrival.

        Raises:
            LinkageError: CLIENT_TOO_MANY_ITEMS: more than 500 asked for.
        """
        del context
        size = check_page(request.limit, PAGE)
        values = {"after": request.after, "most": size + 1}
        listed = self._store.read(lambda connection: self._listed(connection, values))
        response = portal_pb2.ListRecordsResponse(records=listed[:size])
        if len(listed) > size:
            response.next = listed[size - 1].position
        return response

    def _listed(self, connection: Connection, values: dict[str, int]) -> list[portal_pb2.DeliveredRecord]:
        """Entries and corrections count their arrivals together."""
        found = [self._delivered(row) for row in connection.execute(_PAGE, values)]
        found += [self._correction(row) for row in connection.execute(_CORRECTIONS, values)]
        return sorted(found, key=lambda one: one.position)[: values["most"]]

    def _correction(self, row: Any) -> portal_pb2.DeliveredRecord:
        kept = corrected.opened(self._seals.vault, row)
        return portal_pb2.DeliveredRecord(position=row.arrival, correction=kept.committed, correction_leaf=kept.leaf)

    def _delivered(self, row: Any) -> portal_pb2.DeliveredRecord:
        kept = self._seals.opened(row)
        delivered = portal_pb2.DeliveredRecord(
            position=kept.arrival,
            request=CommittedRecord.FromString(kept.request_record),
            outcome=CommittedRecord.FromString(kept.outcome_record),
        )
        if kept.request_leaf is not None and kept.outcome_leaf is not None:
            delivered.request_leaf, delivered.outcome_leaf = kept.request_leaf, kept.outcome_leaf
        return delivered
