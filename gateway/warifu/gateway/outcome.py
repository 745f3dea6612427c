"""Step 5: what the exchange came to is durable before it is told. An outcome is recorded once, when it is final."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import record, stored
from warifu.gateway.books import Books
from warifu.gateway.forward import Reply, expired
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds


class Outcomes:
    """Settles exchanges."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books, self._clock = books, clock

    async def settle(self, before: Stored, reply: Reply) -> Stored:
        """The exchange after a reply, durable. A final one never changes; a waiting one is over when its review period is."""
        network = milliseconds(self._clock.network())
        if reply.outcome == pb.OUTCOME_PENDING and _review_over(before, network):
            reply = replace(expired(), non_disclosure=reply.non_disclosure)
        after = _after(before, reply)
        if after == before:
            return before
        settled = await self._books.log.write(lambda connection: self._write(connection, after, reply, network))
        return settled or self._books.store.read(lambda connection: self._known(connection, before.request_id))

    def _write(self, connection: Connection, after: Stored, reply: Reply, network: int) -> Stored | None:
        """State, outcome record and the portal's share of it, in one transaction; None when the exchange was final already."""
        if not after.withheld and self._known(connection, after.request_id).withheld:
            after = replace(after, withheld=True)  # another replica heard of the wish after `before` was read
        if not after.is_final:
            return after if self._books.exchanges.settle(connection, after) else None
        entry = self._record(connection, after, reply, network)
        committed = records.commit(entry)
        after = replace(after, outcome_commitment=committed.commitment)
        if not self._books.exchanges.settle(connection, after):
            return None
        self._books.records.add(connection, entry, committed, milliseconds(self._clock.machine()), after.permit_hash)
        if not after.withheld:
            stored.show(connection, after.request_id)
        return after

    def _record(self, connection: Connection, after: Stored, reply: Reply, network: int) -> pb.AccessRecord:
        asked = self._books.records.kept(connection, after.commitment)
        return record.of_outcome(
            pb.AccessRecord.FromString(asked.record),
            reply.outcome,
            reply.failure.reason if reply.failure is not None else None,
            network if reply.outcome == pb.OUTCOME_ANSWERED else None,
            withheld=after.withheld,
        )

    def _known(self, connection: Connection, request_id: str) -> Stored:
        found = self._books.exchanges.find(connection, request_id)
        assert found is not None, "no exchange is removed before it was final for years"
        return found


def _after(before: Stored, reply: Reply) -> Stored:
    return replace(
        before,
        outcome=reply.outcome,
        # A wish for non-disclosure is never taken back: what waited under it must not appear when it expires.
        withheld=before.withheld or reply.non_disclosure,
        answer=reply.answer.SerializeToString() if reply.answer is not None else None,
        answer_index=reply.answer_index,
        failure=reply.failure.SerializeToString() if reply.failure is not None else None,
    )


def _review_over(before: Stored, network: int) -> bool:
    return before.review_until is not None and network > before.review_until
