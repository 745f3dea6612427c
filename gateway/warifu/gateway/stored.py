"""Exchanges as they are kept: one row each, changed only until it is final, its contents sealed under the key of its month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.blocks import Blocks
from warifu.gateway.schema import EXCHANGE, OUTBOX, UNFINISHED
from warifu.kernel import packing
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.months import Month, month_at
from warifu.kernel.packing import Value
from warifu.kernel.vault import Vault

OPEN = pb.OUTCOME_UNSPECIFIED
"""Recorded, and the provider has said nothing yet."""
UNSETTLED = (OPEN, pb.OUTCOME_PENDING)
RECONCILED_AT_ONCE = 100


class Stored(NamedTuple):
    """An exchange, opened. Times are milliseconds: `…_at` machine clock, the others network clock."""

    request_id: str
    requester: str
    provider: str
    inquiry_hash: bytes
    inquiry: bytes
    query: bytes
    """The block that holds its query, as received: one object for all exchanges of a batch."""
    recorded_at: int
    commitment: bytes
    exchange_time: int
    permit: bytes | None
    permit_hash: bytes | None
    review_until: int | None
    outcome: int
    withheld: bool
    answer: bytes | None
    """The block that holds its answer, as received: one object for all exchanges of a batch."""
    answer_index: int | None
    outcome_commitment: bytes | None
    denial: bytes | None
    failure: bytes | None
    requested: pb.AccessRecord | None = None
    """The request record, where it is still at hand: not stored here, and never changed."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the inquiry: sameness."""
        return self.inquiry_hash

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
_ASKED = ("requester", "provider", "inquiry", "permit", "denial")
_ANSWERED = ("outcome", "withheld", "answer_index", "failure")
_of_plain = attrgetter(*_PLAIN[:-1])
_of_asked, _of_answered = attrgetter(*_ASKED), attrgetter(*_ANSWERED)
_WAITING = {OPEN: 1, pb.OUTCOME_PENDING: 2}
_SETTLED = ("answered", "waiting", "due_tag", "outcome_commitment", "answer_block")
_SETTLING = ("b_request_id", *_SETTLED)

_ROW = [EXCHANGE.c[name] for name in (*_PLAIN, "month", "asked", "answered", "query_block", "answer_block")]
_FIND = select(*_ROW).where(EXCHANGE.c.request_id.in_(bindparam("ids", expanding=True)))
_FIND_ONE = select(*_ROW).where(EXCHANGE.c.request_id == bindparam("request_id"))
_STANDING = select(EXCHANGE.c.request_id, EXCHANGE.c.month, EXCHANGE.c.waiting, EXCHANGE.c.answered).where(
    EXCHANGE.c.request_id.in_(bindparam("ids", expanding=True)), UNFINISHED
)
_ADD = Bulk(
    EXCHANGE, *(name for name in _PLAIN if name != "outcome_commitment"), "month", "asked", "query_block", *_SETTLED
)
_SETTLE = (
    update(EXCHANGE)
    .where(EXCHANGE.c.request_id == bindparam("b_request_id"))
    .values({name: bindparam(name) for name in _SETTLED})
)
_SHOW = Bulk(OUTBOX, "request_id")
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
        self._blocks = Blocks(vault)

    def find(self, connection: Connection, request_id: str) -> Stored | None:
        """The exchange with this id.

        Raises:
            ErasedError: its term is over.
        """
        found = self._opened(connection, connection.execute(_FIND_ONE, {"request_id": request_id}).all())
        return found[0] if found else None

    def find_all(self, connection: Connection, ids: Sequence[str]) -> Mapping[str, Stored]:
        """The exchanges that there are of these ids, by id. Raises as `find`."""
        if len(ids) == 1:  # the driver's own placeholder: an expanded list costs several times as much
            found = self.find(connection, ids[0])
            return {found.request_id: found} if found is not None else {}
        rows = connection.execute(_FIND, {"ids": padded(ids)}).all()
        return {one.request_id: one for one in self._opened(connection, rows)}

    def add(self, connection: Connection, exchanges: Sequence[Stored]) -> None:
        """Insert, each block once; IntegrityError when one of the ids is taken."""
        held = self._blocks.add(
            connection,
            [(block, one.month) for one in exchanges for block in (one.query, one.answer) if block is not None],
        )
        _ADD.add(connection, [self._row(one, held) for one in exchanges])

    def standing(self, connection: Connection, believed: Sequence[Stored]) -> Mapping[str, bool]:
        """Which of these are not final yet, and whether they are withheld by now; `believed` is what is known of them so far.

        Another replica may have heard of a wish to withhold since. It has not while an exchange is as open as it was believed to be.
        """
        known = {one.request_id: one for one in believed}
        rows = connection.execute(_STANDING, {"ids": padded(list(known))})
        return {row.request_id: self._withheld(row, known[row.request_id]) for row in rows}

    def settle(self, connection: Connection, after: Sequence[Stored]) -> None:
        """Write what answers change of exchanges that are not final; each answer block once."""
        if not after:
            return
        answers = [(one.answer, one.month) for one in after if one.answer is not None]
        held = self._blocks.add(connection, answers)
        changes = [(one.request_id, *self._changing(one, one.month, held)) for one in after]
        connection.execute(_SETTLE, [dict(zip(_SETTLING, change, strict=True)) for change in changes])

    def tags_due(self, connection: Connection, network: int) -> list[bytes]:
        """One for each provider (and month) with exchanges that wait for a first word, or whose review is over at network time `network`."""
        return list(connection.execute(_DUE_TAGS, {"network": network}).scalars())

    def due(self, connection: Connection, network: int, tag: bytes) -> list[Stored]:
        """The oldest of these exchanges."""
        return self._opened(connection, connection.execute(_DUE_OF, {"network": network, "tag": tag}).all())

    def asked(self, row: Any) -> Mapping[str, Any]:
        """What was asked, by name, of a row with request_id, month and asked.

        Raises:
            ErasedError: its term is over.
        """
        packed = self._vault.unseal(row.month, row.asked, _context(row.request_id, "asked"))
        return dict(zip(_ASKED, packing.unpack(packed), strict=True))

    def _row(self, stored: Stored, held: Mapping[bytes, int]) -> tuple[Any, ...]:
        month = stored.month
        asked = self._sealed(month, stored.request_id, "asked", _of_asked(stored))
        return (*_of_plain(stored), month, asked, held[stored.query], *self._changing(stored, month, held))

    def _changing(self, stored: Stored, month: Month, held: Mapping[bytes, int]) -> tuple[Any, ...]:
        """What changes with an answer, in the order of `_SETTLED`."""
        return (
            self._sealed(month, stored.request_id, "answered", _of_answered(stored)),
            _WAITING.get(stored.outcome, 0),  # type: ignore[call-overload] # the column holds values of the enum
            None if stored.is_final else self._vault.tag(month, stored.provider),
            stored.outcome_commitment,
            held[stored.answer] if stored.answer is not None else None,
        )

    def _sealed(self, month: Month, request_id: str, part: str, values: Sequence[Value]) -> bytes:
        return self._vault.seal(month, packing.pack(values), _context(request_id, part))

    def _answered(self, row: Any) -> Mapping[str, Any]:
        packed = self._vault.unseal(row.month, row.answered, _context(row.request_id, "answered"))
        return dict(zip(_ANSWERED, packing.unpack(packed), strict=True))

    def _withheld(self, row: Any, believed: Stored) -> bool:
        if believed.outcome == OPEN and row.waiting == _WAITING[OPEN]:
            return believed.withheld
        return bool(self._answered(row)["withheld"])

    def _opened(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[Stored]:
        numbers = {number for row in rows for number in (row.query_block, row.answer_block) if number is not None}
        blocks = self._blocks.find(connection, sorted(numbers))
        return [
            Stored(
                **{name: getattr(row, name) for name in _PLAIN},
                **self.asked(row),
                **self._answered(row),
                query=blocks[row.query_block],
                answer=blocks[row.answer_block] if row.answer_block is not None else None,
            )
            for row in rows
        ]


def show(connection: Connection, request_ids: Iterable[str]) -> None:
    """Put final exchanges into the outbox for the portal."""
    _SHOW.add(connection, [(request_id,) for request_id in request_ids])


def show_again(connection: Connection, request_id: str) -> None:
    """The same with what came to it since: at a new position, so that a delivery under way does not take it out."""
    connection.execute(_UNSHOW, {"request_id": request_id})
    show(connection, [request_id])


def _context(request_id: str, part: str) -> bytes:
    return f"exchange/{part}/{request_id}".encode()
