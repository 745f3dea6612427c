"""A parent becomes the proxy of a child who has no login of their own: both cards are shown, the parent's at the login and the child's here.

The portal does not know how old anybody is, nor who is whose parent: whoever holds the child's card and knows its PIN counts as the legal
representative, as at the real portal. What follows is the same mandate as between adults, with traces in the child's account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.portal.login.proof import decode, encode
from warifu.portal.login.queries import Challenges
from warifu.portal.login.views import to_card, to_login
from warifu.portal.proxies.queries import LONGEST_LABEL, Proxies, checked_label
from warifu.portal.proxies.refusals import Refusal, RefusedError, own
from warifu.portal.proxies.scopes import TERMS
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.face import Face, wants_json
from warifu.web.pages import Pages

PATH: Final = "/proxies/child"
_MARK: Final = "child:"
"""No page's address begins like this, so no link can make a challenge into one."""


@dataclass(frozen=True, slots=True)
class ParentViews:
    """The way from the parent's page to the child's card and back."""

    face: Face
    pages: Pages
    sessions: Sessions
    challenges: Challenges
    proxies: Proxies

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [Route(PATH, self.form, methods=["GET"]), Route(PATH, self.begin, methods=["POST"])]

    async def form(self, request: Request) -> Response:
        """What a parent does."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        return self._page(request, session)

    async def begin(self, request: Request) -> Response:
        """On to the child's card."""
        session = await self.sessions.of(request)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}", 303)
        own(session)
        form = await request.form()
        try:
            label, mine = (checked_label(str(form.get(name, ""))) for name in ("label", "own"))
            days = _days(str(form.get("days", "")))
        except RefusedError as error:
            return self._page(request, session, error.refusal)
        then = f"{_MARK}{days}:{encode(label.encode())}:{encode(mine.encode())}:{session.account}"
        return await to_card(request, self.face, self.challenges, then)

    def is_meant(self, then: str) -> bool:
        """See `warifu.portal.login.views.Parents`."""
        return then.startswith(_MARK)

    async def arrived(self, request: Request, child: str, then: str) -> Response:
        """See `warifu.portal.login.views.Parents`. The session is the one that began it, or nothing happens."""
        _, days, label, mine, parent = then.split(":")
        session = await self.sessions.of(request)
        if session is None or session.account != parent:
            return RedirectResponse(f"/login?next={PATH}", 303)
        own(session)
        texts = [decode(text, 4 * LONGEST_LABEL).decode() for text in (label, mine)]
        mandate = await self.proxies.register_child(child, parent, (texts[0], texts[1]), int(days))
        done: Response = RedirectResponse("/proxies?done=registered", 303)
        return JSONResponse({"mandate": mandate}) if wants_json(request) else done

    def _page(self, request: Request, session: Session, refusal: Refusal | None = None) -> Response:
        language = languages.of(request)
        return self.pages.render(
            request,
            "proxy_child.html",
            status=refusal.value.status if refusal else 200,
            session=session,
            problem=refusal.value.text.to(language) if refusal else "",
            terms=TERMS,
            longest=LONGEST_LABEL,
        )


def _days(text: str) -> int:
    if text not in map(str, TERMS):
        raise RefusedError(Refusal.TERM_MALFORMED)
    return int(text)
