"""The pages on which a procedure is found and applied for, and their JSON. Looking needs no login; applying is always in one's own name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import Clock
from warifu.portal.login.views import to_login
from warifu.portal.procedures import filling
from warifu.portal.procedures.catalogue import Input, Offer, Place
from warifu.portal.procedures.filling import ELSEWHERE, Filled
from warifu.portal.procedures.guide import Guide
from warifu.portal.procedures.queries import Applications, Draft
from warifu.portal.proxies.refusals import own
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PATH: Final = "/procedures"
_LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True)
class ProcedureViews:
    """Finding and applying."""

    pages: Pages
    sessions: Sessions
    clock: Clock
    guide: Guide
    applications: Applications

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{PATH}/{{code}}", self.shown, methods=["GET"]),
            Route(f"{PATH}/{{code}}/apply", self.form, methods=["GET"]),
            Route(f"{PATH}/{{code}}/apply", self.apply, methods=["POST"]),
            Route("/api/v1/procedures", self.listed_json, methods=["GET"]),
            Route("/api/v1/procedures/{code}", self.shown_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """What can be applied for, all of it or what fits the search."""
        catalogue, language, wished = self.guide.catalogue, languages.of(request), _wished(request)
        return self.pages.render(
            request,
            "procedures.html",
            session=await self.sessions.of(request),
            found=self.guide.search(*wished, language, self.clock.today()),
            words=wished[0],
            kind=wished[1],
            event=wished[2],
            kinds={code: text.to(language) for code, text in catalogue.kinds.items()},
            events={code: text.to(language) for code, text in catalogue.events.items()},
        )

    async def listed_json(self, request: Request) -> Response:
        """The same as JSON: `procedures`, each as `shown_json` tells it; search by `q`, `kind`, `event`."""
        found = self.guide.search(*_wished(request), languages.of(request), self.clock.today())
        return JSONResponse({"procedures": [asdict(told) for told in found]})

    async def shown(self, request: Request) -> Response:
        """One procedure: what it is, whom the institution asks for it, which papers that saves."""
        told = self.guide.tell(self._offer(request), languages.of(request), self.clock.today())
        return self.pages.render(request, "procedure.html", session=await self.sessions.of(request), told=told)

    async def shown_json(self, request: Request) -> Response:
        """The same as JSON, in the language of the request, with `places`, the places of its form.

        `{code, title, name, affair, kind, events, about, term, asked, takers, places}`; a place is `{name, input, label, optional, choices}`.
        """
        offer, language = self._offer(request), languages.of(request)
        told = self.guide.tell(offer, language, self.clock.today())
        places = [
            {
                "name": place.name,
                "input": place.input,
                "label": place.label.to(language),
                "optional": place.optional,
                "choices": self._choices(offer, language).get(place.name, {}),
            }
            for place in offer.places
        ]
        return JSONResponse({**asdict(told), "places": places})

    async def form(self, request: Request) -> Response:
        """The empty form, or the one of a draft that is to be changed."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        offer, chosen, typed = self._offer(request), request.query_params.get(filling.INSTITUTION, ""), {}
        draft = self.applications.drafted(session.account, request.query_params.get("draft", ""))
        if draft is not None and draft.procedure == offer.code:
            chosen, typed = draft.institution, filling.typed_again(offer, draft.values, self._municipalities("ja"))
        return self._form(request, session, offer, Filled(chosen, typed, {}))

    async def apply(self, request: Request) -> Response:
        """Check what was typed and keep it as a draft, to be looked at and signed."""
        offer, session = self._offer(request), await self.sessions.of(request)
        if session is None and wants_json(request):
            raise HTTPException(401)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}/{offer.code}/apply", 303)
        own(session)
        typed = {name: str(value) for name, value in (await request.form()).items()}
        takers = [one.code for one in self.guide.takers(offer, self.clock.today())]
        filled = filling.fill(offer, typed, takers, list(self._municipalities("ja")))
        if filled.problems:
            return self._refused(request, session, offer, filled)
        draft = await self._draft(session, offer, filled)
        if wants_json(request):
            return JSONResponse({"application_id": draft})
        return RedirectResponse(f"/applications/drafts/{draft}", 303)

    async def _draft(self, session: Session, offer: Offer, filled: Filled) -> str:
        municipalities, today = self._municipalities("ja"), self.clock.today()
        values = {
            place.name: filling.written(place, filled.values[place.name], municipalities, today)
            for place in offer.places
            if filled.values[place.name]
        }
        return await self.applications.draft(session.account, filled.institution, offer.code, values)

    def _refused(self, request: Request, session: Session, offer: Offer, filled: Filled) -> Response:
        if wants_json(request):
            problems = {name: {"ja": text.ja, "en": text.en} for name, text in filled.problems.items()}
            return JSONResponse({"error": {"reason": "FORM_INVALID", "places": problems}}, 400)
        return self._form(request, session, offer, filled, status=400)

    def _form(self, request: Request, session: Session, offer: Offer, filled: Filled, *, status: int = 200) -> Response:
        language = languages.of(request)
        return self.pages.render(
            request,
            "procedure_form.html",
            status=status,
            session=session,
            told=self.guide.tell(offer, language, self.clock.today()),
            places=offer.places,
            chosen=filled.institution,
            typed=filled.values,
            problems={name: text.to(language) for name, text in filled.problems.items()},
            choices=self._choices(offer, language),
            longest=filling.LONGEST,
            inputs=Input,
        )

    def _choices(self, offer: Offer, language: str) -> Mapping[str, Mapping[str, str]]:
        """What can be chosen in each place, by value."""
        elsewhere = {**self._municipalities(language), filling.ABROAD: ELSEWHERE.to(language)}
        return {
            place.name: elsewhere
            if place.input is Input.MUNICIPALITY
            else {str(number): choice.to(language) for number, choice in enumerate(place.choices)}
            for place in offer.places
            if place.input in {Input.MUNICIPALITY, Input.CHOICE}
        }

    def _municipalities(self, language: str) -> dict[str, str]:
        return {one.lg_code: one.name for one in self.guide.municipalities(language)}

    def _offer(self, request: Request) -> Offer:
        offer = self.guide.find(request.path_params["code"])
        if offer is None:
            raise HTTPException(404)
        return offer


def places_of(guide: Guide, draft: Draft, language: str) -> list[tuple[str, str]]:
    """(label, what stands there) of every place of a draft that is filled, in the form's order and the reader's language."""
    offer = guide.find(draft.procedure)
    if offer is None:
        return []
    written_in, read_in = ({one.lg_code: one.name for one in guide.municipalities(code)} for code in ("ja", language))
    typed, values = filling.typed_again(offer, draft.values, written_in), draft.values
    return [
        (place.label.to(language), _read(place, typed[place.name], values[place.name], read_in, language))
        for place in offer.places
        if place.name in values
    ]


def _read(place: Place, typed: str, value: str, municipalities: Mapping[str, str], language: str) -> str:
    match place.input:
        case Input.CHOICE:
            return place.choices[int(typed)].to(language) if typed else value
        case Input.MUNICIPALITY:
            return municipalities.get(typed, ELSEWHERE.to(language))
        case _:
            return value


def _wished(request: Request) -> tuple[str, str, str]:
    asked = request.query_params
    return asked.get("q", "")[:_LONGEST_SEARCH], asked.get("kind", ""), asked.get("event", "")
