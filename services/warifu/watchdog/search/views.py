"""The search's page and its JSON. The watchdog holds no records: each search runs at the gateway, and is an entry there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import datetime_at, stamped
from warifu.supervision.v1.supervision_pb2 import FoundExchange, SearchRecordsRequest, SearchRecordsResponse
from warifu.watchdog.desk import PAGE, Desk, before_of
from warifu.watchdog.staff.accounts import Account
from warifu.watchdog.supervision import Network
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import problem

OUTCOMES: Final = ("ANSWERED", "DENIED", "ERROR", "EXPIRED", "OPEN")
_NEWEST: Final = 0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is searched for, as it stands in an address; empty where nothing is set."""

    institution: str = ""
    procedure: str = ""
    outcome: str = ""
    first: str = ""
    last: str = ""

    @classmethod
    def of(cls, request: Request) -> Conditions:
        """The conditions in an address, as they stand there."""
        names = ("institution", "procedure", "outcome", "first", "last")
        return cls(*(request.query_params.get(name, "").strip() for name in names))

    def nonsense(self, desk: Desk) -> list[str]:
        """Names of the conditions that cannot be met: no institution, procedure, outcome or day that there is, or a last day before the first."""
        procedures = {row.procedure.code for row in desk.book().rows.values()}
        first, last = _day(self.first), _day(self.last)
        fit = {
            "institution": not self.institution or desk.known(self.institution),
            "procedure": not self.procedure or self.procedure in procedures,
            "outcome": not self.outcome or self.outcome in OUTCOMES,
            "first": not self.first or first is not None,
            "last": not self.last or (last is not None and (first is None or first <= last)),
        }
        return [name for name, fits in fit.items() if not fits]

    def request(self, role: str, before: int) -> SearchRecordsRequest:
        """As it is asked."""
        return SearchRecordsRequest(
            institution=self.institution or None,
            procedure=self.procedure or None,
            outcome=self.outcome or None,
            from_day=self.first or None,
            to_day=self.last or None,
            before=before,
            limit=PAGE,
            role=role,
        )

    def address(self, before: int) -> str:
        """Of the page that goes on."""
        values = {"institution": self.institution, "procedure": self.procedure, "outcome": self.outcome}
        values |= {"first": self.first, "last": self.last, "before": str(before), "go": "1"}
        return "/search?" + urlencode({name: value for name, value in values.items() if value})


@dataclass(frozen=True, slots=True)
class SearchViews:
    """The pages of the search."""

    desk: Desk
    network: Network

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/search", self.page, methods=["GET"]),
            Route("/api/v1/search", self.json, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """The form, and what was found."""
        account = await self.desk.staff(request)
        found, failure = None, None
        conditions = Conditions.of(request)
        wrong = conditions.nonsense(self.desk)
        try:
            if "go" in request.query_params and not wrong:
                found = await self._search(account, conditions, request)
        except LinkageError as error:
            failure = error.text(languages.of(request))
        return await self._render(request, conditions, found, wrong, failure)

    async def json(self, request: Request) -> Response:
        """The same for programs."""
        account = await self.desk.staff(request)
        conditions = Conditions.of(request)
        if wrong := conditions.nonsense(self.desk):
            told = {"field": wrong[0], "problem": "not a known value"}
            return problem(LinkageError(Reason.CLIENT_MALFORMED, metadata=told), 400)
        try:
            found = await self._search(account, conditions, request)
        except LinkageError as error:
            return problem(error, 503)
        more = found.next if found.HasField("next") else None
        return JSONResponse({"exchanges": [_document(one) for one in found.exchanges], "next": more})

    async def _search(self, account: Account, conditions: Conditions, request: Request) -> SearchRecordsResponse:
        await self.desk.diary.note(account, "search", conditions.institution)
        before = before_of(request) if "before" in request.query_params else _NEWEST
        return await self.network.search(conditions.request(account.role.value, before))

    async def _render(
        self,
        request: Request,
        conditions: Conditions,
        found: SearchRecordsResponse | None,
        wrong: Sequence[str],
        failure: str | None,
    ) -> Response:
        language = languages.of(request)
        return await self.desk.render(
            request,
            "search.html",
            400 if wrong else 503 if failure else 200,
            asked=conditions,
            wrong=wrong,
            failure=failure,
            institutions=[(one.code, one.name.to(language)) for one in self.desk.institutions()],
            procedures=self._procedures(language),
            outcomes=OUTCOMES,
            found=[self._told(one, language) for one in found.exchanges] if found is not None else None,
            older=conditions.address(found.next) if found is not None and found.HasField("next") else None,
        )

    def _procedures(self, language: str) -> list[tuple[str, str]]:
        rows = self.desk.book().rows.values()
        return sorted({row.procedure.code: row.procedure.name.to(language) for row in rows}.items())

    def _told(self, one: FoundExchange, language: str) -> Mapping[str, object]:
        book = self.desk.book()
        names = dict(self._procedures(language))
        item = book.items.get(one.item)
        return {
            "request_id": one.request_id,
            "outcome": one.outcome,
            "reason": one.reason,
            "requester": self.desk.name(one.requester, language),
            "provider": self.desk.name(one.provider, language),
            "procedure": names.get(one.procedure, one.procedure),
            "item": item.name.to(language) if item is not None else one.item,
            "row": one.row,
            "withheld": one.non_disclosure,
            "requested": written(datetime_at(stamped(one.requested_at)), language),
            "leaves": [str(leaf) for leaf in _leaves(one)],
        }


def _leaves(one: FoundExchange) -> list[int]:
    leaves = []
    if one.HasField("request_leaf"):
        leaves.append(one.request_leaf)
    if one.HasField("outcome_leaf"):
        leaves.append(one.outcome_leaf)
    return leaves


def _document(one: FoundExchange) -> Mapping[str, object]:
    return {
        "request_id": one.request_id,
        "requester": one.requester,
        "provider": one.provider,
        "affair": one.affair,
        "procedure": one.procedure,
        "item": one.item,
        "row": one.row if one.HasField("row") else None,
        "requested_at": iso(datetime_at(stamped(one.requested_at))),
        "answered_at": iso(datetime_at(stamped(one.answered_at))) if one.HasField("answered_at") else None,
        "outcome": one.outcome,
        "reason": one.reason if one.HasField("reason") else None,
        "non_disclosure": one.non_disclosure,
        "request_leaf": one.request_leaf if one.HasField("request_leaf") else None,
        "outcome_leaf": one.outcome_leaf if one.HasField("outcome_leaf") else None,
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
