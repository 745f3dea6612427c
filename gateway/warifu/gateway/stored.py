"""Exchanges as they are kept: one row each, changed only until it is final, its contents sealed under the key of its month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.schema import EXCHANGE, OUTBOX, UNFINISHED
from warifu.kernel import packing
from warifu.kernel.months import Month, month_at
from warifu.kernel.vault import Vault

OPEN = pb.OUTCOME_UNSPECIFIED
"""Recorded, and the provider has said nothing yet."""
UNSETTLED = (OPEN, pb.OUTCOME_PENDING)
RECONCILED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """An exchange, opened. Times are milliseconds: `…_at` machine clock, the others network clock."""

    request_id: str
    requester: str
    provider: str
    inquiry_hash: bytes
    inquiry: bytes
    query: bytes
    recorded_at: int
    commitment: bytes
    exchange_time: int
    permit: bytes | None
    permit_hash: bytes | None
    review_until: int | None
    outcome: int
    withheld: bool
    answer: bytes | None
    answer_index: int | None
    outcome_commitment: bytes | None
    denial: bytes | None
    failure: bytes | None

    @property
    def month(self) -> Month:
        """Of the exchange's time: whose key seals it."""
        return month_at(self.exchange_time)

    @property
    def is_final(self) -> bool:
        """Nothing changes any more."""
        return self.outcome not in UNSETTLED


_PLAIN = (
    "request_id",
    "inquiry_hash",
    "recorded_at",
    "commitment",
    "exchange_time",
    "permit_hash",
    "review_until",
    "outcome_commitment",
)
_ASKED = ("requester", "provider", "inquiry", "query", "permit", "denial")
_ANSWERED = ("outcome", "withheld", "answer", "answer_index", "failure")
_WAITING = {OPEN: 1, pb.OUTCOME_PENDING: 2}

_ROW = [EXCHANGE.c[name] for name in (*_PLAIN, "month", "asked", "answered")]
_FIND = select(*_ROW).where(EXCHANGE.c.request_id == bindparam("request_id"))
_ADD = insert(EXCHANGE)
_SETTLED = ("answered", "waiting", "due_tag", "outcome_commitment")
_SETTLE = (
    update(EXCHANGE)
    .where(EXCHANGE.c.request_id == bindparam("b_request_id"), UNFINISHED)
    .values({name: bindparam(name) for name in _SETTLED})
)
_SHOW = insert(OUTBOX)
_UNSHOW = delete(OUTBOX).where(OUTBOX.c.request_id == bindparam("request_id"))
_DUE = or_(EXCHANGE.c.waiting == _WAITING[OPEN], EXCHANGE.c.review_until <= bindparam("network"))
_DUE_TAGS = select(EXCHANGE.c.due_tag).where(UNFINISHED, _DUE).distinct()
_DUE_OF = (
    select(*_ROW)
    .where(UNFINISHED, _DUE, EXCHANGE.c.due_tag == bindparam("tag"))
    .order_by(EXCHANGE.c.recorded_at)
    .limit(RECONCILED_AT_ONCE)
)


class Exchanges:
    """Reads and writes them, within a connection's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def find(self, connection: Connection, request_id: str) -> Stored | None:
        """The exchange with this id."""
        row = connection.execute(_FIND, {"request_id": request_id}).first()
        return self._opened(row) if row is not None else None

    def add(self, connection: Connection, stored: Stored) -> None:
        """Insert; IntegrityError when the id is taken."""
        values = {name: getattr(stored, name) for name in _PLAIN}
        asked = self._sealed(stored, "asked", _ASKED)
        connection.execute(_ADD, {**values, **self._changing(stored), "month": stored.month, "asked": asked})

    def settle(self, connection: Connection, after: Stored) -> bool:
        """Write what an answer changes; False when the exchange was final already, and nothing was written."""
        values = {"b_request_id": after.request_id, **self._changing(after)}
        values["outcome_commitment"] = after.outcome_commitment
        return connection.execute(_SETTLE, values).rowcount == 1

    def tags_due(self, connection: Connection, network: int) -> list[bytes]:
        """One for each provider (and month) with exchanges that wait for a first word, or whose review is over at network time `network`."""
        return list(connection.execute(_DUE_TAGS, {"network": network}).scalars())

    def due(self, connection: Connection, network: int, tag: bytes) -> list[Stored]:
        """The oldest of these exchanges."""
        return [self._opened(row) for row in connection.execute(_DUE_OF, {"network": network, "tag": tag})]

    def _changing(self, stored: Stored) -> dict[str, object]:
        """What changes with an answer."""
        return {
            "answered": self._sealed(stored, "answered", _ANSWERED),
            "waiting": _WAITING.get(stored.outcome, 0),  # type: ignore[call-overload] # the column holds values of the enum
            "due_tag": None if stored.is_final else self._vault.tag(stored.month, stored.provider),
        }

    def _sealed(self, stored: Stored, part: str, names: tuple[str, ...]) -> bytes:
        packed = packing.pack([getattr(stored, name) for name in names])
        return self._vault.seal(stored.month, packed, _context(stored.request_id, part))

    def _opened(self, row: Row[Any]) -> Stored:
        values = {name: getattr(row, name) for name in _PLAIN}
        for part, names in (("asked", _ASKED), ("answered", _ANSWERED)):
            packed = self._vault.unseal(row.month, getattr(row, part), _context(row.request_id, part))
            values |= zip(names, packing.unpack(packed), strict=True)
        return Stored(**values)


def show(connection: Connection, request_id: str) -> None:
    """Put a final exchange into the outbox for the portal."""
    connection.execute(_SHOW, {"request_id": request_id})


def show_again(connection: Connection, request_id: str) -> None:
    """The same with what came to it since: at a new position, so that a delivery under way does not take it out."""
    connection.execute(_UNSHOW, {"request_id": request_id})
    show(connection, request_id)


def _context(request_id: str, part: str) -> bytes:
    return f"exchange/{part}/{request_id}".encode()
