"""Audit: this institution's records in the order of commitment, for reconciliation with the gateway's and the other side's."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, select

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.schema import RECORDS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.limits import PAGE, check_page
from warifu.linkage.v1 import linkage_pb2

_AFTER = (
    select(RECORDS)
    .where(RECORDS.c.position > bindparam("after"))
    .order_by(RECORDS.c.position)
    .limit(bindparam("limit", type_=Integer()))
)


class Audit:
    """Pages through the records."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def list_records(self, request: pb.ListRecordsRequest) -> pb.ListRecordsResponse:
        """Records after a position, with what opens their commitments.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        self._ground.require(request.institution)
        limit = check_page(request.limit, PAGE)
        values = {"after": request.after, "limit": limit + 1}
        rows = self._ground.store.read(lambda connection: connection.execute(_AFTER, values).all())
        response = pb.ListRecordsResponse(
            records=[
                linkage_pb2.PositionedRecord(
                    position=row.position,
                    record=exchange_pb2.CommittedRecord(record=row.record, salt=row.salt, commitment=row.commitment),
                    permit_hash=row.permit_hash,
                )
                for row in rows[:limit]
            ]
        )
        if len(rows) > limit:
            response.next = rows[limit - 1].position
        return response
