"""The way in and out.

`/login` leads to the card service, where a card is chosen; `/login/challenge` makes the challenge and leads on to the PIN; the card
service sends the browser to `/login/return` with the proof. Every step is a plain page or redirect: no script is needed. The minute of a
challenge begins only when the card is chosen.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.accounts import Accounts
from warifu.portal.card.endings import Endings
from warifu.portal.card.ends import Ends
from warifu.portal.kiosk.terminals import is_kiosk
from warifu.portal.login.proof import LapsedError, Proof, ProofError, encode
from warifu.portal.login.queries import LIFE, Challenges
from warifu.portal.operations.queries import Operations
from warifu.portal.ports import Numbering, Standing
from warifu.portal.sessions import COOKIE, Sessions, new_token, set_cookie, token_hash
from warifu.web import languages
from warifu.web.face import Face, problem, wants_json
from warifu.web.pages import Pages

PRE_LOGIN_COOKIE: Final = "warifu_login"
PATH: Final = "/login"
HOME: Final = "/history"
_LOCAL: Final = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9/_-]*)?(?:\?[A-Za-z0-9=&_-]*)?", re.ASCII)
_LONGEST_NEXT: Final = 300
_PROBLEMS: Final = {
    Reason.CLIENT_CHALLENGE_INVALID: "challenge",
    Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD: "certificate",
}
_STANDINGS: Final = {
    pb.CERTIFICATE_STATUS_SUSPENDED: "suspended",
    pb.CERTIFICATE_STATUS_EXPIRED: "expired",
}
"""Certificates that are not good, as the page tells them apart; others are revoked."""
_log: Final = logging.getLogger(__name__)


def safe_next(path: str | None) -> str:
    """`path` when it is a page of this portal; the history otherwise. Nothing that leads elsewhere passes: no `//`, no scheme."""
    if path and len(path) <= _LONGEST_NEXT and "//" not in path and _LOCAL.fullmatch(path):
        return path
    return HOME


def to_login(request: Request) -> RedirectResponse:
    """To the login page, which leads back to the page asked for."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{PATH}?{urlencode({'next': safe_next(request.url.path + query)})}", 303)


class Parents(Protocol):
    """Who goes on when the card that was shown is no login, but a child's beside its parent's (`warifu.portal.proxies.parents`)."""

    def is_meant(self, then: str) -> bool:
        """Whether a challenge was made for that."""

    async def arrived(self, request: Request, child: str, then: str) -> Response:
        """The answer, when the card of the account `child` was proved."""


class Aside(Protocol):
    """Who has a card prove itself without a login (`warifu.portal.insurance`)."""

    def is_meant(self, then: str) -> bool:
        """Whether a challenge was made for that."""

    async def arrived(self, request: Request, serial: str, then: str) -> Response:
        """The answer, when the certificate with this serial number was proved and is good."""


async def to_card(request: Request, face: Face, challenges: Challenges, then: str) -> RedirectResponse:
    """Make a challenge for this browser, to go on to `then` once it was answered, and lead to the card's PIN."""
    token = new_token()
    session_hash = token_hash(token)
    challenge = await challenges.make(session_hash, then)
    asked = {
        "origin": face.origin,
        "challenge": encode(challenge),
        "session": encode(session_hash),
        "lang": languages.of(request),
    }
    response = RedirectResponse(f"{face.origins['card']}/pin?{urlencode(asked)}", 303)
    seconds = int(LIFE.total_seconds())
    set_cookie(response, PRE_LOGIN_COOKIE, token, secure=face.secure, seconds=seconds, path=PATH)
    return response


@dataclass(frozen=True, slots=True)
class LoginViews:
    """The pages of the way in and out."""

    face: Face
    pages: Pages
    clock: Clock
    challenges: Challenges
    sessions: Sessions
    accounts: Accounts
    numbering: Numbering
    operations: Operations
    parents: Parents
    endings: Endings
    ends: Ends
    aside: Aside

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.login, methods=["GET"]),
            Route(f"{PATH}/challenge", self.challenge, methods=["GET"]),
            Route(f"{PATH}/return", self.arrive, methods=["GET"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/logout/everywhere", self.logout_everywhere, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """What a login is, and the way to the card."""
        then = safe_next(request.query_params.get("next"))
        if await self.sessions.of(request):
            return RedirectResponse(then, 303)
        card = {"origin": self.face.origin, "next": then, "lang": languages.of(request)}
        return self.pages.render(
            request,
            "login.html",
            card_url=f"{self.face.origins['card']}/?{urlencode(card)}",
            card_service=self.face.origins["card"],
            problem=request.query_params.get("problem", ""),
            ended=self.endings.why(request) or "",
            logged_out="out" in request.query_params,
            session=None,
        )

    async def challenge(self, request: Request) -> Response:
        """Make a challenge for this browser and go on to the card's PIN."""
        return await to_card(request, self.face, self.challenges, safe_next(request.query_params.get("next")))

    async def arrive(self, request: Request) -> Response:
        """Check what the card signed and open a session."""
        try:
            serial, then = await self._proved(request)
            if self.aside.is_meant(then):
                return await self.aside.arrived(request, serial, then)
            account = await self.accounts.log_in(serial)
        except LinkageError as error:
            return self._failed(request, error)
        if self.parents.is_meant(then):
            return await self.parents.arrived(request, account, then)
        response: Response = JSONResponse({"logged_in": True}) if wants_json(request) else RedirectResponse(then, 303)
        await self.operations.note(account, "login")
        before = await self.sessions.of(request, anywhere=True)
        if before is not None:  # whoever was logged in at this browser no longer is, nor anybody who knows that cookie
            await self.endings.drop(before.token_hash)
        opened = await self.sessions.open(account, response, serial=serial, kiosk=is_kiosk(request))
        try:
            standing = await self._require_good(
                serial
            )  # once more: what was reported meanwhile found no session to end
        except LinkageError as error:
            await self.endings.drop(opened)
            return self._failed(request, error)
        await self.ends.note(serial, standing)
        response.delete_cookie(PRE_LOGIN_COOKIE, PATH, httponly=True, samesite="lax")
        return response

    async def logout(self, request: Request) -> Response:
        """End the session."""
        response = RedirectResponse(f"{PATH}?out", 303)
        session = await self.sessions.of(request)
        if session is not None:
            await self.operations.note(session.account, "logout")
        await self.sessions.close(request, response)
        return response

    async def logout_everywhere(self, request: Request) -> Response:
        """End every session of the account, in whatever browser, and its bearer tokens."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        others = await self.endings.everywhere(session.account, session.token_hash)
        await self.operations.note(session.account, "logout-everywhere")
        response: Response = (
            JSONResponse({"ended": others + 1})
            if wants_json(request)
            else RedirectResponse(f"{PATH}?{urlencode({'out': 'everywhere'})}", 303)
        )
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    async def _proved(self, request: Request) -> tuple[str, str]:
        """Serial number of the certificate that was proved, and the page to open."""
        session_hash = token_hash(request.cookies.get(PRE_LOGIN_COOKIE, ""))
        values = (request.query_params.get(name, "") for name in ("challenge", "certificate", "signature"))
        try:
            proof = Proof.read(*values)
            then = await self.challenges.use(proof.challenge, session_hash)
            authority = await self.numbering.card_authority()
            serial = proof.check(authority, self.face.origin, session_hash, self.clock.network())
        except LapsedError as error:
            await self._require_good(error.serial)  # says first what else is wrong with it: suspended, revoked
            raise _not_good("expired") from error
        except ProofError as error:
            _log.info("login refused: %s", error)
            raise LinkageError(Reason.CLIENT_CHALLENGE_INVALID) from error
        await self._require_good(serial)
        return serial, then

    async def _require_good(self, serial: str) -> Standing:
        standing = await self.numbering.standing(serial)
        if standing.status != pb.CERTIFICATE_STATUS_GOOD:
            raise _not_good(_STANDINGS.get(standing.status, "revoked"))
        return standing

    def _failed(self, request: Request, error: LinkageError) -> Response:
        if wants_json(request):
            return problem(error, 403 if error.reason in _PROBLEMS else 503)
        kind = error.metadata.get("status") or _PROBLEMS.get(error.reason, "unavailable")
        return RedirectResponse(f"{PATH}?{urlencode({'problem': kind})}", 303)


def _not_good(status: str) -> LinkageError:
    return LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD, metadata={"status": status})
