"""Answers that wait or waited for a clerk, as they are kept: why they wait, who decided and what lies sealed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.interim import kept_provisions
from warifu.interim.contents import Contents
from warifu.interim.kept_provisions import Provided
from warifu.interim.schema import PROVISIONS, REVIEWS, WAITING
from warifu.kernel.limits import PAGE
from warifu.kernel.months import Month

EXPIRED: Final = 0
"""Decision of a review that nobody decided in time."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review, opened."""

    permit_id: str
    month: Month
    requested_at: int
    """Network milliseconds."""
    review_until: int
    """Network milliseconds."""
    rule: int
    """review.Rule."""
    decision: int | None = None
    """interim.v1.ReviewDecision; `EXPIRED` when time ran out; None while it waits."""
    clerk: str | None = None
    decided_at: int | None = None
    """Network milliseconds."""
    decision_id: str | None = None
    """By which the counter knows its decision."""


_OF_REVIEW = [
    REVIEWS.c.permit_id,
    REVIEWS.c.month,
    REVIEWS.c.requested_at,
    REVIEWS.c.review_until,
    REVIEWS.c.sealed,
    REVIEWS.c.waiting,
]
_OF_PROVISION = [PROVISIONS.c[name] for name in ("permit_hash", "block", "place", "asked", "answered")]
_BOTH = (
    select(*_OF_REVIEW, *_OF_PROVISION)
    .select_from(REVIEWS.join(PROVISIONS, PROVISIONS.c.permit_id == REVIEWS.c.permit_id))
    .where(REVIEWS.c.month >= bindparam("first"))
)
_LIST = _BOTH.where(WAITING).order_by(REVIEWS.c.requested_at, REVIEWS.c.permit_id).limit(int(PAGE))
_ONE = _BOTH.where(REVIEWS.c.permit_id == bindparam("permit_id"))
_OVERDUE = _BOTH.where(WAITING, REVIEWS.c.review_until < bindparam("now"))
_ADD = insert(REVIEWS)
_DECIDE = (
    update(REVIEWS)
    .where(REVIEWS.c.permit_id == bindparam("b_permit_id"), WAITING)
    .values(waiting=False, sealed=bindparam("sealed"))
)

Pair = tuple[Review, Provided]


def waiting(connection: Connection, contents: Contents) -> list[Pair]:
    """What waits, oldest first, at most a page."""
    return _pairs(connection, contents, _LIST)


def overdue(connection: Connection, contents: Contents, now: int) -> list[Pair]:
    """What waits although its time was over before network milliseconds `now`."""
    return _pairs(connection, contents, _OVERDUE, now=now)


def find(connection: Connection, contents: Contents, permit_id: str) -> Pair | None:
    """The review of a permit."""
    return next(iter(_pairs(connection, contents, _ONE, permit_id=permit_id)), None)


def row_of(contents: Contents, review: Review) -> dict[str, object]:
    """The row to add; made before the transaction, since sealing needs none."""
    names = ("permit_id", "month", "requested_at", "review_until")
    plain = {name: getattr(review, name) for name in names}
    return {**plain, "waiting": review.decision is None, "sealed": _sealed(contents, review)}


def add(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Add rows made by `row_of`."""
    if rows:
        connection.execute(_ADD, rows)


def decide(
    connection: Connection,
    contents: Contents,
    review: Review,
    decision: int,
    clerk: str | None,
    at: int,
    decision_id: str | None = None,
) -> bool:
    """Write the decision down, at network milliseconds `at`; False when it was decided meanwhile, and nothing was written."""
    decided = replace(review, decision=decision, clerk=clerk, decided_at=at, decision_id=decision_id)
    values = {"b_permit_id": review.permit_id, "sealed": _sealed(contents, decided)}
    return connection.execute(_DECIDE, values).rowcount == 1


def opened(contents: Contents, row: Row[Any]) -> Review:
    """The review in a row.

    Raises:
        ErasedError: its term is over.
    """
    found = contents.open(row.month, _name(row.permit_id), row.sealed)
    return Review(row.permit_id, row.month, row.requested_at, row.review_until, *found)


def _pairs(connection: Connection, contents: Contents, statement: Any, **values: object) -> list[Pair]:
    rows = connection.execute(statement, {"first": contents.vault.first, **values}).all()
    return [(opened(contents, row), kept_provisions.opened(contents, row)) for row in rows]


def _sealed(contents: Contents, review: Review) -> bytes:
    values = [review.rule, review.decision, review.clerk, review.decided_at, review.decision_id]
    return contents.seal(review.month, _name(review.permit_id), values)


def _name(permit_id: str) -> str:
    return f"review/{permit_id}"
