"""This institution's own access records (情報提供等の記録, art. 23): as requester and as provider, of the request and of its outcome.

Each is written in the transaction that makes true what it says, so that nobody is told what no record holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.contents import Contents
from warifu.interim.schema import RECORDS
from warifu.kernel.bulk import Bulk
from warifu.kernel.instants import timestamp
from warifu.kernel.months import Month

Side = Literal["requester", "provider"]
_COLUMNS: Final = ("request_id", "kind", "side", "month", "sealed", "commitment", "permit_hash")
_ADD: Final = Bulk(RECORDS, *_COLUMNS)
_VALUES: Final = itemgetter(*_COLUMNS)


@dataclass(frozen=True, slots=True)
class Event:
    """What both records of one exchange have in common."""

    header: pb.RequestHeader
    side: Side
    requested_at: int
    """Network milliseconds, by the gateway."""
    table_version: str
    row: str | None
    permit_hash: bytes | None

    def request(self) -> pb.AccessRecord:
        """The record that it was asked."""
        return self._record(pb.RECORD_KIND_REQUEST, non_disclosure=self.header.non_disclosure)

    def outcome(
        self,
        outcome: pb.Outcome.ValueType,
        fine: pb.FineOutcome.ValueType | None,
        answered_at: int | None,
        reason: str | None = None,
        *,
        non_disclosure: bool,
        digest: bytes | None = None,
    ) -> pb.AccessRecord:
        """The record of what it came to; `answered_at` in network milliseconds, `digest` of the answer when ANSWERED."""
        made = self._record(pb.RECORD_KIND_OUTCOME, non_disclosure=non_disclosure or self.header.non_disclosure)
        made.outcome = outcome
        if fine:
            made.fine_outcome = fine
        if answered_at is not None:
            made.answered_at.CopyFrom(timestamp(answered_at))
        if reason is not None:
            made.reason = reason
        if digest is not None:
            made.answer_digest = digest
        return made

    def rows(self, contents: Contents, entries: Iterable[pb.AccessRecord]) -> list[dict[str, object]]:
        """Rows of `RECORDS` with new commitments; made before the transaction, since hashing and sealing need none."""
        month = contents.month(self.requested_at)
        return [self._row(contents, month, entry) for entry in entries]

    def _row(self, contents: Contents, month: Month, entry: pb.AccessRecord) -> dict[str, object]:
        committed = record.commit(entry)
        name = _name(entry.request_id, self.side, entry.kind)
        return {
            "request_id": entry.request_id,
            "kind": entry.kind,
            "side": self.side,
            "month": month,
            "sealed": contents.seal(month, name, [committed.record, committed.salt]),
            "commitment": committed.commitment,
            "permit_hash": self.permit_hash,
        }

    def _record(self, kind: pb.RecordKind.ValueType, *, non_disclosure: bool) -> pb.AccessRecord:
        header = self.header
        return pb.AccessRecord(
            version=record.VERSION,
            kind=kind,
            request_id=header.request_id,
            requester=header.requester,
            provider=header.provider,
            affair=header.affair,
            procedure=header.procedure,
            item=header.item,
            table_version=self.table_version,
            row=self.row,
            requested_at=timestamp(self.requested_at),
            non_disclosure=non_disclosure,
            office=header.office,
            clerk=header.clerk,
        )


def add(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Add rows made by `Event.rows`."""
    _ADD.add(connection, [_VALUES(row) for row in rows])


def opened(contents: Contents, row: Row[Any]) -> pb.CommittedRecord:
    """The record in a row of `RECORDS`, with what opens its commitment.

    Raises:
        ErasedError: its term is over.
    """
    record_, salt = contents.open(row.month, _name(row.request_id, row.side, row.kind), row.sealed)
    return pb.CommittedRecord(record=record_, salt=salt, commitment=row.commitment)


def _name(request_id: str, side: str, kind: int) -> str:
    return f"record/{side}/{kind}/{request_id}"
