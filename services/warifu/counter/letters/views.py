"""The pages of letters: what citizens ask or object to, and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import cases_pb2 as pb
from warifu.counter.cases.sheet import Reader
from warifu.counter.cases.values import day
from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import FREE_TEXT, LETTER_TEXT
from warifu.web import languages
from warifu.web.dates import Written


@dataclass(frozen=True, slots=True)
class Line:
    """A letter as a page shows it."""

    letter_id: str
    request_id: str
    objection: bool
    text: str
    sent: Written
    answer_by: str
    late: bool
    answer: str
    answered: Written | None
    told: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """What this institution asked in the exchange that a letter is about."""

    provider: str
    procedure: str
    item: str
    office: str
    clerk: str
    case: str


@dataclass(frozen=True, slots=True)
class LetterViews:
    """Letters to an institution."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/letters", self.list, methods=["GET"]),
            Route(f"{HERE}/letters/{{letter}}", self.show, methods=["GET"]),
            Route(f"{HERE}/letters/{{letter}}", self.answer, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Letters, newest first: those without an answer, or all."""
        acting = await self.desk.acting(request, Right.LETTERS)
        every = "all" in request.query_params
        asked = pb.ListLettersRequest(institution=acting.code, open_only=not every)
        listed = (await answered(self.desk.stubs.cases(acting.code).ListLetters(asked, timeout=DEADLINE))).letters
        reader = self._reader(request)
        rows = [self._line(reader, one) for one in listed]
        return await self.desk.page(request, "letters/list.html", rows=rows, every=every)

    async def show(self, request: Request) -> Response:
        """One letter, with the exchange that it is about."""
        acting = await self.desk.acting(request, Right.LETTERS)
        letter = await self._letter(acting, request)
        async with acting.record("read-letter", letter.letter_id):
            return await self._shown(request, acting, letter)

    async def answer(self, request: Request) -> Response:
        """Answer it; with a correcting entry, when the record is wrong."""
        acting, form = await self.desk.acting(request, Right.LETTERS), await request.form()
        letter, text = await self._letter(acting, request), filled(form, "text", LETTER_TEXT)
        correction = filled(form, "correction", FREE_TEXT)
        corrects = bool(form.get("corrects"))
        if text is None:
            return await self._shown(request, acting, letter, wrong="text")
        if corrects and (correction is None or "\n" in correction):
            return await self._shown(request, acting, letter, wrong="correction")
        asked = pb.AnswerLetterRequest(
            institution=acting.code,
            letter_id=letter.letter_id,
            text=text,
            correction=correction if corrects else None,
            actor=acting.actor,
        )
        try:
            async with acting.record("answer-letter", letter.letter_id):
                await answered(self.desk.stubs.cases(acting.code).AnswerLetter(asked, timeout=DEADLINE))
        except LinkageError as error:
            return await self._shown(request, acting, letter, error=error)
        return RedirectResponse(f"{acting.path}/letters/{letter.letter_id}", 303)

    async def _letter(self, acting: Acting, request: Request) -> pb.Letter:
        """The letter of the address.

        Raises:
            HTTPException: 404: there is none.
        """
        asked = pb.ListLettersRequest(institution=acting.code)
        listed = (await answered(self.desk.stubs.cases(acting.code).ListLetters(asked, timeout=DEADLINE))).letters
        found = next((one for one in listed if one.letter_id == request.path_params["letter"]), None)
        if found is None:
            raise HTTPException(404)
        return found

    async def _shown(
        self,
        request: Request,
        acting: Acting,
        letter: pb.Letter,
        *,
        error: LinkageError | None = None,
        wrong: str = "",
    ) -> Response:
        reader = self._reader(request)
        form = await request.form() if request.method == "POST" else {}
        return await self.desk.page(
            request,
            "letters/letter.html",
            409 if error is not None else 400 if wrong else 200,
            line=self._line(reader, letter),
            exchange=await self._exchange(acting, reader, letter.request_id),
            typed={name: str(form.get(name, "")) for name in ("text", "correction", "corrects")},
            wrong=wrong,
            trouble=self.desk.trouble(request, error) if error is not None else None,
        )

    async def _exchange(self, acting: Acting, reader: Reader, request_id: str) -> Exchange | None:
        """What was asked, when it was this institution that asked; None when it provided."""
        asked = interim_pb2.CollectRequest(institution=acting.code, request_id=request_id)
        try:
            state = (await answered(self.desk.stubs.interim(acting.code).Collect(asked, timeout=DEADLINE))).inquiry
        except LinkageError as error:
            if error.reason != Reason.CLIENT_REQUEST_UNKNOWN:
                raise
            return None
        made = state.request
        item = reader.book.items.get(made.item)
        return Exchange(
            provider=reader.institution(made.provider),
            procedure=reader.procedure(made.procedure),
            item=item.name.to(reader.language) if item is not None else made.item,
            office=made.office,
            clerk=made.clerk,
            case=made.case_reference,
        )

    def _line(self, reader: Reader, letter: pb.Letter) -> Line:
        answered_ = letter.HasField("answer")
        return Line(
            letter_id=letter.letter_id,
            request_id=letter.request_id,
            objection=letter.objection,
            text=letter.text,
            sent=reader.when(letter.sent_at),
            answer_by=day(letter.answer_by, reader.language),
            late=not answered_ and date.fromisoformat(letter.answer_by) < reader.today,
            answer=letter.answer,
            answered=reader.when(letter.answered_at) if letter.HasField("answered_at") else None,
            told=letter.told,
        )

    def _reader(self, request: Request) -> Reader:
        return Reader(self.desk.book(), languages.of(request), self.desk.today())
