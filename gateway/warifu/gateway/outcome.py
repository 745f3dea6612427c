"""Step 5: what the exchange came to is durable before it is told. An outcome is recorded once, when it is final."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import record, stored
from warifu.gateway.forward import Reply, expired
from warifu.gateway.instant import milliseconds
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.store import Store


class Outcomes:
    """Settles exchanges."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def settle(self, before: Stored, reply: Reply) -> Stored:
        """The exchange after a reply, durable. A final one never changes; a waiting one is over when its review period is."""
        network = milliseconds(self._clock.network())
        if reply.outcome == pb.OUTCOME_PENDING and _review_over(before, network):
            reply = replace(expired(), non_disclosure=reply.non_disclosure)
        after = _after(before, reply)
        if after == before:
            return before
        if not after.is_final:
            changed = await self._store.write(lambda connection: stored.settle(connection, after))
        else:
            changed = await self._store.write(lambda connection: self._finish(connection, after, reply, network))
        return after if changed else self._store.read(lambda connection: _known(connection, before.request_id))

    def _finish(self, connection: Connection, after: Stored, reply: Reply, network: int) -> bool:
        """Outcome, its record and the portal's share of it, in one transaction."""
        if not stored.settle(connection, after):
            return False
        asked = record.kept(connection, after.request_id, pb.RECORD_KIND_REQUEST)
        entry = record.of_outcome(
            pb.AccessRecord.FromString(asked.record),
            reply.outcome,
            reply.failure.reason if reply.failure is not None else None,
            network if reply.outcome == pb.OUTCOME_ANSWERED else None,
            withheld=after.withheld,
        )
        now = milliseconds(self._clock.machine())
        record.add(connection, entry, records.commit(entry), now, after.permit_hash)
        if not after.withheld:
            stored.show(connection, after.request_id)
        return True


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


def _known(connection: Connection, request_id: str) -> Stored:
    found = stored.find(connection, request_id)
    assert found is not None, "exchanges are never removed"
    return found
