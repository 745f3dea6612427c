"""Own inquiries as they are kept: one row each, changed only until it is final; what was asked and answered lies sealed.

The sealed blocks that travelled lie beside them (`warifu.interim.kept_blocks`), since many inquiries may share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Integer, Row, bindparam, select, update

from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_blocks
from warifu.interim.contents import Contents
from warifu.interim.schema import INQUIRIES, UNFINISHED
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.months import Month
from warifu.kernel.packing import Value

UNSETTLED: Final = frozenset({exchange_pb2.OUTCOME_UNSPECIFIED, exchange_pb2.OUTCOME_PENDING})
"""Outcomes that may still change."""
SENT, PENDING = 1, 2
"""What an inquiry waits for: a first word of the gateway's, or a clerk at the provider's."""
_WAITING: Final = {exchange_pb2.OUTCOME_UNSPECIFIED: SENT, exchange_pb2.OUTCOME_PENDING: PENDING}


class Inquiry(NamedTuple):
    """One inquiry, opened."""

    request_id: str
    month: Month
    """Of the exchange's time; of the own clock until the gateway's is known."""
    made_at: int
    """Machine milliseconds."""
    request: bytes
    """interim.v1.InquireRequest as the business system made it."""
    inquiry: bytes
    """exchange.v1.Inquiry: these bytes are sent, again and again."""
    outcome: exchange_pb2.Outcome.ValueType = exchange_pb2.OUTCOME_UNSPECIFIED
    """0 until the gateway answered."""
    fine_outcome: exchange_pb2.FineOutcome.ValueType = exchange_pb2.FINE_OUTCOME_UNSPECIFIED
    state: bytes | None = None
    """linkage.v1.ExchangeState as received last, without its answer block."""
    answer: bytes | None = None
    """exchange.v1.Answer as opened; gone, with the sealed one, from where answers are kept briefly (`Contents.days`)."""
    failure: bytes | None = None
    """common.v1.Failure."""
    requested_at: int | None = None
    """Network milliseconds, as the two below."""
    answered_at: int | None = None
    review_until: int | None = None
    query_block: int = 0
    """Number of the block that its query is in; 0 before that is stored."""
    answer_block: int | None = None
    """Number of the block that its answer is in."""
    position: int = 0
    """In the order of storing; 0 before that."""


class Change(NamedTuple):
    """What an answer makes of an inquiry."""

    before: Inquiry
    after: Inquiry
    block: bytes | None = None
    """SealedAnswer as it came, when it has one; the same object for all that share it."""


_PLAIN = (
    "request_id",
    "month",
    "made_at",
    "requested_at",
    "answered_at",
    "review_until",
    "query_block",
    "answer_block",
)
_of_plain = attrgetter(*_PLAIN)
_of_asked = attrgetter("request", "inquiry")
_of_answered = attrgetter("outcome", "fine_outcome", "state", "answer", "failure")
_FIND = select(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("request_id"))
_FIND_ALL = select(INQUIRIES).where(INQUIRIES.c.request_id.in_(bindparam("ids", expanding=True)))
_BEFORE = (
    select(INQUIRIES)
    .where(INQUIRIES.c.position < bindparam("before"), INQUIRIES.c.month >= bindparam("first"))
    .order_by(INQUIRIES.c.position.desc())
    .limit(bindparam("limit", type_=Integer()))
)
_COLUMNS: Final = tuple(column.name for column in INQUIRIES.columns if column.name != "position")
_ADD: Final = Bulk(INQUIRIES, *_COLUMNS)
_VALUES: Final = itemgetter(*_COLUMNS)
_OPEN = select(INQUIRIES.c.request_id).where(INQUIRIES.c.request_id.in_(bindparam("ids", expanding=True)), UNFINISHED)
_ONE = update(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("b_request_id"))
_CHANGING = ("requested_at", "answered_at", "review_until", "answer_block", "waiting", "answered")
_SETTLE = _ONE.values({name: bindparam(name) for name in _CHANGING})
_MOVE = _ONE.values({name: bindparam(name) for name in (*_CHANGING, "month", "asked")})


def find(connection: Connection, contents: Contents, request_id: str) -> Inquiry | None:
    """The inquiry with this id; None as well when its term is over and its row about to go."""
    row = connection.execute(_FIND, {"request_id": request_id}).first()
    return opened(contents, row) if row is not None and row.month >= contents.vault.first else None


def find_all(connection: Connection, contents: Contents, ids: Iterable[str]) -> dict[str, Inquiry]:
    """The inquiries with these ids, by id, as `find`."""
    rows = connection.execute(_FIND_ALL, {"ids": padded(list(ids))})
    return {row.request_id: opened(contents, row) for row in rows if row.month >= contents.vault.first}


def newest(connection: Connection, contents: Contents, before: int, limit: int) -> list[Inquiry]:
    """The inquiries before a position, newest first."""
    values = {"before": before, "first": contents.vault.first, "limit": limit}
    return [opened(contents, row) for row in connection.execute(_BEFORE, values)]


class Request(NamedTuple):
    """What was asked, alone."""

    request_id: str
    position: int
    requested_at: int | None
    request: bytes
    """interim.v1.InquireRequest."""


def newest_requests(connection: Connection, contents: Contents, before: int, limit: int) -> list[Request]:
    """As `newest`, of each inquiry what was asked; what became of it is not opened."""
    values = {"before": before, "first": contents.vault.first, "limit": limit}
    return [
        Request(row.request_id, row.position, row.requested_at, _opened_asked(contents, row)[0])
        for row in connection.execute(_BEFORE, values)
    ]


def row_of(contents: Contents, inquiry: Inquiry) -> dict[str, object]:
    """The row to add; made before the transaction, since sealing needs none."""
    plain = dict(zip(_PLAIN, _of_plain(inquiry), strict=True))
    return {**plain, **_answered(contents, inquiry), "asked": _sealed(contents, inquiry, "asked", _of_asked)}


def add(connection: Connection, block: dict[str, object], rows: Sequence[dict[str, object]]) -> int:
    """Add a query block and the inquiries in it, made by `row_of`; the block's number. IntegrityError when an id is taken."""
    number = kept_blocks.add(connection, block)
    _ADD.add(connection, [_VALUES({**row, "query_block": number}) for row in rows])
    return number


class Settling:
    """Writes what answers change. Made before the transaction, since sealing needs none."""

    def __init__(self, contents: Contents, changes: Sequence[Change]) -> None:
        self._contents, self._changes = contents, {change.after.request_id: change for change in changes}
        self._values = {request_id: self._values_of(change) for request_id, change in self._changes.items()}
        self._blocks = self._rows(change for change in changes if change.block is not None)

    def write(self, connection: Connection) -> set[str]:
        """Write; the ids of those that were written. One that was final already stays as it is."""
        open_ids = set(connection.execute(_OPEN, {"ids": padded(list(self._changes))}).scalars())
        numbers: dict[bytes, int] = {}
        settled = []
        for request_id in sorted(open_ids):
            change, values = self._changes[request_id], self._values[request_id]
            if change.block is not None:
                if change.block not in numbers:
                    numbers[change.block] = kept_blocks.add(connection, self._blocks[change.block])
                values = {**values, "answer_block": numbers[change.block]}
            if change.after.month == change.before.month:
                settled.append(values)
            else:
                self._move(connection, change, values)
        if settled:
            connection.execute(_SETTLE, settled)
        return open_ids

    def _move(self, connection: Connection, change: Change, values: dict[str, object]) -> None:
        """The gateway's time is in another month than the own clock was."""
        after = change.after
        kept_blocks.keep_until(connection, self._contents, change.before.query_block, after.month)
        asked = _sealed(self._contents, after, "asked", _of_asked)
        connection.execute(_MOVE, {**values, "month": after.month, "asked": asked})

    def _values_of(self, change: Change) -> dict[str, object]:
        after = change.after
        return {
            "requested_at": after.requested_at,
            "answered_at": after.answered_at,
            "review_until": after.review_until,
            "answer_block": after.answer_block,
            "b_request_id": after.request_id,
            **_answered(self._contents, after),
        }

    def _rows(self, changes: Iterable[Change]) -> dict[bytes, dict[str, object]]:
        """Rows of the answer blocks, each under the key of the youngest exchange that it answers."""
        latest: dict[bytes, Inquiry] = {}
        for change in changes:
            assert change.block is not None
            known = latest.get(change.block)
            if known is None or change.after.month > known.month:
                latest[change.block] = change.after
        return {
            block: kept_blocks.row_of(self._contents, one.month, _shut(self._contents, one, block))
            for block, one in latest.items()
        }


def answer_block(contents: Contents, inquiry: Inquiry, kept: bytes | None) -> bytes | None:
    """The SealedAnswer of an inquiry out of its block as `kept_blocks.find` gives it; None when it has none, or none any more."""
    if kept is None or not _is_brief(contents, inquiry):
        return kept
    shown = contents.shown(_BLOCK, kept)
    return shown[0] if shown is not None else None


def opened(contents: Contents, row: Row[Any]) -> Inquiry:
    """The inquiry in a row.

    Raises:
        ErasedError: its term is over.
    """
    request, sent = _opened_asked(contents, row)
    outcome, fine_outcome, state, answer, failure = _opened_answer(contents, row)
    inquiry = Inquiry(
        request_id=row.request_id,
        month=row.month,
        made_at=row.made_at,
        request=request,
        inquiry=sent,
        outcome=outcome,
        fine_outcome=fine_outcome,
        state=state,
        answer=answer,
        failure=failure,
        requested_at=row.requested_at,
        answered_at=row.answered_at,
        review_until=row.review_until,
        query_block=row.query_block,
        answer_block=row.answer_block,
        position=row.position,
    )
    if inquiry.answer is None or not _is_brief(contents, inquiry):
        return inquiry
    shown = contents.shown(_name(inquiry.request_id, "answer"), inquiry.answer)
    return inquiry._replace(answer=shown[0] if shown is not None else None)


def _opened_asked(contents: Contents, row: Row[Any]) -> list[Any]:
    return contents.open(row.month, _name(row.request_id, "asked"), row.asked)


def _opened_answer(contents: Contents, row: Row[Any]) -> list[Any]:
    return contents.open(row.month, _name(row.request_id, "answered"), row.answered)


def states(connection: Connection, contents: Contents, ids: Iterable[str]) -> dict[str, bytes | None]:
    """What the gateway said last of the inquiries with these ids (`Inquiry.state`), by id; nothing else of them is opened."""
    rows = connection.execute(_FIND_ALL, {"ids": padded(list(ids))})
    return {row.request_id: _opened_answer(contents, row)[2] for row in rows if row.month >= contents.vault.first}


def _answered(contents: Contents, inquiry: Inquiry) -> dict[str, object]:
    if inquiry.answer is not None and _is_brief(contents, inquiry):
        assert inquiry.answered_at is not None
        name = _name(inquiry.request_id, "answer")
        inquiry = inquiry._replace(answer=contents.shut(inquiry.answered_at, name, [inquiry.answer]))
    sealed = _sealed(contents, inquiry, "answered", _of_answered)
    return {"answered": sealed, "waiting": _WAITING.get(inquiry.outcome, 0)}


def _sealed(contents: Contents, inquiry: Inquiry, part: str, of: Callable[[Inquiry], tuple[Value, ...]]) -> bytes:
    return contents.seal(inquiry.month, _name(inquiry.request_id, part), of(inquiry))


def _shut(contents: Contents, inquiry: Inquiry, block: bytes) -> bytes:
    """An answer block under the key of the day on which it came, where there are keys of days."""
    if not _is_brief(contents, inquiry):
        return block
    assert inquiry.answered_at is not None
    return contents.shut(inquiry.answered_at, _BLOCK, [block])


def _is_brief(contents: Contents, inquiry: Inquiry) -> bool:
    """Both forms of a final answer, opened and as it came, lie under the key of its day, where there are keys of days."""
    return contents.days is not None and inquiry.answered_at is not None


_BLOCK: Final = "answer-block"


def _name(request_id: str, part: str) -> str:
    return f"inquiry/{part}/{request_id}"
