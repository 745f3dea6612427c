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
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import IntEnum
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from warifu.common.v1 import common_pb2
from warifu.exchange import domains
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_provisions, kept_reviews, records
from warifu.interim.ground import Ground
from warifu.interim.kept_provisions import Provided, Told
from warifu.interim.kept_reviews import Review
from warifu.interim.lookup import Found, Person
from warifu.interim.provision_rows import Answered, event_of, seal_one
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import ID, OFFICE, check_text, malformed

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


_DECISIONS: Final = frozenset({pb.REVIEW_DECISION_PROVIDE, pb.REVIEW_DECISION_WITHHOLD})


@dataclass(frozen=True, slots=True)
class _Decision:
    """A clerk's decision with the answer that follows from it."""

    decision: pb.ReviewDecision.ValueType
    clerk: str
    decision_id: str | None
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
        contents = self._ground.contents
        waiting = self._ground.store.read(lambda connection: kept_reviews.waiting(connection, contents))
        return pb.ListReviewsResponse(reviews=[_shown(review, provided) for review, provided in waiting])

    async def release(self, request: pb.ReleaseReviewRequest) -> pb.ReleaseReviewResponse:
        """Provide what the copy says now, or withhold. The answer becomes final, once; the same decision by its id again changes nothing.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_MALFORMED, CLIENT_REVIEW_UNKNOWN, CLIENT_REVIEW_CLOSED.
        """
        self._ground.require(request.institution)
        if request.decision not in _DECISIONS:
            raise malformed("decision", "neither provide nor withhold")
        check_text(request.clerk, "clerk", OFFICE)
        check_text(request.decision_id, "decision_id", ID, required=request.HasField("decision_id"))
        review, provided = self._find(request.permit_id)
        if _is_done(review, request):
            return pb.ReleaseReviewResponse()
        if review.decision is not None or self._ground.network() > review.review_until:
            raise LinkageError(Reason.CLIENT_REVIEW_CLOSED)
        answered = await seal_one(self._ground, provided, withhold=request.decision == pb.REVIEW_DECISION_WITHHOLD)
        decision = _Decision(request.decision, request.clerk, request.decision_id or None, answered)
        try:
            await self._ground.store.write(lambda connection: self._decide(connection, review, provided, decision))
        except LinkageError:
            if not _is_done(self._find(request.permit_id)[0], request):  # the same press, a moment earlier
                raise
        return pb.ReleaseReviewResponse()

    async def expire(self) -> int:
        """Close the reviews whose time is over, with their records; how many."""
        now = self._ground.network()
        contents = self._ground.contents
        overdue = self._ground.store.read(lambda connection: kept_reviews.overdue(connection, contents, now))
        if overdue:
            await self._ground.store.write(lambda connection: self._expire(connection, overdue, now))
        return len(overdue)

    def _find(self, permit_id: str) -> kept_reviews.Pair:
        contents = self._ground.contents
        found = self._ground.store.read(lambda connection: kept_reviews.find(connection, contents, permit_id))
        if found is None:
            raise LinkageError(Reason.CLIENT_REVIEW_UNKNOWN)
        return found

    def _decide(self, connection: Connection, review: Review, provided: Provided, decision: _Decision) -> None:
        """Runs in the store's transaction: decision, final answer and record, all or nothing."""
        contents, answered, at = self._ground.contents, decision.answered, self._ground.network()
        to, clerk = decision.decision, decision.clerk
        if not kept_reviews.decide(connection, contents, review, to, clerk, at, decision.decision_id):
            raise LinkageError(Reason.CLIENT_REVIEW_CLOSED)
        row = kept_provisions.block_row(contents, provided.month, answered.sealed)
        block = kept_provisions.add_block(connection, row)
        told = Told(exchange_pb2.OUTCOME_ANSWERED, answered.fine, answered.non_disclosure)
        kept_provisions.tell(connection, contents, provided, told, block)
        records.add(connection, answered.records)

    def _expire(self, connection: Connection, overdue: Sequence[kept_reviews.Pair], now: int) -> None:
        contents = self._ground.contents
        for review, provided in overdue:
            if not kept_reviews.decide(connection, contents, review, kept_reviews.EXPIRED, None, now):
                continue
            expired = replace(provided.told, outcome=exchange_pb2.OUTCOME_EXPIRED)
            kept_provisions.tell(connection, contents, provided, expired, provided.block)
            event = event_of(provided)
            entry = event.outcome(
                exchange_pb2.OUTCOME_EXPIRED,
                None,
                None,
                Reason.GATEWAY_EXPIRED,
                non_disclosure=provided.told.non_disclosure,
            )
            records.add(connection, event.rows(contents, [entry]))


def _is_done(review: Review, request: pb.ReleaseReviewRequest) -> bool:
    """It is the very decision that closed the review."""
    return request.HasField("decision_id") and (review.decision_id, review.decision) == (
        request.decision_id,
        request.decision,
    )


def _shown(review: Review, provided: Provided) -> pb.Review:
    permit = exchange_pb2.Permit.FromString(provided.permit)
    header = exchange_pb2.RequestHeader.FromString(permit.header)
    return pb.Review(
        permit_id=review.permit_id,
        addressee_no=provided.addressee_no or "",
        requester=header.requester,
        procedure=header.procedure,
        item=header.item,
        why=_WHY[Rule(review.rule)],
        requested_at=timestamp(review.requested_at),
        review_until=timestamp(review.review_until),
    )
