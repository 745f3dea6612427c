"""Step 5: what exchanges came to is durable before it is told. An outcome is recorded once, when it is final."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import record, stored
from warifu.gateway.books import Books
from warifu.gateway.forward import Reply, expired
from warifu.gateway.record import New
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds

Settled = Stored | LinkageError


class _Change(NamedTuple):
    """An exchange before and after a reply."""

    before: Stored
    after: Stored
    reply: Reply


class Outcomes:
    """Settles exchanges."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books, self._clock = books, clock

    async def settle(self, before: Sequence[Stored], replies: Sequence[Reply | LinkageError]) -> list[Settled]:
        """Each exchange after its reply, durable, in order; where nothing is known, why.

        A final one never changes; a waiting one is over when its review period is.
        """
        network = milliseconds(self._clock.network())
        changes = [
            _change(one, reply, network)
            for one, reply in zip(before, replies, strict=True)
            if not isinstance(reply, LinkageError)
        ]
        became = await self._settled([one for one in changes if one.after != one.before], network)
        return [
            reply if isinstance(reply, LinkageError) else became.get(one.request_id, one)
            for one, reply in zip(before, replies, strict=True)
        ]

    async def _settled(self, changes: Sequence[_Change], network: int) -> dict[str, Stored]:
        if not changes:
            return {}
        became = await self._books.log.write(lambda connection: self._write(connection, changes, network))
        if final := [one.before.request_id for one in changes if one.before.request_id not in became]:
            became |= self._books.store.read(lambda connection: self._books.exchanges.find_all(connection, final))
        return became

    def _write(self, connection: Connection, changes: Sequence[_Change], network: int) -> dict[str, Stored]:
        """States, outcome records and the portal's share of them, in one transaction; without those that were final already."""
        standing = self._books.exchanges.standing(connection, [one.before for one in changes])
        now = milliseconds(self._clock.machine())
        became: dict[str, Stored] = {}
        new: list[New] = []
        for one in changes:
            withheld = standing.get(one.before.request_id)
            if withheld is None:
                continue
            after = one.after._replace(withheld=True) if withheld and not one.after.withheld else one.after
            if after.is_final:
                new.append(New.of(_record(after, one.reply, network), now, after.permit_hash))
                after = after._replace(outcome_commitment=new[-1].committed.commitment)
            became[after.request_id] = after
        self._books.exchanges.settle(connection, list(became.values()))
        self._books.records.add(connection, new)
        shown = [one.request_id for one in became.values() if one.is_final and not one.withheld]
        stored.show(connection, shown)
        return became


def _change(before: Stored, reply: Reply, network: int) -> _Change:
    over = before.review_until is not None and network > before.review_until
    if reply.outcome == pb.OUTCOME_PENDING and over:
        reply = expired()._replace(non_disclosure=reply.non_disclosure)
    after = before._replace(
        outcome=reply.outcome,
        # A wish for non-disclosure is never taken back: what waited under it must not appear when it expires.
        withheld=before.withheld or reply.non_disclosure,
        answer=reply.answer,
        answer_index=reply.answer_index,
        failure=reply.failure.SerializeToString() if reply.failure is not None else None,
    )
    return _Change(before, after, reply)


def _record(after: Stored, reply: Reply, network: int) -> pb.AccessRecord:
    assert after.permit is not None, "what was refused was settled when it was asked"
    return record.of_outcome(
        after.requested or record.of_permit(pb.Permit.FromString(after.permit)),
        reply.outcome,
        reply.failure.reason if reply.failure is not None else None,
        network if reply.outcome == pb.OUTCOME_ANSWERED else None,
        withheld=after.withheld,
    )
