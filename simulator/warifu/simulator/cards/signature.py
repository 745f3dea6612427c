"""Signing an application: a portal sends a browser here with the SHA-256 of a form; who types the card's signature password signs it.

What is in the form, the card does not see, as a real card does not: the portal must show it before. The page says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.portal.login.proof import HASH_SIZE, ProofError, decode
from warifu.simulator.cards import tray
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.pins import Passwords
from warifu.simulator.cards.tray import Found
from warifu.simulator.cards.views import CHOSEN_COOKIE, render
from warifu.simulator.cards.words import person_of
from warifu.web.face import Face, problem, wants_json
from warifu.web.pages import Pages

PATH: Final = "/signature"
_LOCAL: Final = re.compile(r"/[A-Za-z0-9_-][A-Za-z0-9/_-]{0,280}", re.ASCII)
_REFUSALS: Final = frozenset(
    {
        Reason.CLIENT_SIGNATURE_PASSWORD_WRONG,
        Reason.CLIENT_SIGNATURE_LOCKED,
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_CARD_UNKNOWN,
        Reason.CLIENT_CARD_UNDER_AGE,
        Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD,
    }
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a portal wants signed, and where the answer goes."""

    origin: str
    digest: str
    """SHA-256 of the serialised form, base64url."""
    session: str
    """SHA-256 of the portal's session cookie, base64url; as at the login. It is no part of what is signed."""
    back: str
    """A page of that portal."""

    @classmethod
    def of(cls, values: FormData | Request, face: Face) -> Wish:
        """The wish, when it is one that may be shown.

        Raises:
            HTTPException: 400: not from a portal that this service works with, no digest, or a way back that is no page of its.
        """
        fields = values.query_params if isinstance(values, Request) else values
        origin, digest, session, back = (
            str(fields.get(name, "")) for name in ("origin", "digest", "session", "return")
        )
        try:
            sizes = len(decode(digest, HASH_SIZE)), len(decode(session, HASH_SIZE))
        except ProofError as error:
            raise HTTPException(400) from error
        if origin not in face.origins.values() or sizes != (HASH_SIZE, HASH_SIZE) or not _LOCAL.fullmatch(back):
            raise HTTPException(400)
        if "//" in back:
            raise HTTPException(400)
        return cls(origin, digest, session, back)

    def parameters(self) -> dict[str, str]:
        """As it came."""
        return {"origin": self.origin, "digest": self.digest, "session": self.session, "return": self.back}

    @property
    def fingerprint(self) -> str:
        """The digest as a person compares it with what the portal shows: its first 16 hexadecimal digits, in fours."""
        shown = decode(self.digest, HASH_SIZE).hex()[:16]
        return " ".join(shown[start : start + 4] for start in range(0, len(shown), 4))


@dataclass(frozen=True, slots=True)
class SignatureViews:
    """The pages of signing."""

    face: Face
    pages: Pages
    store: Store
    passwords: Passwords
    cards: Cards

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [Route(PATH, self.ask, methods=["GET"]), Route(PATH, self.sign, methods=["POST"])]

    async def ask(self, request: Request) -> Response:
        """Say what is asked, and ask for the signature password of the card on the reader."""
        wish = Wish.of(request, self.face)
        card = self._on_reader(request)
        if card is None:
            return RedirectResponse(f"/?{urlencode(wish.parameters())}", 303)
        return self._page(request, wish, card, None)

    async def sign(self, request: Request) -> Response:
        """Sign if the password is right, and lead back."""
        form = await request.form()
        wish, handle = Wish.of(form, self.face), str(form.get("card", ""))
        try:
            await self.passwords.check(handle, str(form.get("password", "")))
            signed = await self.cards.sign_form(handle, decode(wish.digest, HASH_SIZE))
        except LinkageError as error:
            return self._refused(request, wish, handle, error)
        return RedirectResponse(f"{wish.origin}{wish.back}?{urlencode(signed.parameters())}", 303)

    def _refused(self, request: Request, wish: Wish, handle: str, error: LinkageError) -> Response:
        status = 403 if error.reason in _REFUSALS else 503
        if wants_json(request):
            return problem(error, status)
        card = tray.one(self.store, handle)
        if card is None:
            raise HTTPException(400)
        return self._page(request, wish, card, error, status)

    def _page(
        self, request: Request, wish: Wish, card: Found, error: LinkageError | None, status: int = 200
    ) -> Response:
        return render(
            self.face,
            self.pages,
            request,
            "signature.html",
            status=status,
            wish=wish,
            asked=wish.parameters(),
            card=card,
            error=str(error.reason) if error else None,
            left=error.metadata.get("left") if error else None,
        )

    def _on_reader(self, request: Request) -> Found | None:
        """The card that was chosen; a phone's holder signs with their card, since this phone has no certificate for signatures."""
        return tray.one(self.store, person_of(request.cookies.get(CHOSEN_COOKIE, "")))
