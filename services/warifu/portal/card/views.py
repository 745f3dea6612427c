"""My card: the certificates with which this account is opened, when they end, and what to do about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.accounts import Accounts
from warifu.portal.card.ends import AHEAD
from warifu.portal.login.views import to_login
from warifu.portal.ports import Numbering
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import Face, wants_json
from warifu.web.pages import Pages

PATH: Final = "/card"
_STATUS: Final = {
    pb.CERTIFICATE_STATUS_GOOD: "good",
    pb.CERTIFICATE_STATUS_SUSPENDED: "suspended",
    pb.CERTIFICATE_STATUS_REVOKED: "revoked",
    pb.CERTIFICATE_STATUS_EXPIRED: "expired",
}
_KIND: Final = {
    pb.CERTIFICATE_KIND_AUTHENTICATION: "authentication",
    pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION: "phone",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of the account's holder."""

    serial: str
    kind: str
    status: str
    ends: datetime | None
    here: bool
    """This session was opened with it."""
    renewable: bool

    def document(self) -> dict[str, object]:
        """As `/api/v1/card` gives it."""
        return {
            "serial": self.serial,
            "kind": self.kind,
            "status": self.status,
            "ends_at": iso(self.ends) if self.ends else None,
            "this_session": self.here,
            "renewable": self.renewable,
        }


@dataclass(frozen=True, slots=True)
class CardViews:
    """The page of one's own card."""

    face: Face
    pages: Pages
    clock: Clock
    sessions: Sessions
    accounts: Accounts
    numbering: Numbering

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(f"/api/v1{PATH}", self.show, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Certificates that live: the card's before a phone's, of a kind the one that ends last first; how many have ended."""
        session = await self.sessions.of(request)
        if session is None:
            if wants_json(request):
                raise HTTPException(401)
            return to_login(request)
        known, down = await self._certificates(session)
        living = [one for one in known if one.status != "revoked"]
        if wants_json(request):
            return JSONResponse(
                {
                    "certificates": [one.document() for one in living],
                    "ended": len(known) - len(living),
                    "unavailable": down,
                    "sessions": self.sessions.count(session.account),
                }
            )
        language = languages.of(request)
        return self.pages.render(
            request,
            "card.html",
            session=session,
            certificates=living,
            ended=len(known) - len(living),
            down=down,
            others=self.sessions.count(session.account) - 1,
            day=lambda when: written(when, language).day,
            card_service=self.face.origins["card"],
        )

    async def _certificates(self, session: Session) -> tuple[Sequence[Certificate], bool]:
        """All certificates known of the account, and whether the card authority could not be asked."""
        found = []
        try:
            for serial in self.accounts.certificates(session.account):
                standing = await self.numbering.standing(serial)
                due = standing.not_after is not None and self.clock.network() >= standing.not_after - AHEAD
                kind = _KIND.get(standing.kind, "authentication")
                status = _STATUS.get(standing.status, "revoked")
                found.append(
                    Certificate(
                        serial,
                        kind,
                        status,
                        standing.not_after,
                        here=serial == session.serial,
                        renewable=due and kind == "authentication",
                    )
                )
        except LinkageError:
            return [], True
        return sorted(found, key=_place), False


def _place(one: Certificate) -> tuple[bool, float, str]:
    return one.kind == "phone", -one.ends.timestamp() if one.ends else 0.0, one.serial
