"""Corrections: what an institution says is wrong in the records of an exchange is entered beside them. No record is ever edited.

An entry is durable before it is told, lies under the month's key of its exchange, and goes with it. What is shown to the person is shown
with it; what is withheld stays so: the portal hears of a correction only together with the exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from warifu.exchange import event as events
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import stored
from warifu.gateway.books import Books
from warifu.gateway.convert import Conversion
from warifu.gateway.log import entries
from warifu.gateway.schema import CORRECTION, ENTRY
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import CORRECTIONS, FREE_TEXT, ID, check_text
from warifu.kernel.vault import ErasedError, Vault
from warifu.log.v1.log_pb2 import CommittedEvent, CorrectionEntered, NetworkEvent

_ADD = insert(CORRECTION)
_OF = (
    select(CORRECTION, ENTRY.c.leaf_index, ENTRY.c.committed_at)
    .join(ENTRY, ENTRY.c.position == CORRECTION.c.position)
    .where(CORRECTION.c.request_id == bindparam("request_id"))
    .order_by(CORRECTION.c.position)
)


@dataclass(frozen=True, slots=True)
class Entered:
    """A correcting entry."""

    committed: CommittedEvent
    event: NetworkEvent
    recorded_at: int
    """Machine time, milliseconds."""
    leaf: int | None
    """Place in the log; None while it waits."""


def of(connection: Connection, vault: Vault, request_id: str) -> list[Entered]:
    """The corrections of an exchange, in order.

    Raises:
        ErasedError: their term is over.
    """
    return [_entered(row, opened(vault, row)) for row in connection.execute(_OF, {"request_id": request_id})]


def opened(vault: Vault, row: Any) -> CommittedEvent:
    """The entry of a row with request_id, month and sealed.

    Raises:
        ErasedError: its term is over.
    """
    return CommittedEvent.FromString(vault.unseal(row.month, row.sealed, _context(row.request_id)))


class Corrections:
    """Takes corrections."""

    def __init__(self, books: Books, conversion: Conversion, clock: Clock) -> None:
        self._books, self._conversion, self._clock = books, conversion, clock

    async def correct(self, caller: str, request_id: str, statement: str) -> Entered:
        """The entry, durable. The same statement of the same institution again is the same entry.

        Raises:
            LinkageError: CLIENT_REQUEST_UNKNOWN, also for an exchange that the caller took no part in and one past its term;
                CLIENT_EXCHANGE_OPEN; CLIENT_TOO_MANY_ITEMS; CLIENT_MALFORMED and CLIENT_TOO_LARGE naming the field;
                GATEWAY_LOG_UNAVAILABLE while the log cannot move.
        """
        check_text(request_id, "request_id", ID)
        check_text(statement.strip(), "statement", FREE_TEXT)
        await self._books.log.admit()
        said = CorrectionEntered(request_id=request_id, institution=caller, statement=statement.strip())
        return await self._books.log.write(lambda connection: self._enter(connection, said))

    def _enter(self, connection: Connection, said: CorrectionEntered) -> Entered:
        exchange = self._exchange(connection, said)
        known = of(connection, self._books.vault, said.request_id)
        for one in known:
            if one.event.correction == said:
                return one
        if len(known) >= CORRECTIONS:
            limit = {"field": "corrections", "limit": str(int(CORRECTIONS))}
            raise LinkageError(Reason.CLIENT_TOO_MANY_ITEMS, metadata=limit)
        entered = self._add(connection, exchange, said)
        if self._is_shown(exchange):
            stored.show_again(connection, exchange.request_id)
        return entered

    def _exchange(self, connection: Connection, said: CorrectionEntered) -> Stored:
        try:
            found = self._books.exchanges.find(connection, said.request_id)
        except ErasedError:
            found = None
        if found is None or said.institution not in _parties(found):
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        if not found.is_final:
            raise LinkageError(Reason.CLIENT_EXCHANGE_OPEN)
        return found

    def _add(self, connection: Connection, exchange: Stored, said: CorrectionEntered) -> Entered:
        now = milliseconds(self._clock.machine())
        at = timestamp(milliseconds(self._clock.network()))
        event = NetworkEvent(version=events.VERSION, at=at, correction=said)
        committed = events.commit(event)
        values = {
            "position": entries.add(connection, committed.commitment, now),
            "request_id": exchange.request_id,
            "month": exchange.month,
            "sealed": self._books.vault.seal(
                exchange.month, committed.SerializeToString(), _context(exchange.request_id)
            ),
        }
        connection.execute(_ADD, values)
        return Entered(committed, event, now, None)

    def _is_shown(self, exchange: Stored) -> bool:
        """As when it came to its end: of what was refused, only when the requester's code named somebody."""
        if exchange.withheld:
            return False
        asked = pb.Inquiry.FromString(exchange.inquiry)
        return self._conversion.open(asked.subject, exchange.requester).person is not None


def _parties(exchange: Stored) -> Sequence[str]:
    """Who took part: a provider only in what was permitted."""
    asked = (exchange.requester,)
    return (*asked, exchange.provider) if exchange.permit_hash is not None else asked


def _entered(row: Any, committed: CommittedEvent) -> Entered:
    return Entered(committed, NetworkEvent.FromString(committed.event), row.committed_at, row.leaf_index)


def _context(request_id: str) -> bytes:
    return f"correction/{request_id}".encode()
