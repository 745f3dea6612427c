"""The gateway's access records (情報提供等の記録, art. 23): what is written of a request and of its outcome.

Both are durable before anything that follows from them leaves: the request before the permit is signed, the outcome before it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.log import entries
from warifu.gateway.schema import RECORD
from warifu.kernel.bulk import Bulk
from warifu.kernel.instants import stamped, timestamp
from warifu.kernel.months import Month, month_at
from warifu.kernel.vault import Vault

_ADD = Bulk(RECORD, "position", "request_id", "kind", "month", "requester_tag", "provider_tag", "sealed", "permit_hash")


class New(NamedTuple):
    """A record to be written."""

    entry: pb.AccessRecord
    committed: pb.CommittedRecord
    recorded_at: int
    """Machine milliseconds."""
    permit_hash: bytes | None

    @classmethod
    def of(cls, entry: pb.AccessRecord, recorded_at: int, permit_hash: bytes | None) -> New:
        """Committed to with a new salt."""
        return cls(entry, record.commit(entry), recorded_at, permit_hash)


class Records:
    """Writes and opens them, within a connection's transaction."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def add(self, connection: Connection, new: Sequence[New]) -> None:
        """Add records, what opens their commitments, and their log entries."""
        if not new:
            return
        first = entries.add_all(connection, [(one.committed.commitment, one.recorded_at) for one in new])
        _ADD.add(connection, [self._row(position, one) for position, one in enumerate(new, first)])

    def opened(self, row: Any) -> pb.CommittedRecord:
        """The record of a row with request_id, month and sealed.

        Raises:
            ErasedError: its term is over.
        """
        return pb.CommittedRecord.FromString(self.unsealed(row.month, row.request_id, row.sealed))

    def unsealed(self, month: Month, request_id: str, sealed: bytes) -> bytes:
        """The serialised CommittedRecord; raises as `opened`."""
        return self.vault.unseal(month, sealed, _context(request_id))

    def _row(self, position: int, new: New) -> tuple[Any, ...]:
        entry = new.entry
        month = month_at(stamped(entry.requested_at))
        return (
            position,
            entry.request_id,
            entry.kind,
            month,
            self.vault.tag(month, entry.requester),
            self.vault.tag(month, entry.provider),
            self.vault.seal(month, new.committed.SerializeToString(), _context(entry.request_id)),
            new.permit_hash,
        )


def of_request(
    header: pb.RequestHeader, requester: str, exchange_time: int, table_version: str, row: str | None
) -> pb.AccessRecord:
    """The record that `requester`, as its certificate says, asked; `exchange_time` in network milliseconds."""
    return pb.AccessRecord(
        version=record.VERSION,
        kind=pb.RECORD_KIND_REQUEST,
        request_id=header.request_id,
        requester=requester,
        provider=header.provider,
        affair=header.affair,
        procedure=header.procedure,
        item=header.item,
        table_version=table_version,
        row=row,
        requested_at=timestamp(exchange_time),
        non_disclosure=header.non_disclosure,
    )


def of_permit(permit: pb.Permit) -> pb.AccessRecord:
    """The record of the request that a permit was written for: the same that was committed to with it."""
    header = pb.RequestHeader.FromString(permit.header)
    at = stamped(permit.exchange_time)
    return of_request(header, header.requester, at, permit.table_version, permit.row)


def of_outcome(
    request: pb.AccessRecord,
    outcome: pb.Outcome.ValueType,
    reason: str | None,
    answered_at: int | None,
    *,
    withheld: bool,
) -> pb.AccessRecord:
    """The record that the requested exchange came to a final outcome; `answered_at` in network milliseconds."""
    made = pb.AccessRecord()
    made.CopyFrom(request)
    made.kind = pb.RECORD_KIND_OUTCOME
    made.outcome = outcome
    made.non_disclosure = withheld
    if reason is not None:
        made.reason = reason
    if answered_at is not None:
        made.answered_at.CopyFrom(timestamp(answered_at))
    return made


def _context(request_id: str) -> bytes:
    return f"record/{request_id}".encode()
