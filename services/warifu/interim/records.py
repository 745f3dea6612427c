"""This institution's own access records (情報提供等の記録, art. 23): as requester and as provider, of the request and of its outcome.

Each is written in the transaction that makes true what it says, so that nobody is told what no record holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.contents import Contents
from warifu.interim.schema import RECORDS
from warifu.kernel.bulk import Bulk
from warifu.kernel.instants import timestamp

Side = Literal["requester", "provider"]
RecordRow = tuple[Any, ...]
"""Of `RECORDS`, in the order of `COLUMNS`."""
COLUMNS: Final = ("request_id", "kind", "side", "month", "sealed", "commitment", "permit_hash")
_ADD: Final = Bulk(RECORDS, *COLUMNS)


@dataclass(slots=True)
class Event:
    """What both records of one exchange have in common."""

    header: pb.RequestHeader
    side: Side
    requested_at: int
    """Network milliseconds, by the gateway."""
    table_version: str
    row: str | None
    permit_hash: bytes | None
    _request: pb.AccessRecord | None = field(default=None, init=False)

    def request(self) -> pb.AccessRecord:
        """The record that it was asked: the same object each time."""
        if self._request is None:
            self._request = self._record()
        return self._request

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
        made = pb.AccessRecord()
        made.CopyFrom(self.request())
        made.kind = pb.RECORD_KIND_OUTCOME
        made.non_disclosure |= non_disclosure
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

    def rows(self, contents: Contents, entries: Iterable[pb.AccessRecord]) -> list[RecordRow]:
        """Rows of `RECORDS` with new commitments; made before the transaction, since hashing and sealing need none."""
        side, request_id, month = self.side, self.header.request_id, contents.month(self.requested_at)
        made = []
        for entry in entries:
            kind = entry.kind
            data, salt, commitment = record.commit_parts(entry)
            sealed = contents.seal(month, _name(request_id, side, kind), (data, salt))
            made.append((request_id, kind, side, month, sealed, commitment, self.permit_hash))
        return made

    def _record(self) -> pb.AccessRecord:
        header = self.header
        return pb.AccessRecord(
            version=record.VERSION,
            kind=pb.RECORD_KIND_REQUEST,
            request_id=header.request_id,
            requester=header.requester,
            provider=header.provider,
            affair=header.affair,
            procedure=header.procedure,
            item=header.item,
            table_version=self.table_version,
            row=self.row,
            requested_at=timestamp(self.requested_at),
            non_disclosure=header.non_disclosure,
            office=header.office,
            clerk=header.clerk,
        )


def add(connection: Connection, rows: Sequence[RecordRow]) -> None:
    """Add rows made by `Event.rows`."""
    _ADD.add(connection, rows)


def opened(contents: Contents, row: Row[Any]) -> pb.CommittedRecord:
    """The record in a row of `RECORDS`, with what opens its commitment.

    Raises:
        ErasedError: its term is over.
    """
    record_, salt = contents.open(row.month, _name(row.request_id, row.side, row.kind), row.sealed)
    return pb.CommittedRecord(record=record_, salt=salt, commitment=row.commitment)


def _name(request_id: str, side: str, kind: int) -> str:
    return f"record/{side}/{kind}/{request_id}"
