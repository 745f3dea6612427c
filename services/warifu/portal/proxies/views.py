"""The pages on which proxies are made, used, watched and ended, and their JSON.

`/proxies` is always about whoever logged in, never about a principal. While the session acts for somebody, its pages offer the way back
and nothing else, so that nobody mistakes whose proxies are shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.portal.login.views import to_login
from warifu.portal.proxies.queries import GUESS_WINDOW, LONGEST_LABEL, WORD_LIFE, Mandate, Proxies
from warifu.portal.proxies.refusals import Refusal, RefusedError, own
from warifu.portal.proxies.scopes import TERMS, OutOfScopeError, Scope
from warifu.portal.proxies.traces import Position, Trace, Traces
from warifu.portal.sessions import MandateEndedError, Session, Sessions
from warifu.web import languages
from warifu.web.dates import Written, iso, written
from warifu.web.face import Failure, wants_json
from warifu.web.pages import Pages

PATH: Final = "/proxies"
_ACCEPT: Final = f"{PATH}/accept"
_DONE: Final = frozenset({"registered", "back", "ended"})
_Do = Callable[[Request, Session, FormData], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ProxyViews:
    """The pages and documents about proxies."""

    pages: Pages
    sessions: Sessions
    proxies: Proxies
    traces: Traces

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.shown, methods=["GET"]),
            Route(f"{PATH}/records", self.records, methods=["GET"]),
            Route(f"{PATH}/word", self._posted(self.word), methods=["POST"]),
            Route(_ACCEPT, self._posted(self.accept), methods=["POST"]),
            Route(f"{PATH}/act", self._posted(self.act), methods=["POST"]),
            Route(f"{PATH}/back", self._posted(self.back, also_acting=True), methods=["POST"]),
            Route(f"{PATH}/end", self._posted(self.end), methods=["POST"]),
            Route("/api/v1/proxies", self.shown_json, methods=["GET"]),
            Route("/api/v1/proxies/records", self.records_json, methods=["GET"]),
        ]

    def failures(self) -> Mapping[type[Exception], Failure]:
        """What is answered when something about proxies is refused, on whichever page."""
        return {RefusedError: self._refused, MandateEndedError: self._ended, OutOfScopeError: self._out_of_scope}

    async def shown(self, request: Request) -> Response:
        """Whoever logged in, their proxies and whose proxy they are."""
        session = await self.sessions.of(request)
        return to_login(request) if session is None else self._page(request, session)

    async def records(self, request: Request) -> Response:
        """The traces of all one's mandates, also of ended ones."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        page, language = self.traces.page(session.account, _position(request)), languages.of(request)
        told = [(trace, written(datetime_at(trace.at), language)) for trace in page.traces]
        first = "before" not in request.query_params
        return self.pages.render(
            request, "proxy_records.html", session=session, told=told, older=page.older, first=first
        )

    async def word(self, request: Request, session: Session, form: FormData) -> Response:
        """Make a pairing word and show it, this once."""
        scope, days = _terms(form)
        made = await self.proxies.make_word(session.account, _text(form, "label"), scope, days)
        seconds = int(WORD_LIFE.total_seconds())
        if wants_json(request):
            return JSONResponse({"word": made, "seconds": seconds})
        return self.pages.render(request, "proxy_word.html", session=session, word=made, minutes=seconds // 60)

    async def accept(self, request: Request, session: Session, form: FormData) -> Response:
        """Become somebody's proxy by their pairing word."""
        mandate = await self.proxies.accept(session.account, _text(form, "word"), _text(form, "label"))
        return _done(request, "registered", {"mandate": mandate})

    async def act(self, request: Request, session: Session, form: FormData) -> Response:
        """Read a principal's history from now on. Somebody else's mandate is missing like one that never was."""
        mandate = _text(form, "mandate")
        if not await self.proxies.act(session, mandate):
            raise HTTPException(404)
        return JSONResponse({"mandate": mandate}) if wants_json(request) else RedirectResponse("/history", 303)

    async def back(self, request: Request, session: Session, form: FormData) -> Response:
        """Read one's own history from now on."""
        del form
        await self.proxies.go_back(session)
        return _done(request, "back", {"mandate": None})

    async def end(self, request: Request, session: Session, form: FormData) -> Response:
        """End a mandate, from either side."""
        mandate = _text(form, "mandate")
        if not await self.proxies.end(session.account, mandate):
            raise HTTPException(404)
        return _done(request, "ended", {"mandate": mandate})

    async def shown_json(self, request: Request) -> Response:
        """The same as JSON, and under which mandate the session reads just now."""
        session = await self._required(request)
        circle, acting = self.proxies.circle(session.account), session.acting
        return JSONResponse(
            {
                "acting": {"mandate": acting.mandate, "label": acting.label} if acting else None,
                "proxies": [_document(one) for one in circle.proxies],
                "principals": [_document(one) for one in circle.principals],
            }
        )

    async def records_json(self, request: Request) -> Response:
        """The traces as JSON; `next` is the value of `before` for the page after it."""
        page = self.traces.page((await self._required(request)).account, _position(request))
        records = [_record(trace) for trace in page.traces]
        return JSONResponse({"records": records, "next": str(page.older) if page.older else None})

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session

    def _posted(self, do: _Do, *, also_acting: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            session = await self.sessions.of(request)
            if session is None and wants_json(request):
                raise HTTPException(401)
            if session is None:
                return RedirectResponse(f"/login?next={PATH}", 303)
            if not also_acting:
                own(session)
            return await do(request, session, await request.form())

        return endpoint

    def _page(self, request: Request, session: Session, refusal: Refusal | None = None, typed: str = "") -> Response:
        """The page, with what was refused just now; `typed` is the label that need not be typed again."""
        circle, language = self.proxies.circle(session.account), languages.of(request)
        done = request.query_params.get("done", "")
        return self.pages.render(
            request,
            "proxies.html",
            status=refusal.value.status if refusal else 200,
            session=session,
            proxies=[_shown(one, language) for one in circle.proxies],
            principals=[_shown(one, language) for one in circle.principals],
            terms=TERMS,
            problem=refusal.value.text.to(language) if refusal else "",
            wrong=_fields(refusal, accepting=request.url.path == _ACCEPT),
            typed=typed,
            done=done if done in _DONE and not refusal else "",
            longest=LONGEST_LABEL,
            minutes=int(WORD_LIFE.total_seconds()) // 60,
        )

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        refusal, session = error.refusal, await self.sessions.of(request)
        if wants_json(request) or session is None:
            response: Response = _problem(refusal)
        else:
            typed = _text(await request.form(), "label") if request.url.path == _ACCEPT else ""
            response = self._page(request, session, refusal, typed)
        if refusal is Refusal.TOO_MANY_GUESSES:
            response.headers["retry-after"] = str(int(GUESS_WINDOW.total_seconds()))
        return response

    async def _out_of_scope(self, request: Request, _error: Exception) -> Response:
        if wants_json(request):
            return _problem(Refusal.OUT_OF_SCOPE)
        session = await self.sessions.of(request, anywhere=True)
        return self.pages.render(request, "proxy_scope.html", status=403, session=session)

    async def _ended(self, request: Request, _error: Exception) -> Response:
        return _problem(Refusal.MANDATE_ENDED) if wants_json(request) else RedirectResponse(PATH, 303)


def _fields(refusal: Refusal | None, *, accepting: bool) -> list[str]:
    """Beside which field of the page a refusal stands; none where it is about no field."""
    if refusal is Refusal.LABEL_MALFORMED:
        return ["principal-label" if accepting else "proxy-label"]
    return ["word"] if refusal in {Refusal.WORD_UNKNOWN, Refusal.OWN_WORD} else []


def _terms(form: FormData) -> tuple[Scope, int]:
    """Reach and term; the narrow reach and the longest term where a program names none."""
    scope, days = _text(form, "scope") or Scope.HISTORY.value, _text(form, "days") or str(TERMS[-1])
    if scope not in set(Scope) or days not in map(str, TERMS):
        raise RefusedError(Refusal.TERM_MALFORMED)
    return Scope(scope), int(days)


def _shown(one: Mandate, language: str) -> tuple[Mandate, Written, Written]:
    """A mandate with its first and its last moment in words."""
    return one, written(datetime_at(one.since), language), written(datetime_at(one.until), language)


def _done(request: Request, what: str, document: Mapping[str, object]) -> Response:
    return JSONResponse(document) if wants_json(request) else RedirectResponse(f"{PATH}?done={what}", 303)


def _problem(refusal: Refusal) -> JSONResponse:
    text = refusal.value.text
    return JSONResponse(
        {"error": {"reason": refusal.name, "message": {"ja": text.ja, "en": text.en}}}, refusal.value.status
    )


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, ""))


def _position(request: Request) -> Position | None:
    return Position.read(request.query_params.get("before", ""))


def _document(mandate: Mandate) -> Mapping[str, object]:
    return {
        "mandate": mandate.mandate,
        "label": mandate.label,
        "kind": mandate.kind,
        "scope": mandate.scope,
        "since": iso(datetime_at(mandate.since)),
        "until": iso(datetime_at(mandate.until)),
    }


def _record(trace: Trace) -> Mapping[str, object]:
    return {
        "at": iso(datetime_at(trace.at)),
        "act": trace.act,
        "side": "principal" if trace.as_principal else "proxy",
        "mandate": trace.position.mandate,
        "label": trace.label,
    }
