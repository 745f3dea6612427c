"""Records for reconciliation (Audit): what the portal shows, without whom it is about. The access table lets only the supervisor ask."""

from __future__ import annotations

from typing import Any, Final

import grpc
from sqlalchemy import bindparam, select

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.store import Store
from warifu.portal.kept import COLUMNS, Seals
from warifu.portal.schema import entries
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc

_PAGE: Final = (
    select(*COLUMNS).where(entries.c.arrival > bindparam("after")).order_by(entries.c.arrival).limit(bindparam("most"))
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
        rows = self._store.read(lambda connection: connection.execute(_PAGE, values).all())
        response = portal_pb2.ListRecordsResponse(records=[self._delivered(row) for row in rows[:size]])
        if len(rows) > size:
            response.next = rows[size - 1].arrival
        return response

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
