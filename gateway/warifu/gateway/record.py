"""The gateway's access records (情報提供等の記録, art. 23): what is written of a request and of its outcome.

Both are durable before anything that follows from them leaves: the request before the permit is signed, the outcome before it is told.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.log import entries
from warifu.gateway.schema import ENTRY, RECORD
from warifu.kernel.instants import stamped, timestamp
from warifu.kernel.months import month_at
from warifu.kernel.vault import Vault

_ADD = insert(RECORD)
_FIND = (
    select(RECORD.c.request_id, RECORD.c.month, RECORD.c.sealed)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(ENTRY.c.commitment == bindparam("commitment"))
)


class Records:
    """Writes and opens them, within a connection's transaction."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def add(
        self,
        connection: Connection,
        entry: pb.AccessRecord,
        committed: pb.CommittedRecord,
        recorded_at: int,
        permit_hash: bytes | None,
    ) -> None:
        """Add a record, what opens its commitment, and its log entry; `recorded_at` in machine milliseconds."""
        month = month_at(stamped(entry.requested_at))
        values = {
            "position": entries.add(connection, committed.commitment, recorded_at),
            "request_id": entry.request_id,
            "kind": entry.kind,
            "month": month,
            "requester_tag": self.vault.tag(month, entry.requester),
            "provider_tag": self.vault.tag(month, entry.provider),
            "sealed": self.vault.seal(month, committed.SerializeToString(), _context(entry.request_id)),
            "permit_hash": permit_hash,
        }
        connection.execute(_ADD, values)

    def kept(self, connection: Connection, commitment: bytes) -> pb.CommittedRecord:
        """The record behind a commitment that an exchange names. Not by request id, which others may have pretended to."""
        return self.opened(connection.execute(_FIND, {"commitment": commitment}).one())

    def opened(self, row: Any) -> pb.CommittedRecord:
        """The record of a row with request_id, month and sealed.

        Raises:
            ErasedError: its term is over.
        """
        content = self.vault.unseal(row.month, row.sealed, _context(row.request_id))
        return pb.CommittedRecord.FromString(content)


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
