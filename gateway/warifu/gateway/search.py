"""The supervisor's search of the records: by institution, procedure, period and outcome. There is nothing here to find a person by.

A search goes from the newest record back, opens what its conditions leave, and looks at a bounded number of records at a time; who wants to
see further asks again from where it stopped. That somebody searched, in which role and by which conditions, is entered before anything is
answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, select

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.books import Books
from warifu.gateway.schema import ENTRY, EXCHANGE, RECORD, REFUSED
from warifu.kernel.instants import day_at, stamped
from warifu.kernel.limits import CODE, PAGE_DEFAULT, SEARCHED, check_page, check_text, malformed
from warifu.kernel.months import month_of
from warifu.kernel.vault import ErasedError
from warifu.log.v1.log_pb2 import RecordsSearched
from warifu.supervision.v1.supervision_pb2 import FoundExchange, SearchRecordsRequest, SearchRecordsResponse

OPEN: Final = "OPEN"
"""The outcome of an exchange without one."""
OUTCOMES: Final = ("ANSWERED", "DENIED", "ERROR", "EXPIRED", OPEN)
STEP: Final = 500
"""Records looked at before other work has its turn."""
_LAST: Final = 2**62

_COLUMNS = [
    RECORD.c[name]
    for name in ("position", "request_id", "month", "requester_tag", "provider_tag", "sealed", "permit_hash")
]
_REQUESTS = (
    select(*_COLUMNS, ENTRY.c.commitment, ENTRY.c.leaf_index)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(
        RECORD.c.position < bindparam("before"),
        RECORD.c.kind == int(pb.RECORD_KIND_REQUEST),
        RECORD.c.month.between(bindparam("first"), bindparam("last")),
    )
    .order_by(RECORD.c.position.desc())
    .limit(bindparam("most"))
)
_OUTCOME = (
    select(*_COLUMNS, ENTRY.c.leaf_index)
    .select_from(EXCHANGE)
    .join(ENTRY, ENTRY.c.commitment == EXCHANGE.c.outcome_commitment)
    .join(RECORD, RECORD.c.position == ENTRY.c.position)
    .where(EXCHANGE.c.request_id == bindparam("request_id"), EXCHANGE.c.commitment == bindparam("commitment"))
)
_REFUSAL = (
    select(*_COLUMNS, ENTRY.c.leaf_index)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(
        RECORD.c.request_id == bindparam("request_id"),
        REFUSED,
        RECORD.c.requester_tag == bindparam("requester_tag"),
        RECORD.c.kind == int(pb.RECORD_KIND_OUTCOME),
        RECORD.c.position > bindparam("position"),
    )
    .order_by(RECORD.c.position)
    .limit(1)
)
"""What was refused has its outcome right behind its request; others may have asked under the same id, also in another's name."""


class Asked(NamedTuple):
    """A request as the rules of detection look at it."""

    record: pb.AccessRecord
    position: int
    leaf: int | None
    """Its place in the log, once it has one."""
    denied: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """The conditions of a search; None where there is none."""

    institution: str | None = None
    procedure: str | None = None
    outcome: str | None = None
    first: date | None = None
    last: date | None = None

    @classmethod
    def of(cls, request: SearchRecordsRequest) -> Wanted:
        """What is asked for.

        Raises:
            LinkageError: CLIENT_MALFORMED or CLIENT_TOO_LARGE, naming the field.
        """
        wanted = cls(
            _text(request, "institution"),
            _text(request, "procedure"),
            _text(request, "outcome"),
            _day(request, "from_day"),
            _day(request, "to_day"),
        )
        if wanted.outcome is not None and wanted.outcome not in OUTCOMES:
            raise malformed("outcome", "not a known value")
        if wanted.first and wanted.last and wanted.first > wanted.last:
            raise malformed("to_day", "before from_day")
        return wanted

    def asks_for(self, record: pb.AccessRecord) -> bool:
        """Whether the request's record meets all conditions but the outcome's."""
        day = day_at(stamped(record.requested_at))
        return (
            (self.institution is None or self.institution in {record.requester, record.provider})
            and (self.procedure is None or self.procedure == record.procedure)
            and (self.first is None or self.first <= day)
            and (self.last is None or day <= self.last)
        )

    def entry(self, role: str) -> RecordsSearched:
        """What is entered of the search."""
        return RecordsSearched(
            role=role,
            institution=self.institution,
            procedure=self.procedure,
            outcome=self.outcome,
            from_day=self.first.isoformat() if self.first else None,
            to_day=self.last.isoformat() if self.last else None,
        )


class Search:
    """Searches one gateway's records."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def search(self, request: SearchRecordsRequest) -> SearchRecordsResponse:
        """One page; the search is entered first.

        Raises:
            LinkageError: as `Wanted.of`; the entry could not be made.
        """
        wanted, role = Wanted.of(request), check_text(request.role, "role", CODE)
        size = check_page(request.limit, PAGE_DEFAULT)
        await self._books.log.write(self._books.log.events.searched(wanted.entry(role)))
        response, before = SearchRecordsResponse(), request.before or _LAST
        for _ in range(SEARCHED // STEP):
            rows = self._rows(wanted, before)
            for row in rows:
                before = row.position
                found = self._found(row, wanted)
                if found is not None:
                    response.exchanges.append(found)
                    if len(response.exchanges) == size:
                        return self._to_be_continued(response, wanted, before)
            if len(rows) < STEP:
                return response
            await asyncio.sleep(0)
        return self._to_be_continued(response, wanted, before)

    def _to_be_continued(self, response: SearchRecordsResponse, wanted: Wanted, before: int) -> SearchRecordsResponse:
        if self._rows(wanted, before, 1):
            response.next = before
        return response

    def _rows(self, wanted: Wanted, before: int, most: int = STEP) -> Sequence[Any]:
        values = {
            "before": before,
            "first": max(month_of(wanted.first) if wanted.first else 0, self._books.vault.first),
            "last": month_of(wanted.last or date.max),
            "most": most,
        }
        return self._books.store.read(lambda connection: connection.execute(_REQUESTS, values).all())

    def _found(self, row: Any, wanted: Wanted) -> FoundExchange | None:
        with suppress(ErasedError):  # its term ended just now
            if not self._names(row, wanted.institution):
                return None
            record = pb.AccessRecord.FromString(self._books.records.opened(row).record)
            if wanted.asks_for(record):
                outcome = self._books.store.read(lambda connection: self._outcome(connection, row))
                found = _exchange(row, record, outcome)
                return found if wanted.outcome in {None, found.outcome} else None
        return None

    def _names(self, row: Any, institution: str | None) -> bool:
        """Told by the tags alone, without opening."""
        if institution is None:
            return True
        return self._books.vault.tag(row.month, institution) in {row.requester_tag, row.provider_tag}

    def _outcome(self, connection: Connection, row: Any) -> tuple[pb.AccessRecord, int | None] | None:
        asked = {"request_id": row.request_id}
        if row.permit_hash is None:
            refused = {**asked, "requester_tag": row.requester_tag, "position": row.position}
            found = connection.execute(_REFUSAL, refused).first()
        else:
            found = connection.execute(_OUTCOME, {**asked, "commitment": row.commitment}).first()
        if found is None:
            return None
        return pb.AccessRecord.FromString(self._books.records.opened(found).record), found.leaf_index

    async def newest(self, first: date) -> AsyncIterator[Asked]:
        """Requests from the simulated day `first` on, newest first; at most SEARCHED. Nothing is entered."""
        wanted, before = Wanted(first=first), _LAST
        for _ in range(SEARCHED // STEP):
            rows = self._rows(wanted, before)
            for row in rows:
                before = row.position
                asked = self._asked(row, wanted)
                if asked is None:
                    return  # the clock only moves forward: what lies before is of earlier days
                yield asked
            if len(rows) < STEP:
                return
            await asyncio.sleep(0)

    def _asked(self, row: Any, wanted: Wanted) -> Asked | None:
        with suppress(ErasedError):  # its term ended just now
            record = pb.AccessRecord.FromString(self._books.records.opened(row).record)
            if wanted.asks_for(record):
                return Asked(record, row.position, row.leaf_index, self._is_denied(row))
        return None

    def _is_denied(self, row: Any) -> bool:
        """Whether the law refused it. What has a permit was not, whatever became of it, so its outcome need not be opened."""
        if row.permit_hash is not None:
            return False
        outcome = self._books.store.read(lambda connection: self._outcome(connection, row))
        return outcome is not None and outcome[0].outcome == pb.OUTCOME_DENIED


def _exchange(row: Any, asked: pb.AccessRecord, outcome: tuple[pb.AccessRecord, int | None] | None) -> FoundExchange:
    found = FoundExchange(
        position=row.position,
        request_leaf=row.leaf_index,
        request_id=asked.request_id,
        requester=asked.requester,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        row=asked.row if asked.HasField("row") else None,
        requested_at=asked.requested_at,
        outcome=OPEN,
        non_disclosure=asked.non_disclosure,
    )
    if outcome is not None:
        record, found_leaf = outcome
        found.outcome = pb.Outcome.Name(record.outcome).removeprefix("OUTCOME_")
        found.non_disclosure = record.non_disclosure
        if found_leaf is not None:
            found.outcome_leaf = found_leaf
        if record.HasField("answered_at"):
            found.answered_at.CopyFrom(record.answered_at)
        if record.HasField("reason"):
            found.reason = record.reason
    return found


def _text(request: SearchRecordsRequest, name: str) -> str | None:
    return check_text(getattr(request, name), name, CODE) if request.HasField(name) else None  # type: ignore[arg-type]


def _day(request: SearchRecordsRequest, name: str) -> date | None:
    text = _text(request, name)
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise malformed(name, "not a day") from error
