"""Records for reconciliation (Audit): an institution sees the exchanges that it took part in, the supervisor all."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, or_, select

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.gateway.schema import RECORD
from warifu.kernel.identity import Caller
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.store import Store
from warifu.linkage.v1.linkage_pb2 import ListRecordsRequest, ListRecordsResponse, PositionedRecord

SUPERVISOR = "watchdog"

_COLUMNS = [RECORD.c[name] for name in ("position", "record", "salt", "commitment", "permit_hash")]
_ALL = (
    select(*_COLUMNS).where(RECORD.c.position > bindparam("after")).order_by(RECORD.c.position).limit(bindparam("most"))
)
_OWN = _ALL.where(
    or_(
        RECORD.c.requester == bindparam("institution"),
        # A provider took no part in what was refused before it was asked.
        and_(RECORD.c.provider == bindparam("institution"), RECORD.c.permit_hash.is_not(None)),
    )
)


class Audit:
    """Pages through records in the order of commitment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list_records(self, caller: Caller, request: ListRecordsRequest) -> ListRecordsResponse:
        """One page."""
        size = check_page(request.limit, PAGE)
        statement = _ALL if caller.party == SUPERVISOR else _OWN
        values = {"after": request.after, "most": size + 1, "institution": caller.code}
        if caller.party == SUPERVISOR:
            del values["institution"]
        rows = self._store.read(lambda connection: connection.execute(statement, values).all())
        response = ListRecordsResponse(
            records=[
                PositionedRecord(
                    position=row.position,
                    record=CommittedRecord(record=row.record, salt=row.salt, commitment=row.commitment),
                    permit_hash=row.permit_hash,
                )
                for row in rows[:size]
            ]
        )
        if len(rows) > size:
            response.next = rows[size - 1].position
        return response
