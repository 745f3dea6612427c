"""What a holder does with a card that is in their hand: look at its certificates, change PIN and password, renew, take a phone beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from cryptography import x509
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.common.v1 import common_pb2
from warifu.exchange import card_number
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.cards import tray
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.pins import Passwords, Pins
from warifu.simulator.cards.states import RENEWAL
from warifu.simulator.cards.tray import Found
from warifu.simulator.cards.views import CHOSEN_COOKIE, render
from warifu.simulator.cards.words import is_phone
from warifu.web import languages
from warifu.web.dates import written
from warifu.web.face import Face, problem, wants_json
from warifu.web.pages import Pages

_GOOD: Final = "good"
_STATUS: Final = {
    pb.CERTIFICATE_STATUS_GOOD: _GOOD,
    pb.CERTIFICATE_STATUS_SUSPENDED: "suspended",
    pb.CERTIFICATE_STATUS_REVOKED: "revoked",
    pb.CERTIFICATE_STATUS_EXPIRED: "expired",
}
_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as its holder sees it."""

    kind: str
    """"authentication", "signature" or "phone"."""
    serial: str
    ends: datetime
    status: str
    """"good", "suspended", "revoked", "expired", or "unknown" while the authority cannot be asked."""
    renewable: bool
    """It may be renewed now."""

    def document(self) -> dict[str, object]:
        """The same for a program."""
        return {"kind": self.kind, "serial": self.serial, "ends": self.ends.isoformat(), "status": self.status}


class TroubleError(Exception):
    """Something typed does not serve; `field` and `problem` name what, for the page."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.problem = field, problem


@dataclass(frozen=True, slots=True)
class CareViews:
    """The pages of one's own card."""

    face: Face
    pages: Pages
    store: Store
    pins: Pins
    passwords: Passwords
    cards: Cards

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/cards", self.mine, methods=["GET"]),
            Route("/cards/{card}", self.show, methods=["GET"]),
            Route("/api/v1/cards/{card}", self.show, methods=["GET"]),
            Route("/cards/{card}/pin", self._act("pin", self._change_pin), methods=["POST"]),
            Route("/cards/{card}/password", self._act("password", self._change_password), methods=["POST"]),
            Route("/cards/{card}/renewal", self._act("renewal", self._renew), methods=["POST"]),
            Route("/cards/{card}/signature", self._act("signature", self._renew_signature), methods=["POST"]),
            Route("/cards/{card}/phone", self._act("phone", self._add_phone), methods=["POST"]),
        ]

    async def mine(self, request: Request) -> Response:
        """To the card that lies on the reader, or to the tray."""
        card = tray.one(self.store, request.cookies.get(CHOSEN_COOKIE, ""))
        return RedirectResponse(f"/cards/{card.card}" if card else "/", 303)

    async def show(self, request: Request) -> Response:
        """The card, what is on it, and what can be done with it."""
        card = self._card(request)
        if wants_json(request):
            certificates = [one.document() for one in await self._certificates(card)]
            return JSONResponse({**card.document(), "number": card.number, "certificates": certificates})
        return await self._page(request, card, done=request.query_params.get("done", ""))

    def _act(
        self, name: str, act: Callable[[Found, FormData], Awaitable[None]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            card = self._card(request)
            try:
                await act(card, await request.form())
            except (LinkageError, TroubleError) as error:
                return await self._failed(request, card, name, error)
            if wants_json(request):
                return JSONResponse({"done": name})
            return RedirectResponse(f"/cards/{card.card}?done={name}", 303)

        return endpoint

    async def _change_pin(self, card: Found, form: FormData) -> None:
        old, new = _typed(form, "old"), _new(form)
        self.pins.require_form(new)
        self._require_unguessable(card, new)
        await self.pins.change(card.card, old, new)

    async def _change_password(self, card: Found, form: FormData) -> None:
        if card.is_phone:
            raise HTTPException(404)
        await self.passwords.change(card.card, _typed(form, "old"), _new(form))

    async def _renew(self, card: Found, form: FormData) -> None:
        if card.is_phone:
            raise HTTPException(404)
        await self.pins.check(card.card, _typed(form, "old"))
        await self.cards.renew(card.card, pb.CERTIFICATE_KIND_AUTHENTICATION)

    async def _renew_signature(self, card: Found, form: FormData) -> None:
        if card.is_phone:
            raise HTTPException(404)
        await self.passwords.check(card.card, _typed(form, "old"))
        await self.cards.renew(card.card, pb.CERTIFICATE_KIND_SIGNATURE)

    async def _add_phone(self, card: Found, form: FormData) -> None:
        if card.is_phone:
            raise HTTPException(404)
        new = _new(form)
        self.pins.require_form(new)
        self._require_unguessable(card, new)
        await self.pins.check(card.card, _typed(form, "old"))
        await self.cards.add_phone(card.person, new)

    def _require_unguessable(self, card: Found, pin: str) -> None:
        """No PIN that a finder tries first: one digit four times, or a birthday."""
        born = date.fromisoformat(self._holder(card).birth_date)
        if len(set(pin)) == 1 or pin in {f"{born:%m%d}", f"{born:%Y}", f"{born:%d%m}"}:
            raise TroubleError("new", "guessable")

    def _holder(self, card: Found) -> common_pb2.BasicItems:
        return common_pb2.BasicItems.FromString(tray.holder(self.store, card.person))

    async def _failed(self, request: Request, card: Found, name: str, error: LinkageError | TroubleError) -> Response:
        if isinstance(error, TroubleError):
            if wants_json(request):
                return JSONResponse({"error": {"reason": error.problem.upper(), "field": error.field}}, 400)
            return await self._page(request, card, form=name, field=error.field, problem=error.problem, status=400)
        status = _UNAVAILABLE if error.reason not in _TOLD else 403
        if wants_json(request):
            return problem(error, status)
        field, told = _TOLD.get(error.reason, ("old", "unavailable"))
        if told == "form":
            field = "old" if self._old_is_wrong(name, await request.form()) else "new"
        left = error.metadata.get("left")
        fresh = self._card(request)
        return await self._page(request, fresh, form=name, field=field, problem=told, left=left, status=status)

    def _old_is_wrong(self, name: str, form: FormData) -> bool:
        checked = self.passwords if name in {"password", "signature"} else self.pins
        try:
            checked.require_form(_typed(form, "old"))
        except LinkageError:
            return True
        return False

    async def _page(
        self,
        request: Request,
        card: Found,
        *,
        done: str = "",
        form: str = "",
        field: str = "",
        problem: str = "",
        left: str | None = None,
        status: int = 200,
    ) -> Response:
        certificates = await self._certificates(card)
        language = languages.of(request)
        return render(
            self.face,
            self.pages,
            request,
            "care.html",
            status=status,
            card=card,
            number=card_number.written(card.number) if card.number else "",
            certificates=certificates,
            day=lambda when: written(when, language).day,
            done=done,
            form=form,
            field=field,
            problem=problem,
            left=left,
            portal=self.face.origins.get("portal", ""),
        )

    async def _certificates(self, card: Found) -> list[Certificate]:
        row = self.cards.row(card.card)
        if row is None:
            return []
        first = "phone" if is_phone(card.card) else "authentication"
        kept = ((first, row.certificate), ("signature", row.signature_certificate))
        return [await self._certificate(kind, der) for kind, der in kept if der is not None]

    async def _certificate(self, kind: str, der: bytes) -> Certificate:
        parsed = x509.load_der_x509_certificate(der)
        serial, ends = f"{parsed.serial_number:x}", parsed.not_valid_after_utc
        try:
            status = _STATUS.get((await self.cards.issuer.standing(serial)).status, "revoked")
        except LinkageError:
            status = "unknown"
        due = self.cards.clock.network() >= ends - RENEWAL
        renewable = (kind == "authentication" and due) or (kind == "signature" and (due or status == "revoked"))
        return Certificate(kind, serial, ends, status, renewable)

    def _card(self, request: Request) -> Found:
        card = tray.one(self.store, request.path_params["card"])
        if card is None:
            raise HTTPException(404)
        return card


_TOLD: Final = {
    Reason.CLIENT_MALFORMED: ("old", "form"),
    Reason.CLIENT_PIN_WRONG: ("old", "wrong"),
    Reason.CLIENT_CARD_LOCKED: ("old", "locked"),
    Reason.CLIENT_SIGNATURE_PASSWORD_WRONG: ("old", "wrong"),
    Reason.CLIENT_SIGNATURE_LOCKED: ("old", "locked"),
    Reason.CLIENT_CARD_RENEWAL_EARLY: ("old", "early"),
    Reason.CLIENT_CARD_UNDER_AGE: ("old", "under-age"),
    Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD: ("old", "not-good"),
}


def _typed(form: FormData, name: str) -> str:
    return str(form.get(name, ""))[:100]


def _new(form: FormData) -> str:
    """What was typed twice, and differs from what was there."""
    new, again = _typed(form, "new"), _typed(form, "again")
    if new != again:
        raise TroubleError("again", "differs")
    if new and new == _typed(form, "old"):
        raise TroubleError("new", "same")
    return new
