"""The page of answers that wait, and what a reviewer does with each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.cases.people import Person, looked_up
from warifu.counter.cases.sheet import Reader
from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.reviews.withhold import KIND
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import FREE_TEXT, ID
from warifu.web import languages
from warifu.web.dates import Written

OPENED: Final = 20
"""Answers whose person is looked up for one page; the rest are told by their addressee number."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that waits, as a page shows it."""

    permit_id: str
    person: Person | None
    """None when nobody here has the code that was asked about, or the addressee number is not known to the business system."""
    addressee_no: str
    requester: str
    procedure: str
    purpose: str
    item: str
    fields: tuple[str, ...]
    why: str
    requested: Written
    until: Written
    proposal: int | None
    """The proposal to withhold it that waits."""


@dataclass(frozen=True, slots=True)
class ReviewViews:
    """The review queue of an institution."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        one = f"{HERE}/reviews/{{permit}}"
        return [
            Route(f"{HERE}/reviews", self.list, methods=["GET"]),
            Route(f"{one}/provide", self.provide, methods=["POST"]),
            Route(f"{one}/withhold", self.withhold, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """What waits, oldest first."""
        acting = await self.desk.acting(request, Right.REVIEWS)
        async with acting.record("see-reviews"):
            return await self._shown(request, acting)

    async def provide(self, request: Request) -> Response:
        """Provide what the copy says now."""
        acting, permit = await self.desk.acting(request, Right.REVIEWS), request.path_params["permit"][:64]
        try:
            async with acting.record("provide", permit):
                await answered(
                    self.desk.stubs.interim(acting.code).ReleaseReview(_provide(acting, permit), timeout=DEADLINE)
                )
        except LinkageError as error:
            return await self._shown(request, acting, error=error)
        return RedirectResponse(f"{acting.path}/reviews?provided", 303)

    async def withhold(self, request: Request) -> Response:
        """Ask a second person to agree that it is not provided."""
        acting, form = await self.desk.acting(request, Right.REVIEWS), await request.form()
        permit, why = request.path_params["permit"][:64], filled(form, "why", FREE_TEXT)
        if why is None or "\n" in why:
            return await self._shown(request, acting, wrong=permit)
        content = _provide(acting, permit)
        content.decision, content.decision_id = interim_pb2.REVIEW_DECISION_WITHHOLD, str(uuid.uuid4())
        number = acting.bench.proposals.waiting_about(KIND).get(permit)
        if number is None:
            number = await acting.propose(KIND, content.SerializeToString(deterministic=True), permit, why)
        return RedirectResponse(f"{acting.path}/proposals/{number}", 303)

    async def _shown(
        self, request: Request, acting: Acting, *, error: LinkageError | None = None, wrong: str = ""
    ) -> Response:
        asked = interim_pb2.ListReviewsRequest(institution=acting.code)
        listed = (await answered(self.desk.stubs.interim(acting.code).ListReviews(asked, timeout=DEADLINE))).reviews
        reader = Reader(self.desk.book(), languages.of(request), self.desk.today())
        proposals = acting.bench.proposals.waiting_about(KIND)
        rows = [await self._waiting(acting, reader, one, proposals) for one in listed[:OPENED]]
        status = 409 if error is not None else 400 if wrong else 200
        return await self.desk.page(
            request,
            "reviews/list.html",
            status,
            rows=rows,
            more=len(listed) - len(rows),
            wrong=wrong,
            provided="provided" in request.query_params,
            trouble=self.desk.trouble(request, error) if error is not None else None,
        )

    async def _person(self, acting: Acting, known: str, language: str) -> Person | None:
        """Whom an answer is about; None for somebody whom the business system does not know, which keeps no other answer from being decided."""
        try:
            return await looked_up(self.desk, acting, known, language) if known else None
        except LinkageError as error:
            if error.reason != Reason.CLIENT_ADDRESSEE_UNKNOWN:
                raise
            return None

    async def _waiting(
        self, acting: Acting, reader: Reader, review: interim_pb2.Review, proposals: dict[str, int]
    ) -> Waiting:
        book, language = reader.book, reader.language
        row = next(
            (one for one in book.rows.values() if (one.procedure.code, one.item) == (review.procedure, review.item)),
            None,
        )
        item = book.items[review.item]
        known = review.addressee_no
        return Waiting(
            permit_id=review.permit_id,
            person=await self._person(acting, known, language),
            addressee_no=known,
            requester=reader.institution(review.requester),
            procedure=reader.procedure(review.procedure),
            purpose=row.purpose.to(language) if row is not None else "",
            item=item.name.to(language),
            fields=tuple(item.field(path).label.to(language) for path in row.fields) if row is not None else (),
            why=reader.text(review.why),
            requested=reader.when(review.requested_at),
            until=reader.when(review.review_until),
            proposal=proposals.get(review.permit_id),
        )


def _provide(acting: Acting, permit: str) -> interim_pb2.ReleaseReviewRequest:
    return interim_pb2.ReleaseReviewRequest(
        institution=acting.code,
        permit_id=permit,
        decision=interim_pb2.REVIEW_DECISION_PROVIDE,
        clerk=acting.clerk,
        decision_id=f"{acting.clerk} {permit}"[:ID],  # pressed twice it is one decision
    )
