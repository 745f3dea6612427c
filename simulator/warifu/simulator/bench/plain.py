"""A requester with a gRPC client that any language has: one unary call an exchange, a generated stub on a channel, nothing in between.

It does by itself all that a requester owes (docs/PROTOCOL.md §4 to §7): stores the whole request before it is sent, seals the query, checks
receipt and answer, opens, and commits its records and the answer before anybody is told. Keys and addressees are those of the institution.
"""

from __future__ import annotations

import asyncio
import time
from operator import itemgetter
from pathlib import Path
from typing import Final

import grpc
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    select,
    update,
)

from warifu.exchange import answer, header, query, receipt, sealing
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.records import COLUMNS, Event
from warifu.interim.schema import ADDRESSEES
from warifu.interim.v1 import interim_pb2
from warifu.kernel.bulk import Bulk
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.kernel.limits import EXCHANGE_DEADLINE
from warifu.kernel.store import Store, sqlite_url
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

STORE_NAME: Final = "plain.db"
PATIENCE: Final = 20.0
AGAIN: Final = 0.1
"""Seconds until the same request is sent again."""
metadata = MetaData()
INQUIRIES = Table(
    "inquiries",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("asked", LargeBinary, nullable=False),  # sealed: linkage.v1.InquireRequest, before it is sent
    Column("answered", LargeBinary),  # sealed: linkage.v1.ExchangeState and the answer as opened
)
RECORDS = Table(
    "records",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("kind", Integer, primary_key=True),  # exchange.v1.RecordKind
    Column("month", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("permit_hash", LargeBinary(32)),
)
_COLUMNS: Final = [column.name for column in RECORDS.columns]
_SUBJECT = select(ADDRESSEES.c.subject).where(ADDRESSEES.c.addressee_no == bindparam("number"))
_ASK = Bulk(INQUIRIES, "request_id", "asked")
_ANSWER = update(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("b_id")).values(answered=bindparam("answered"))
_RECORD = Bulk(RECORDS, *_COLUMNS)
_of_row = itemgetter(*(COLUMNS.index(name) for name in _COLUMNS))
Kept = list[tuple[object, ...]]


class Plain:
    """One institution's own requester. Use from one event loop."""

    def __init__(self, ground: Ground, folder: Path, stub: linkage_pb2_grpc.LinkageServiceAsyncStub) -> None:
        self._ground, self._stub = ground, stub
        self._store = Store(sqlite_url(folder / STORE_NAME), metadata)
        self._store.create()

    async def exchange(self, asked: interim_pb2.InquireRequest) -> exchange_pb2.Answer:
        """The answer, on record here as it is everywhere.

        Raises:
            LinkageError: it was not answered, or not rightly, or the call failed.
        """
        head, request = await self._request(asked)
        contents, month = self._ground.contents, self._ground.contents.month(self._ground.network())
        sealed = contents.seal(month, f"plain/asked/{asked.request_id}", [request.SerializeToString()])
        await self._store.write(lambda c: _ASK.add(c, [(asked.request_id, sealed)]))
        response = await self._sent(request)
        opened = await self._opened(asked, head, response.exchange)
        content = [response.exchange.SerializeToString(), answer.answer_bytes(opened)]
        answered = contents.seal(month, f"plain/answered/{asked.request_id}", content)
        kept = self._records(head, response.exchange, opened)
        await self._store.write(lambda connection: _keep(connection, asked.request_id, answered, kept))
        return opened

    async def _sent(self, request: linkage_pb2.InquireRequest) -> linkage_pb2.InquireResponse:
        """The same bytes again while the gateway asks for that, as on a machine so busy that its log falls behind; not for ever."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._stub.Inquire(request, timeout=EXCHANGE_DEADLINE / 1000)
            except grpc.aio.AioRpcError as error:
                told = LinkageError.from_rpc(error, party="gateway")
                if not told.retryable or time.monotonic() > until:
                    raise told from error
            await asyncio.sleep(AGAIN)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    async def _request(self, asked: interim_pb2.InquireRequest) -> tuple[bytes, linkage_pb2.InquireRequest]:
        known = self._ground.store.read(lambda c: c.execute(_SUBJECT, {"number": asked.addressee_no}).scalar_one())
        subject = exchange_pb2.SubjectReference.FromString(known)
        head = header.build(
            exchange_pb2.RequestHeader(
                request_id=asked.request_id, requester=asked.institution, provider=asked.provider, affair=asked.affair,
                procedure=asked.procedure, item=asked.item, span=asked.span, office=asked.office, clerk=asked.clerk,
            )
        )  # fmt: skip
        provider = await self._ground.directory.entry(asked.provider)
        block = query.seal_queries([exchange_pb2.Query(header_hash=header.header_hash(head))], provider.sealing)
        inquiry = exchange_pb2.Inquiry(header=head, subject=subject, query_block_hash=sealing.block_hash(block))
        return head, linkage_pb2.InquireRequest(inquiry=inquiry.SerializeToString(), query=block)

    async def _opened(
        self, asked: interim_pb2.InquireRequest, head: bytes, state: linkage_pb2.ExchangeState
    ) -> exchange_pb2.Answer:
        directory = self._ground.directory
        gateway = await directory.signing_key("gateway", state.receipt.signature.key_id)
        provider = await directory.signing_key(asked.provider, state.answer.key_id)
        if gateway is None or provider is None or state.outcome != exchange_pb2.OUTCOME_ANSWERED:
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        receipt.check(state.receipt, gateway)
        hashes = (header.header_hash(head), state.permit_hash)
        return answer.open_answer(state.answer, state.answer_index, self._ground.keys, provider, *hashes)

    def _records(self, head: bytes, state: linkage_pb2.ExchangeState, opened: exchange_pb2.Answer) -> Kept:
        event = Event(
            header=exchange_pb2.RequestHeader.FromString(head),
            side="requester",
            requested_at=stamped(state.receipt.exchange_time),
            table_version=self._ground.law.book().version,
            row=None,
            permit_hash=state.permit_hash,
        )
        hidden = opened.non_disclosure
        made = event.outcome(state.outcome, opened.outcome, self._ground.network(), non_disclosure=hidden)
        made.answer_digest = answer.answer_digest(answer.answer_bytes(opened))
        return [_of_row(row) for row in event.rows(self._ground.contents, [event.request(), made])]


def _keep(connection: Connection, request_id: str, answered: bytes, kept: Kept) -> None:
    connection.execute(_ANSWER, {"b_id": request_id, "answered": answered})
    _RECORD.add(connection, kept)
