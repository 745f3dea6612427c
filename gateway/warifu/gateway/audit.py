"""Records for reconciliation (Audit): an institution sees the exchanges that it took part in, the supervisor all, and the events.

An entry of which neither record nor event is there is listed bare, so that an auditor sees that it is missing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from warifu.exchange.v1.exchange_pb2 import CommittedRecord
from warifu.gateway.schema import ENTRY, EVENT, RECORD
from warifu.kernel.identity import Caller
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.store import Store
from warifu.linkage.v1.linkage_pb2 import ListRecordsRequest, ListRecordsResponse, PositionedRecord
from warifu.log.v1.log_pb2 import CommittedEvent

SUPERVISOR = "watchdog"

_ENTRY = [ENTRY.c.position, ENTRY.c.commitment, ENTRY.c.leaf_index]
_RECORD = [RECORD.c[name] for name in ("record", "salt", "permit_hash")]
_ALL = (
    select(*_ENTRY, *_RECORD, EVENT.c.event, EVENT.c.salt.label("event_salt"))
    .outerjoin(RECORD, RECORD.c.position == ENTRY.c.position)
    .outerjoin(EVENT, EVENT.c.position == ENTRY.c.position)
    .where(ENTRY.c.position > bindparam("after"))
    .order_by(ENTRY.c.position)
    .limit(bindparam("most"))
)
_OWN = (
    select(*_ENTRY, *_RECORD)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(RECORD.c.position > bindparam("after"))
    .order_by(RECORD.c.position)
    .limit(bindparam("most"))
).where(
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
        response = ListRecordsResponse(records=[_positioned(row) for row in rows[:size]])
        if len(rows) > size:
            response.next = rows[size - 1].position
        return response


def _positioned(row: Any) -> PositionedRecord:
    listed = PositionedRecord(position=row.position, permit_hash=row.permit_hash, leaf_index=row.leaf_index)
    if row.record is not None:
        listed.record.CopyFrom(CommittedRecord(record=row.record, salt=row.salt, commitment=row.commitment))
    elif row.event is not None:
        listed.event.CopyFrom(CommittedEvent(event=row.event, salt=row.event_salt, commitment=row.commitment))
    return listed
