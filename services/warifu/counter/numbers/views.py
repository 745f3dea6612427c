"""A new individual number for an identified visitor whose number leaked, with fear of misuse (art. 7(2)).

The old number is typed once more and the new one is shown once: both only pass through, and neither is kept, on record or in an address.
So there is no proposal for a second person, which would have to keep it; and a page that is sent twice is refused, since the old number
is nobody's by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import agency_pb2
from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.counter.visitors.forms import typed_number
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import FREE_TEXT
from warifu.numbers import NumberError
from warifu.web import languages

ROLE: Final = "residency"
"""The role of the institutions that may ask for a new number."""
_LONGEST_ID: Final = 18
_PARTY: Final = "numbering"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a clerk typed and ticked."""

    number: str = field(repr=False)
    """In plain digits. Never stored, logged or shown."""
    number_error: NumberError | None
    why: str | None
    judged: bool
    """It leaked, and misuse is to be feared: the clerk says so for the mayor."""

    @classmethod
    def of(cls, form: FormData) -> Wish:
        """Read a form."""
        number, error = typed_number(str(form.get("number", "")))
        why = filled(form, "why", FREE_TEXT)
        return cls(number, error, why if why and "\n" not in why else None, form.get("judged") == "1")

    @property
    def wrong(self) -> frozenset[str]:
        """Names of the fields that are missing or wrong."""
        bad = {"number": self.number_error is not None, "why": self.why is None, "judged": not self.judged}
        return frozenset(name for name, is_bad in bad.items() if is_bad)


@dataclass(frozen=True, slots=True)
class NumberViews:
    """New numbers at all residency counters."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/numbers", self.ask, methods=["GET"]),
            Route(f"{HERE}/numbers", self.change, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """The form for an identified visitor; without one, where to begin."""
        acting = await self._acting(request)
        return await self._form(request, _visit(acting, request.query_params.get("visit", "")))

    async def change(self, request: Request) -> Response:
        """Have a new number assigned, and show it this once."""
        acting, form = await self._acting(request), await request.form()
        visit, wish = _visit(acting, str(form.get("visit", ""))), Wish.of(form)
        if visit is None or wish.wrong:
            return await self._form(request, visit, wish, status=400)
        try:
            async with acting.record("change-number", visit.addressee_no):
                number = await self._changed(acting, visit, wish)
        except LinkageError as error:
            return await self._form(request, visit, wish, error, status=409)
        return await self.desk.page(request, "numbers/given.html", visit=visit, number=number)

    async def _changed(self, acting: Acting, visit: Row[Any], wish: Wish) -> str:
        asked = agency_pb2.ChangeIndividualNumberRequest(
            institution=acting.code,
            addressee_no=visit.addressee_no,
            individual_number=wish.number,
            reason=wish.why or "",
        )
        call = self.desk.stubs.agency(acting.code).ChangeIndividualNumber(asked, timeout=DEADLINE)
        return (await answered(call, _PARTY)).individual_number

    async def _acting(self, request: Request) -> Acting:
        acting = await self.desk.acting(request, Right.CARDS)
        if acting.institution.role.code != ROLE:
            raise HTTPException(404)
        return acting

    async def _form(
        self,
        request: Request,
        visit: Row[Any] | None,
        wish: Wish | None = None,
        error: LinkageError | None = None,
        *,
        status: int = 200,
    ) -> Response:
        told = wish.number_error if wish is not None else None
        return await self.desk.page(
            request,
            "numbers/number.html",
            status,
            visit=visit,
            typed=wish,
            wrong=wish.wrong if wish is not None and visit is not None else frozenset(),
            number_wrong=(told.en if languages.of(request) == "en" else told.ja) if told is not None else "",
            trouble=self.desk.trouble(request, error) if error is not None else None,
            longest=int(FREE_TEXT),
        )


def _visit(acting: Acting, text: str) -> Row[Any] | None:
    """The visit of that number, where it counts."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else 0
    return acting.bench.visits.current(number)
