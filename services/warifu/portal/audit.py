"""Records for reconciliation (Audit): what the portal shows, without whom it is about. The access table lets only the supervisor ask."""

from __future__ import annotations

from typing import Any, Final

import grpc
from sqlalchemy import bindparam, select

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.store import Store
from warifu.portal.schema import entries
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc

_PAGE: Final = (
    select(
        entries.c.arrival,
        entries.c.request_record,
        entries.c.outcome_record,
        entries.c.request_leaf,
        entries.c.outcome_leaf,
    )
    .where(entries.c.arrival > bindparam("after"))
    .order_by(entries.c.arrival)
    .limit(bindparam("most"))
)


class AuditServicer(portal_pb2_grpc.PortalAuditServiceServicer):
    """`warifu.portal.v1.PortalAuditService`."""

    def __init__(self, store: Store) -> None:
        self._store = store

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
        response = portal_pb2.ListRecordsResponse(
            records=[
                portal_pb2.DeliveredRecord(
                    position=row.arrival,
                    request=CommittedRecord.FromString(row.request_record),
                    outcome=CommittedRecord.FromString(row.outcome_record),
                    request_leaf=row.request_leaf,
                    outcome_leaf=row.outcome_leaf,
                )
                for row in rows[:size]
            ]
        )
        if len(rows) > size:
            response.next = rows[size - 1].arrival
        return response
