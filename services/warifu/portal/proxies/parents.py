"""A parent becomes the proxy of a child who has no login of their own: both cards are shown, the parent's at the login and the child's here.

The portal does not know how old anybody is, nor who is whose parent: whoever holds the child's card and knows its PIN counts as the legal
representative, as at the real portal. What follows is the same mandate as between adults, with traces in the child's account.

The parent's page stores what is wanted for the parent's own session; only then does a card that comes back make a mandate instead of a login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, bindparam, delete, insert, select
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.login.views import to_login
from warifu.portal.proxies.queries import LONGEST_LABEL, Proxies, checked_label
from warifu.portal.proxies.refusals import Refusal, RefusedError, own
from warifu.portal.proxies.scopes import TERMS
from warifu.portal.schema import proxy_children
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.face import Face, wants_json
from warifu.web.guard import Policy
from warifu.web.pages import Pages

PATH: Final = "/proxies/child"
CARD: Final = f"{PATH}/card"
"""Where the child's card leads back to. No page is there: the card's proof is taken at the login's own address."""
_LABELS: Final = ("label", "own")
_EMPTY: Final = FormData()
LIFE: Final = timedelta(minutes=10)
"""Machine time between the parent's page and the child's card."""

_KEEP: Final = insert(proxy_children)
_KEPT: Final = select(proxy_children).where(
    proxy_children.c.token_hash == bindparam("session"), proxy_children.c.made_at > bindparam("since")
)
_DROP: Final = delete(proxy_children).where(proxy_children.c.token_hash == bindparam("session"))
_PURGE: Final = delete(proxy_children).where(proxy_children.c.made_at <= bindparam("since"))


@dataclass(frozen=True, slots=True)
class ParentViews:
    """The way from the parent's page to the child's card and back."""

    face: Face
    pages: Pages
    sessions: Sessions
    store: Store
    clock: Clock
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
            label, mine = (checked_label(str(form.get(name, ""))) for name in _LABELS)
            days = _days(str(form.get("days", "")))
        except RefusedError as error:
            return self._page(request, session, error.refusal, form)
        row = {"token_hash": session.token_hash, "label": label, "own_label": mine, "days": days}
        await self._keep({**row, "made_at": milliseconds(self.clock.machine())})
        card = {"origin": self.face.origin, "next": CARD, "lang": languages.of(request)}
        return RedirectResponse(f"{self.face.origins['card']}/?{urlencode(card)}", 303)

    def is_meant(self, then: str) -> bool:
        """See `warifu.portal.login.views.Parents`."""
        return then == CARD

    async def arrived(self, request: Request, child: str, then: str) -> Response:
        """See `warifu.portal.login.views.Parents`. Nothing happens but for the session whose holder asked for it just before."""
        del then
        session = await self.sessions.of(request)
        wanted = await self._taken(session) if session is not None else None
        if session is None or wanted is None:
            return RedirectResponse(PATH, 303)
        own(session)
        labels = (wanted.label, wanted.own_label)
        mandate = await self.proxies.register_child(child, session.account, labels, wanted.days)
        done: Response = RedirectResponse("/proxies?done=registered", 303)
        return JSONResponse({"mandate": mandate}) if wants_json(request) else done

    async def purge(self) -> int:
        """Forget what was never gone on with; how many."""
        since = {"since": milliseconds(self.clock.machine() - LIFE)}
        return await self.store.write(lambda c: c.execute(_PURGE, since).rowcount)

    async def _keep(self, row: dict[str, object]) -> None:
        def replace(connection: Connection) -> None:
            connection.execute(_DROP, {"session": row["token_hash"]})
            connection.execute(_KEEP, row)

        await self.store.write(replace)

    async def _taken(self, session: Session) -> Any:
        """What the session's holder asked for, once; None when there is nothing."""
        keys = {"session": session.token_hash, "since": milliseconds(self.clock.machine() - LIFE)}

        def take(connection: Connection) -> Any:
            found = connection.execute(_KEPT, keys).one_or_none()
            connection.execute(_DROP, {"session": session.token_hash})
            return found

        return await self.store.write(take)

    def _page(
        self, request: Request, session: Session, refusal: Refusal | None = None, form: FormData = _EMPTY
    ) -> Response:
        language = languages.of(request)
        typed = {name: str(form.get(name, "")) for name in _LABELS}
        return self.pages.render(
            request,
            "proxy_child.html",
            status=refusal.value.status if refusal else 200,
            policy=Policy(form_targets=(self.face.origins["card"],)),
            session=session,
            problem=refusal.value.text.to(language) if refusal else "",
            wrong=_malformed(typed) if refusal is Refusal.LABEL_MALFORMED else [],
            typed=typed,
            terms=TERMS,
            longest=LONGEST_LABEL,
        )


def _malformed(typed: Mapping[str, str]) -> list[str]:
    """The labels that are none."""
    found = []
    for name, text in typed.items():
        try:
            checked_label(text)
        except RefusedError:
            found.append(name)
    return found


def _days(text: str) -> int:
    if text not in map(str, TERMS):
        raise RefusedError(Refusal.TERM_MALFORMED)
    return int(text)
