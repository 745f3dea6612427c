"""The card service's pages, on an origin of its own: the tray, the PIN, and the way back with a signature.

A portal sends a browser to `/` to choose a card and, once that is done, to `/pin` with a challenge. Only origins that the configuration
names can ask, and the asking one is shown wherever something is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.portal.login.proof import CHALLENGE_SIZE, HASH_SIZE, ProofError, decode
from warifu.simulator.cards import tray
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.labels import choices, labels
from warifu.simulator.cards.pins import Pins
from warifu.simulator.cards.states import state_of
from warifu.web import languages
from warifu.web.face import Face, problem, wants_json
from warifu.web.guard import Policy
from warifu.web.pages import Pages

CHOSEN_COOKIE: Final = "warifu_card"
CHOSEN_SECONDS: Final = 3600
"""A card stays on the reader for as long as the longest session of a portal, so that it is there when an application is signed."""
TO_SIGN: Final = ("digest", "session", "return")
"""What a portal's wish for a signature names beside its origin."""
_LONGEST: Final = 300
_MOST_PAGES: Final = 10_000
_REFUSALS: Final = frozenset(
    {Reason.CLIENT_PIN_WRONG, Reason.CLIENT_CARD_LOCKED, Reason.CLIENT_MALFORMED, Reason.CLIENT_CARD_UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A portal's wish for a signature, as it came in the address or the form."""

    origin: str
    challenge: str
    session: str

    @classmethod
    def of(cls, values: FormData | Request, face: Face) -> Asked:
        """The wish, when it is one that may be shown.

        Raises:
            HTTPException: 400: not from a portal that this service works with, or not a challenge.
        """
        fields = values.query_params if isinstance(values, Request) else values
        origin, challenge, session = (str(fields.get(name, "")) for name in ("origin", "challenge", "session"))
        try:
            sizes = len(decode(challenge, CHALLENGE_SIZE)), len(decode(session, HASH_SIZE))
        except ProofError as error:
            raise HTTPException(400) from error
        if origin not in face.origins.values() or sizes != (CHALLENGE_SIZE, HASH_SIZE):
            raise HTTPException(400)
        return cls(origin, challenge, session)


@dataclass(frozen=True, slots=True)
class CardViews:
    """The pages of one card service."""

    face: Face
    pages: Pages
    store: Store
    pins: Pins
    cards: Cards

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/", self.tray, methods=["GET"]),
            Route("/choose", self.choose, methods=["POST"]),
            Route("/pin", self.pin, methods=["GET"]),
            Route("/sign", self.sign, methods=["POST"]),
            Route("/finish", self.finish, methods=["GET"]),
            Route("/api/v1/people", self.people, methods=["GET"]),
        ]

    async def tray(self, request: Request) -> Response:
        """Cards to choose from, by name, reading, handle or trait."""
        query = request.query_params
        origin = query.get("origin", "")
        if origin and origin not in self.face.origins.values():
            raise HTTPException(400)
        sought, trait, page = query.get("q", "").strip(), query.get("trait", ""), _page(query.get("page", ""))
        found = tray.find(self.store, sought=sought, trait=trait, first=page * tray.PAGE_SIZE)
        kept = {"origin": origin, "next": query.get("next", "")[:_LONGEST], "q": sought, "trait": trait}
        kept |= {name: query.get(name, "")[:_LONGEST] for name in TO_SIGN}
        return self._render(
            request,
            "tray.html",
            tray=found,
            labels=labels,
            choices=choices(tray.known_traits(self.store), languages.of(request)),
            asked=kept,
            portal=self.face.origins.get("portal", ""),
            state=lambda one: state_of(one, self.cards.clock.network()),
            before=_address(kept, page - 1) if page else None,
            after=_address(kept, page + 1) if found.more else None,
        )

    async def choose(self, request: Request) -> Response:
        """Lay a card on the reader: remember it in this browser and let the portal make its challenge."""
        form = await request.form()
        origin, person = str(form.get("origin", "")), str(form.get("person", ""))
        if origin not in self.face.origins.values() or tray.one(self.store, person) is None:
            raise HTTPException(400)
        if form.get("digest"):
            asked = {name: str(form.get(name, ""))[:_LONGEST] for name in TO_SIGN}
            response = RedirectResponse(f"/signature?{urlencode({'origin': origin, **asked})}", 303)
        else:
            then = urlencode({"next": str(form.get("next", ""))[:_LONGEST]})
            response = RedirectResponse(f"{origin}/login/challenge?{then}", 303)
        # Lax: the portal leads back here by a redirect from its own site.
        response.set_cookie(
            CHOSEN_COOKIE, person, CHOSEN_SECONDS, secure=self.face.secure, httponly=True, samesite="lax"
        )
        return response

    async def pin(self, request: Request) -> Response:
        """Ask for the PIN of the card that lies on the reader, and say who wants the signature."""
        asked = Asked.of(request, self.face)
        person = tray.one(self.store, request.cookies.get(CHOSEN_COOKIE, ""))
        if person is None:
            return RedirectResponse(f"/?{urlencode({'origin': asked.origin})}", 303)
        return self._render(request, "pin.html", asked=asked, person=person, error=None, left=None)

    async def sign(self, request: Request) -> Response:
        """Sign if the PIN is right, and lead back to the portal with the proof."""
        form = await request.form()
        asked, person = Asked.of(form, self.face), str(form.get("person", ""))
        try:
            await self.pins.check(person, str(form.get("pin", "")))
            made = await self.cards.sign(
                person, decode(asked.challenge, CHALLENGE_SIZE), asked.origin, decode(asked.session, HASH_SIZE)
            )
        except LinkageError as error:
            return self._refused(request, asked, person, error)
        return RedirectResponse(f"{asked.origin}/login/return?{urlencode(made.parameters())}", 303)

    async def finish(self, request: Request) -> Response:
        """Take the card off the reader, for a portal whose visitor is done, and lead back to the terminal's first page."""
        origin = request.query_params.get("origin", "")
        if origin not in self.face.origins.values():
            raise HTTPException(400)
        response = RedirectResponse(f"{origin}/kiosk?done", 303)
        response.delete_cookie(CHOSEN_COOKIE, httponly=True, samesite="lax")
        return response

    async def people(self, request: Request) -> Response:
        """The tray as JSON: the people found, and whether there are more after them."""
        query = request.query_params
        page = _page(query.get("page", ""))
        found = tray.find(
            self.store, sought=query.get("q", ""), trait=query.get("trait", ""), first=page * tray.PAGE_SIZE
        )
        return JSONResponse({"people": [person.document() for person in found.people], "more": found.more})

    def _refused(self, request: Request, asked: Asked, person: str, error: LinkageError) -> Response:
        status = 403 if error.reason in _REFUSALS else 503
        if wants_json(request):
            return problem(error, status)
        found = tray.one(self.store, person)
        if found is None:
            raise HTTPException(400)
        left = error.metadata.get("left")
        return self._render(
            request, "pin.html", status=status, asked=asked, person=found, error=str(error.reason), left=left
        )

    def _render(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        return render(self.face, self.pages, request, template, status=status, **values)


def render(face: Face, pages: Pages, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page of the card service."""
    # The form's way leads over the portal (the challenge) or to it (the proof), and redirects count as the form's targets.
    policy = Policy(form_targets=tuple(face.origins.values()))
    return pages.render(request, template, status=status, policy=policy, **values)


def _page(text: str) -> int:
    """A page's number from 0; anything else is the first."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(_MOST_PAGES)) else 0


def _address(kept: dict[str, str], page: int) -> str:
    return "/?" + urlencode({name: value for name, value in kept.items() if value} | {"page": page})
