"""Answers that wait for a clerk (docs/PROTOCOL.md §6).

Ordinary answers wait too, by stated rules that have nothing to do with protection, so that waiting marks nobody:
    1. manual review was ordered for the person (自動応答不可);
    2. a sample of 1 in 40, drawn from the permit id with a key that only the provider has, whether or not the person is known here;
    3. a record that would be provided was corrected less than 7 days ago, as the record itself states it (更正日).
Which rule it was is known to the provider's clerks alone; the answer only says that it waits.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, bindparam, insert, select, update

from warifu.common.v1 import common_pb2
from warifu.exchange import domains
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import records
from warifu.interim.ground import Ground
from warifu.interim.lookup import Found, Person
from warifu.interim.provision_rows import Answered, event_of, seal_one
from warifu.interim.schema import ANSWER_BLOCKS, PROVISIONS, REVIEWS, WAITING
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import OFFICE, PAGE, check_text, malformed

SAMPLE: Final = 40
"""One in so many answers is looked at by a clerk."""
FRESH: Final = timedelta(days=7)
"""Network time after a correction in which a clerk looks."""


class Rule(IntEnum):
    """Why an answer waits."""

    ORDERED = 1
    SAMPLE = 2
    FRESH = 3


_WHY: Final = {
    Rule.ORDERED: common_pb2.LocalizedText(
        ja="この対象者には自動応答不可が設定されています。", en="Manual review is ordered for this person."
    ),
    Rule.SAMPLE: common_pb2.LocalizedText(
        ja="抜き取り確認の対象です（40件に1件）。", en="Drawn for a sample check (1 in 40)."
    ),
    Rule.FRESH: common_pb2.LocalizedText(
        ja="副本が7日以内に訂正されています。", en="The copy was corrected less than 7 days ago."
    ),
}


def sampled(key: bytes, permit_id: str) -> bool:
    """Is this exchange in the provider's sample. Without the provider's key nobody can tell a drawn one from one that waits by another rule."""
    drawn = hmac.digest(key, domains.REVIEW_SAMPLE + permit_id.encode(), sha256)
    return int.from_bytes(drawn[:8], "big") % SAMPLE == 0


def rule_for(key: bytes, permit_id: str, person: Person | None, found: Found, on: date) -> Rule | None:
    """The rule by which an answer waits, if it does. The sample knows no person, so that not waiting marks nobody either."""
    if person is not None and person.manual_review:
        return Rule.ORDERED
    if sampled(key, permit_id):
        return Rule.SAMPLE
    if found.corrected_on is not None and on - found.corrected_on < FRESH:
        return Rule.FRESH
    return None


_COLUMNS: Final[tuple[Column[Any], ...]] = (
    REVIEWS.c.permit_id,
    REVIEWS.c.rule,
    REVIEWS.c.requested_at,
    REVIEWS.c.review_until,
    REVIEWS.c.decision,
    PROVISIONS.c.permit,
    PROVISIONS.c.fields,
    PROVISIONS.c.permit_hash,
    PROVISIONS.c.addressee_no,
    PROVISIONS.c.non_disclosure,
)
_JOINED = REVIEWS.join(PROVISIONS, PROVISIONS.c.permit_id == REVIEWS.c.permit_id)
_LIST = (
    select(*_COLUMNS)
    .select_from(_JOINED)
    .where(WAITING)
    .order_by(REVIEWS.c.requested_at, REVIEWS.c.permit_id)
    .limit(int(PAGE))
)
_ONE = select(*_COLUMNS).select_from(_JOINED).where(REVIEWS.c.permit_id == bindparam("permit_id"))
_OVERDUE = select(*_COLUMNS).select_from(_JOINED).where(WAITING, REVIEWS.c.review_until < bindparam("now"))
_DECIDE = (
    update(REVIEWS)
    .where(REVIEWS.c.permit_id == bindparam("b_permit_id"), WAITING)
    .values(decision=bindparam("decision"), clerk=bindparam("clerk"))
)
_FINISH = (
    update(PROVISIONS)
    .where(PROVISIONS.c.permit_id == bindparam("b_permit_id"))
    .values(
        outcome=bindparam("outcome"),
        fine_outcome=bindparam("fine_outcome"),
        non_disclosure=bindparam("non_disclosure"),
        block=bindparam("block"),
        place=bindparam("place"),
    )
)
_EXPIRE = (
    update(PROVISIONS)
    .where(PROVISIONS.c.permit_id == bindparam("b_permit_id"))
    .values(outcome=exchange_pb2.OUTCOME_EXPIRED)
)
_ADD_BLOCK = insert(ANSWER_BLOCKS).returning(ANSWER_BLOCKS.c.block)
_DECISIONS: Final = frozenset({pb.REVIEW_DECISION_PROVIDE, pb.REVIEW_DECISION_WITHHOLD})
_EXPIRED: Final = 0


@dataclass(frozen=True, slots=True)
class _Decision:
    """A clerk's decision with the answer that follows from it."""

    decision: pb.ReviewDecision.ValueType
    clerk: str
    answered: Answered


class Reviews:
    """The answers of one institution that wait for its clerks."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def list_reviews(self, request: pb.ListReviewsRequest) -> pb.ListReviewsResponse:
        """What waits, oldest first, at most 500.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        self._ground.require(request.institution)
        rows = self._ground.store.read(lambda connection: connection.execute(_LIST).all())
        return pb.ListReviewsResponse(reviews=[_shown(row) for row in rows])

    async def release(self, request: pb.ReleaseReviewRequest) -> pb.ReleaseReviewResponse:
        """Provide what the copy says now, or withhold. The answer becomes final, once.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_MALFORMED, CLIENT_REVIEW_UNKNOWN, CLIENT_REVIEW_CLOSED.
        """
        self._ground.require(request.institution)
        if request.decision not in _DECISIONS:
            raise malformed("decision", "neither provide nor withhold")
        check_text(request.clerk, "clerk", OFFICE)
        row = self._ground.store.read(
            lambda connection: connection.execute(_ONE, {"permit_id": request.permit_id}).first()
        )
        if row is None:
            raise LinkageError(Reason.CLIENT_REVIEW_UNKNOWN)
        if row.decision is not None or self._ground.network() > row.review_until:
            raise LinkageError(Reason.CLIENT_REVIEW_CLOSED)
        answered = await seal_one(self._ground, row, withhold=request.decision == pb.REVIEW_DECISION_WITHHOLD)
        decision = _Decision(request.decision, request.clerk, answered)
        await self._ground.store.write(lambda connection: self._decide(connection, row, decision))
        return pb.ReleaseReviewResponse()

    async def expire(self) -> int:
        """Close the reviews whose time is over, with their records; how many."""
        now = self._ground.network()
        rows = self._ground.store.read(lambda connection: connection.execute(_OVERDUE, {"now": now}).all())
        if rows:
            await self._ground.store.write(lambda connection: self._expire(connection, rows))
        return len(rows)

    def _decide(self, connection: Connection, row: Row[Any], decision: _Decision) -> None:
        """Runs in the store's transaction: decision, final answer and record, all or nothing."""
        decided = {"b_permit_id": row.permit_id, "decision": decision.decision, "clerk": decision.clerk}
        if connection.execute(_DECIDE, decided).rowcount == 0:
            raise LinkageError(Reason.CLIENT_REVIEW_CLOSED)
        answered = decision.answered
        block = connection.execute(_ADD_BLOCK, {"sealed": answered.sealed}).scalar_one()
        finished = {
            "b_permit_id": row.permit_id,
            "outcome": exchange_pb2.OUTCOME_ANSWERED,
            "fine_outcome": answered.fine,
            "non_disclosure": answered.non_disclosure,
            "block": block,
            "place": 0,
        }
        connection.execute(_FINISH, finished)
        records.add(connection, answered.records)
        what = "withhold" if decision.decision == pb.REVIEW_DECISION_WITHHOLD else "provide"
        self._ground.note(connection, what, addressee_no=row.addressee_no, clerk=decision.clerk)

    def _expire(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        for row in rows:
            decided = {"b_permit_id": row.permit_id, "decision": _EXPIRED, "clerk": None}
            if connection.execute(_DECIDE, decided).rowcount == 0:
                continue
            connection.execute(_EXPIRE, {"b_permit_id": row.permit_id})
            event = event_of(row)
            entry = event.outcome(
                exchange_pb2.OUTCOME_EXPIRED,
                None,
                None,
                Reason.GATEWAY_EXPIRED,
                non_disclosure=row.non_disclosure,
            )
            records.add(connection, event.rows([entry]))


def _shown(row: Row[Any]) -> pb.Review:
    permit = exchange_pb2.Permit.FromString(row.permit)
    header = exchange_pb2.RequestHeader.FromString(permit.header)
    return pb.Review(
        permit_id=row.permit_id,
        addressee_no=row.addressee_no,
        requester=header.requester,
        procedure=header.procedure,
        item=header.item,
        why=_WHY[Rule(row.rule)],
        requested_at=timestamp(row.requested_at),
        review_until=timestamp(row.review_until),
    )
