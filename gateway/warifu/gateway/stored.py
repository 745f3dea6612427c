"""An exchange as the store keeps it, and the few statements on it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.schema import EXCHANGE, OUTBOX

OPEN = pb.OUTCOME_UNSPECIFIED
"""Recorded, and the provider has said nothing yet."""
UNSETTLED = (OPEN, pb.OUTCOME_PENDING)
RECONCILED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `exchange`; see the schema."""

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
    def is_final(self) -> bool:
        """Nothing changes any more."""
        return self.outcome not in UNSETTLED


_COLUMNS = [EXCHANGE.c[field.name] for field in fields(Stored)]
_FIND = select(*_COLUMNS).where(EXCHANGE.c.request_id == bindparam("request_id"))
_ADD = insert(EXCHANGE)
_SETTLED = ("outcome", "withheld", "answer", "answer_index", "outcome_commitment", "failure")
_SETTLE = (
    update(EXCHANGE)
    .where(EXCHANGE.c.request_id == bindparam("b_request_id"), EXCHANGE.c.outcome.in_(UNSETTLED))
    .values({name: bindparam(name) for name in _SETTLED})
)
_SHOW = insert(OUTBOX)
_DUE = or_(EXCHANGE.c.outcome == OPEN, EXCHANGE.c.review_until <= bindparam("network"))
_DUE_PROVIDERS = select(EXCHANGE.c.provider).where(EXCHANGE.c.outcome.in_(UNSETTLED), _DUE).distinct()
_DUE_OF = (
    select(*_COLUMNS)
    .where(EXCHANGE.c.outcome.in_(UNSETTLED), _DUE, EXCHANGE.c.provider == bindparam("provider"))
    .order_by(EXCHANGE.c.recorded_at)
    .limit(RECONCILED_AT_ONCE)
)


def find(connection: Connection, request_id: str) -> Stored | None:
    """The exchange with this id."""
    row = connection.execute(_FIND, {"request_id": request_id}).first()
    return Stored(*row) if row is not None else None


def add(connection: Connection, stored: Stored) -> None:
    """Insert; IntegrityError when the id is taken."""
    connection.execute(_ADD, {field.name: getattr(stored, field.name) for field in fields(Stored)})


def settle(connection: Connection, after: Stored) -> bool:
    """Write what an answer changes; False when the exchange was final already, and nothing was written."""
    values = {name: getattr(after, name) for name in _SETTLED}
    return connection.execute(_SETTLE, {"b_request_id": after.request_id, **values}).rowcount == 1


def show(connection: Connection, request_id: str) -> None:
    """Put a final exchange into the outbox for the portal."""
    connection.execute(_SHOW, {"request_id": request_id})


def providers_due(connection: Connection, network: int) -> list[str]:
    """Providers with exchanges that wait for a first word, or whose review period is over at network time `network`."""
    return list(connection.execute(_DUE_PROVIDERS, {"network": network}).scalars())


def due(connection: Connection, network: int, provider: str) -> list[Stored]:
    """The oldest of these exchanges of one provider."""
    return [Stored(*row) for row in connection.execute(_DUE_OF, {"network": network, "provider": provider})]
