"""Records for reconciliation (Audit): an institution sees the exchanges that it took part in, the supervisor all, and the events.

An entry of which neither record nor event is there is listed bare: its contents were erased after their term, as an event says, or an
auditor sees that they are missing.
"""

from __future__ import annotations

import heapq
from contextlib import suppress
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select

from warifu.gateway import corrections
from warifu.gateway.books import Books
from warifu.gateway.schema import CORRECTION, ENTRY, EVENT, RECORD
from warifu.kernel.identity import Caller
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.vault import ErasedError, VaultError
from warifu.linkage.v1.linkage_pb2 import ListRecordsRequest, ListRecordsResponse, PositionedRecord
from warifu.log.v1.log_pb2 import CommittedEvent

SUPERVISOR = "watchdog"

_ENTRY = [ENTRY.c.position, ENTRY.c.commitment, ENTRY.c.leaf_index]
_RECORD = [RECORD.c[name] for name in ("request_id", "month", "sealed", "permit_hash")]
_ALL = (
    select(
        *_ENTRY,
        *_RECORD,
        EVENT.c.event,
        EVENT.c.salt,
        *(CORRECTION.c[name].label(f"corrected_{name}") for name in ("request_id", "month", "sealed")),
    )
    .outerjoin(RECORD, RECORD.c.position == ENTRY.c.position)
    .outerjoin(EVENT, EVENT.c.position == ENTRY.c.position)
    .outerjoin(CORRECTION, CORRECTION.c.position == ENTRY.c.position)
    .where(ENTRY.c.position > bindparam("after"))
    .order_by(ENTRY.c.position)
    .limit(bindparam("most"))
)
_MONTHS = select(RECORD.c.month).distinct()
_OWN = (
    select(*_ENTRY, *_RECORD)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(
        RECORD.c.month == bindparam("month"),
        RECORD.c.position > bindparam("after"),
        or_(
            RECORD.c.requester_tag == bindparam("tag"),
            # A provider took no part in what was refused before it was asked.
            and_(RECORD.c.provider_tag == bindparam("tag"), RECORD.c.permit_hash.is_not(None)),
        ),
    )
    .order_by(RECORD.c.position)
    .limit(bindparam("most"))
)


class Audit:
    """Pages through records in the order of commitment."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def list_records(self, caller: Caller, request: ListRecordsRequest) -> ListRecordsResponse:
        """One page."""
        size = check_page(request.limit, PAGE)
        asked = {"after": request.after, "most": size + 1}
        if caller.party == SUPERVISOR:
            rows = self._books.store.read(lambda connection: self._all(connection, asked))
        else:
            rows = self._books.store.read(lambda connection: self._own(connection, caller.code, asked))
        response = ListRecordsResponse(records=[self._positioned(row) for row in rows[:size]])
        if len(rows) > size:
            response.next = rows[size - 1].position
        return response

    def _all(self, connection: Connection, asked: dict[str, int]) -> list[Any]:
        return list(connection.execute(_ALL, asked))

    def _own(self, connection: Connection, institution: str, asked: dict[str, int]) -> list[Any]:
        """An institution is another tag each month, so each month is asked for it; the runs are in order already."""
        months = [month for month in connection.execute(_MONTHS).scalars() if month >= self._books.vault.first]
        tags = {month: self._books.vault.tag(month, institution) for month in months}
        runs = [connection.execute(_OWN, {**asked, "month": month, "tag": tag}).all() for month, tag in tags.items()]
        return list(islice(heapq.merge(*runs, key=_position), asked["most"]))

    def _positioned(self, row: Any) -> PositionedRecord:
        listed = PositionedRecord(position=row.position, permit_hash=row.permit_hash, leaf_index=row.leaf_index)
        if row.sealed is not None:
            # Over its term, its row is about to go as well; or it was altered: then the auditor sees that its leaf has no record.
            with suppress(ErasedError, VaultError):
                listed.record.CopyFrom(self._books.records.opened(row))
        elif row.event is not None:
            listed.event.CopyFrom(CommittedEvent(event=row.event, salt=row.salt, commitment=row.commitment))
        elif row.corrected_sealed is not None:
            with suppress(ErasedError, VaultError):
                listed.event.CopyFrom(corrections.opened(self._books.vault, _Corrected(row)))
        return listed


class _Corrected:
    """A correction's part of a row."""

    def __init__(self, row: Any) -> None:
        self.request_id, self.month, self.sealed = row.corrected_request_id, row.corrected_month, row.corrected_sealed


def _position(row: Any) -> int:
    position: int = row.position
    return position
