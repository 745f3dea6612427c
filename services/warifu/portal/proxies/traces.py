"""What a proxy did with somebody else's history, as both sides may read it: when, and what kind of act.

A trace names no entry. An entry that is not there, for whatever reason, cannot be read and leaves none: so nothing here can tell that an
exchange was withheld.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, insert, or_, select, tuple_, update

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.login.proof import ProofError, decode, encode
from warifu.portal.schema import mandates, traces
from warifu.portal.sessions import MandateEndedError, Session

PAGE_SIZE: Final = 20
_TIME_SIZE, _MANDATE_SIZE, _NUMBER_SIZE = 8, 16, 4
_LAST_NUMBER: Final = 2**31 - 1


class Act(StrEnum):
    """The kinds of act."""

    REGISTERED = "REGISTERED"
    SWITCHED = "SWITCHED"
    """The proxy began to read for the principal."""
    READ_LIST = "READ_LIST"
    READ_ENTRY = "READ_ENTRY"
    ASK_INFORMATION = "ASK_INFORMATION"
    """The proxy had the principal's own information sent for."""
    READ_INFORMATION = "READ_INFORMATION"
    SAVE_INFORMATION = "SAVE_INFORMATION"
    """Saved to a file."""
    TERM_ENDED = "TERM_ENDED"
    """The mandate ended by itself."""
    PRINCIPAL_ENDED = "PRINCIPAL_ENDED"
    PROXY_ENDED = "PROXY_ENDED"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of traces."""

    at: int
    mandate: str
    number: int

    @classmethod
    def read(cls, text: str) -> Position | None:
        """A position from an address; None when it is none."""
        try:
            data = decode(text, _TIME_SIZE + _MANDATE_SIZE + _NUMBER_SIZE)
        except ProofError:
            return None
        at, mandate, number = data[:_TIME_SIZE], data[_TIME_SIZE:-_NUMBER_SIZE], data[-_NUMBER_SIZE:]
        if len(mandate) != _MANDATE_SIZE or number[0] > 0x7F:  # noqa: PLR2004 - the column's integers have a sign
            return None
        return cls(int.from_bytes(at, "big", signed=True), mandate.hex(), int.from_bytes(number, "big"))

    def __str__(self) -> str:
        """The position for an address."""
        at = self.at.to_bytes(_TIME_SIZE, "big", signed=True)
        return encode(at + bytes.fromhex(self.mandate) + self.number.to_bytes(_NUMBER_SIZE, "big"))


@dataclass(frozen=True, slots=True)
class Trace:
    """One act, for the side that reads it."""

    position: Position
    act: Act
    as_principal: bool
    """The reader is the principal; otherwise the proxy."""
    label: str
    """What the reader calls the other side."""

    @property
    def at(self) -> int:
        """Simulated time, milliseconds."""
        return self.position.at


@dataclass(frozen=True, slots=True)
class TracePage:
    """Some traces, newest first."""

    traces: Sequence[Trace]
    older: Position | None
    """Pass as `before` for the page of older traces; None at the end."""


_COUNT: Final = (
    update(mandates)
    .where(mandates.c.mandate == bindparam("which"), mandates.c.ended_at.is_(None), mandates.c.until > bindparam("at"))
    .values(traced=mandates.c.traced + 1)
)
_COUNTED: Final = select(mandates.c.traced).where(mandates.c.mandate == bindparam("which"))
_ADD: Final = insert(traces)
_OF: Final = select(mandates.c.mandate, mandates.c.principal, mandates.c.principal_label, mandates.c.proxy_label).where(
    or_(mandates.c.principal == bindparam("account"), mandates.c.proxy == bindparam("account"))
)
_NEWEST: Final = (
    select(traces.c.at, traces.c.number, traces.c.act)
    .where(traces.c.mandate == bindparam("mandate"))
    .order_by(traces.c.at.desc(), traces.c.number.desc())
    .limit(bindparam("limit"))
)
_OLDER: Final = _NEWEST.where(tuple_(traces.c.at, traces.c.number) < tuple_(bindparam("at"), bindparam("number")))


def leave(connection: Connection, mandate: str, act: Act, at: int) -> bool:
    """Within a write, add a trace to a living mandate; False, and nothing is written, when it does not live."""
    if not connection.execute(_COUNT, {"which": mandate, "at": at}).rowcount:
        return False
    number = connection.execute(_COUNTED, {"which": mandate}).scalar_one()
    connection.execute(_ADD, {"mandate": mandate, "at": at, "number": number, "act": act.value})
    return True


@dataclass(frozen=True, slots=True)
class Traces:
    """The traces of one portal."""

    store: Store
    clock: Clock

    async def note(self, session: Session, act: Act) -> None:
        """Before something of the principal's is shown: its trace is durable when this returns. Of a person's own reading there is none.

        Raises:
            MandateEndedError: the mandate ended, also in this very moment; nothing may be shown.
        """
        if session.lapsed:
            raise MandateEndedError
        if session.acting is not None:
            mandate, at = session.acting.mandate, milliseconds(self.clock.network())
            if not await self.store.write(lambda c: leave(c, mandate, act, at)):
                raise MandateEndedError

    def page(self, account: str, before: Position | None = None, size: int = PAGE_SIZE) -> TracePage:
        """The traces of all mandates in which `account` is a side, newest first: merged runs, one a mandate."""
        runs = self.store.read(lambda c: [_run(c, side, before, size + 1) for side in _sides(c, account)])
        found = list(islice(heapq.merge(*runs, key=lambda trace: trace.position, reverse=True), size + 1))
        shown = found[:size]
        return TracePage(shown, shown[-1].position if len(found) > size else None)


def _sides(connection: Connection, account: str) -> Sequence[tuple[str, bool, str]]:
    """Mandate, whether `account` is its principal, and what it calls the other side."""
    return [
        (row.mandate, own := row.principal == account, row.proxy_label if own else row.principal_label)
        for row in connection.execute(_OF, {"account": account})
    ]


def _run(connection: Connection, side: tuple[str, bool, str], before: Position | None, limit: int) -> list[Trace]:
    mandate, own, label = side
    values: dict[str, object] = {"mandate": mandate, "limit": limit}
    if before is not None:
        # Of one moment the greater mandates come first: those are shown, the smaller ones are still to come.
        number = before.number if mandate == before.mandate else _LAST_NUMBER if mandate < before.mandate else 0
        values |= {"at": before.at, "number": number}
    rows = connection.execute(_NEWEST if before is None else _OLDER, values)
    return [Trace(Position(row.at, mandate, row.number), Act(row.act), own, label) for row in rows]
