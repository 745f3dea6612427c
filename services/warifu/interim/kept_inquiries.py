"""Own inquiries as they are kept: one row each, changed only until it is final; what was asked and answered lies sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Integer, Row, bindparam, insert, select, update

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.contents import Contents
from warifu.interim.schema import INQUIRIES, UNFINISHED
from warifu.kernel.months import Month
from warifu.linkage.v1 import linkage_pb2

UNSETTLED: Final = frozenset({exchange_pb2.OUTCOME_UNSPECIFIED, exchange_pb2.OUTCOME_PENDING})
"""Outcomes that may still change."""
SENT, PENDING = 1, 2
"""What an inquiry waits for: a first word of the gateway's, or a clerk at the provider's."""
_WAITING: Final = {exchange_pb2.OUTCOME_UNSPECIFIED: SENT, exchange_pb2.OUTCOME_PENDING: PENDING}


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One inquiry, opened."""

    request_id: str
    month: Month
    """Of the exchange's time; of the own clock until the gateway's is known."""
    made_at: int
    """Machine milliseconds."""
    request: bytes
    """interim.v1.InquireRequest as the business system made it."""
    sent: bytes
    """linkage.v1.InquireRequest: these bytes are sent, again and again."""
    outcome: exchange_pb2.Outcome.ValueType = exchange_pb2.OUTCOME_UNSPECIFIED
    """0 until the gateway answered."""
    fine_outcome: exchange_pb2.FineOutcome.ValueType = exchange_pb2.FINE_OUTCOME_UNSPECIFIED
    state: bytes | None = None
    """linkage.v1.ExchangeState as received last."""
    answer: bytes | None = None
    """exchange.v1.Answer as opened; gone, with the sealed one in `state`, from where answers are kept briefly (`Contents.days`)."""
    failure: bytes | None = None
    """common.v1.Failure."""
    requested_at: int | None = None
    """Network milliseconds, as the two below."""
    answered_at: int | None = None
    review_until: int | None = None
    position: int = 0
    """In the order of storing; 0 before that."""


_PLAIN = ("request_id", "month", "made_at", "requested_at", "answered_at", "review_until")
_ASKED = ("request", "sent")
_ANSWERED = ("outcome", "fine_outcome", "state", "answer", "failure")
_FIND = select(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("request_id"))
_BEFORE = (
    select(INQUIRIES)
    .where(INQUIRIES.c.position < bindparam("before"), INQUIRIES.c.month >= bindparam("first"))
    .order_by(INQUIRIES.c.position.desc())
    .limit(bindparam("limit", type_=Integer()))
)
_ADD = insert(INQUIRIES)
_OPEN = update(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("b_request_id"), UNFINISHED)
_CHANGING = ("requested_at", "answered_at", "review_until", "waiting", "answered")
_SETTLE = _OPEN.values({name: bindparam(name) for name in _CHANGING})
_MOVE = _OPEN.values({name: bindparam(name) for name in (*_CHANGING, "month", "asked")})


def find(connection: Connection, contents: Contents, request_id: str) -> Inquiry | None:
    """The inquiry with this id; None as well when its term is over and its row about to go."""
    row = connection.execute(_FIND, {"request_id": request_id}).first()
    return opened(contents, row) if row is not None and row.month >= contents.vault.first else None


def newest(connection: Connection, contents: Contents, before: int, limit: int) -> list[Inquiry]:
    """The inquiries before a position, newest first."""
    values = {"before": before, "first": contents.vault.first, "limit": limit}
    return [opened(contents, row) for row in connection.execute(_BEFORE, values)]


def row_of(contents: Contents, inquiry: Inquiry) -> dict[str, object]:
    """The row to add; made before the transaction, since sealing needs none."""
    plain = {name: getattr(inquiry, name) for name in _PLAIN}
    asked = _sealed(contents, inquiry, "asked", _ASKED)
    return {**plain, **_answered(contents, inquiry), "asked": asked}


def add(connection: Connection, row: dict[str, object]) -> None:
    """Add a row made by `row_of`; IntegrityError when the id is taken."""
    connection.execute(_ADD, row)


def settle(connection: Connection, contents: Contents, before: Inquiry, after: Inquiry) -> bool:
    """Write what an answer changes; False when the inquiry was final already, and nothing was written."""
    values = {name: getattr(after, name) for name in ("requested_at", "answered_at", "review_until")}
    values |= {"b_request_id": after.request_id, **_answered(contents, after)}
    if after.month == before.month:
        return connection.execute(_SETTLE, values).rowcount == 1
    values |= {"month": after.month, "asked": _sealed(contents, after, "asked", _ASKED)}
    return connection.execute(_MOVE, values).rowcount == 1


def opened(contents: Contents, row: Row[Any]) -> Inquiry:
    """The inquiry in a row.

    Raises:
        ErasedError: its term is over.
    """
    values = {name: getattr(row, name) for name in _PLAIN}
    for part, names in (("asked", _ASKED), ("answered", _ANSWERED)):
        found = contents.open(row.month, _name(row.request_id, part), getattr(row, part))
        values |= zip(names, found, strict=True)
    return _with_answer(contents, Inquiry(**values, position=row.position))


def _answered(contents: Contents, inquiry: Inquiry) -> dict[str, object]:
    sealed = _sealed(contents, _without_answer(contents, inquiry), "answered", _ANSWERED)
    return {"answered": sealed, "waiting": _WAITING.get(inquiry.outcome, 0)}


def _sealed(contents: Contents, inquiry: Inquiry, part: str, names: Sequence[str]) -> bytes:
    name = _name(inquiry.request_id, part)
    return contents.seal(inquiry.month, name, [getattr(inquiry, field) for field in names])


def _without_answer(contents: Contents, inquiry: Inquiry) -> Inquiry:
    """With both forms of a final answer, opened and as it came, under the key of its day, where there are keys of days."""
    if contents.days is None or inquiry.answered_at is None or inquiry.answer is None or inquiry.state is None:
        return inquiry
    state = linkage_pb2.ExchangeState.FromString(inquiry.state)
    both = [inquiry.answer, state.answer.SerializeToString()]
    state.ClearField("answer")
    shut = contents.shut(inquiry.answered_at, _name(inquiry.request_id, "answer"), both)
    return replace(inquiry, state=state.SerializeToString(), answer=shut)


def _with_answer(contents: Contents, inquiry: Inquiry) -> Inquiry:
    """The inquiry with what `_without_answer` took away, as long as that day's key is there."""
    if contents.days is None or inquiry.answered_at is None or inquiry.answer is None or inquiry.state is None:
        return inquiry
    both = contents.shown(_name(inquiry.request_id, "answer"), inquiry.answer)
    if both is None:
        return replace(inquiry, answer=None)
    state = linkage_pb2.ExchangeState.FromString(inquiry.state)
    state.answer.ParseFromString(both[1])
    return replace(inquiry, state=state.SerializeToString(), answer=both[0])


def _name(request_id: str, part: str) -> str:
    return f"inquiry/{part}/{request_id}"
