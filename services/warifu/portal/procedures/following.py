"""The pages of one's applications, from the draft that is signed to the decision, and their JSON. Never about a principal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import datetime_at
from warifu.portal.accounts import Accounts
from warifu.portal.history.queries import History
from warifu.portal.history.story import Story, Teller
from warifu.portal.login.views import to_login
from warifu.portal.procedures.guide import Guide
from warifu.portal.procedures.queries import Application, Applications, Draft
from warifu.portal.procedures.sealing import Signing
from warifu.portal.procedures.views import places_of
from warifu.portal.proxies.refusals import own
from warifu.portal.sessions import Session, Sessions
from warifu.portal.v1 import post_pb2
from warifu.web import languages
from warifu.web.dates import Written, iso, written
from warifu.web.face import problem, wants_json
from warifu.web.pages import Pages

PATH: Final = "/applications"
_DRAFTS: Final = f"{PATH}/drafts"
_PROBLEMS: Final = {
    Reason.CLIENT_APPLICATION_INVALID: "signature",
    Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD: "certificate",
}
_PREFIX: Final = len("APPLICATION_STATE_")
STEPS: Final = ("SENT", "RECEIVED", "IN_WORK", "DECIDED")
"""What a reader is shown as the way of an application."""
_STEP_OF: Final = {"SENT": 0, "RETURNED": 0, "RECEIVED": 1, "IN_WORK": 2, "AWAITS_PAPER": 2, "GRANTED": 3, "REFUSED": 3}


@dataclass(frozen=True, slots=True)
class Shown:
    """One application for a reader of one language."""

    application_id: str
    procedure: str
    institution: str
    submitted: Written
    state: str
    """SENT, RECEIVED, IN_WORK, AWAITS_PAPER, GRANTED, REFUSED or RETURNED."""
    state_at: Written
    step: int
    """How far along `STEPS`."""
    saved: Sequence[str]
    to_bring: Sequence[str]
    note: str


@dataclass(frozen=True, slots=True)
class ApplicationViews:
    """Signing and following."""

    pages: Pages
    sessions: Sessions
    accounts: Accounts
    guide: Guide
    applications: Applications
    signing: Signing
    history: History
    teller: Teller

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.listed, methods=["GET"]),
            Route(f"{_DRAFTS}/{{application}}", self.draft, methods=["GET"]),
            Route(f"{_DRAFTS}/{{application}}/signed", self.signed, methods=["GET"]),
            Route(f"{PATH}/{{application}}", self.shown, methods=["GET"]),
            Route("/api/v1/applications", self.listed_json, methods=["GET"]),
            Route(f"/api/v1{_DRAFTS}/{{application}}", self.draft_json, methods=["GET"]),
            Route(f"/api/v1{_DRAFTS}/{{application}}/signed", self.signed, methods=["GET"]),
            Route("/api/v1/applications/{application}", self.shown_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of one's applications."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        page, language = (
            self.applications.page(session.account, request.query_params.get("before")),
            languages.of(request),
        )
        return self.pages.render(
            request,
            "applications.html",
            session=session,
            found=[self._told(one, language) for one in page.applications],
            older=page.older,
            first="before" not in request.query_params,
        )

    async def listed_json(self, request: Request) -> Response:
        """The same as JSON: `applications` without their papers; `next` is the value of `before` for the page after it."""
        session = await self._required(request)
        page = self.applications.page(session.account, request.query_params.get("before"))
        return JSONResponse({"applications": [_document(one) for one in page.applications], "next": page.older})

    async def draft(self, request: Request) -> Response:
        """What is about to be signed, and the way to the card."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        draft, language = self._drafted(request, session), languages.of(request)
        return self.pages.render(
            request,
            "application_draft.html",
            session=session,
            draft=draft,
            procedure=self.guide.name(draft.procedure, language),
            institution=self.guide.institution(draft.institution, language),
            places=places_of(self.guide, draft, language),
            sign=self._sign(session, draft, language),
            problem=request.query_params.get("problem", ""),
        )

    async def draft_json(self, request: Request) -> Response:
        """The same as JSON: `{application_id, procedure, institution, values, sign}`; `sign` is the address at the card service."""
        session = await self._required(request)
        draft = self._drafted(request, session)
        return JSONResponse(
            {
                "application_id": draft.application_id,
                "procedure": draft.procedure,
                "institution": draft.institution,
                "values": dict(draft.values),
                "sign": self._sign(session, draft, languages.of(request)),
            }
        )

    async def signed(self, request: Request) -> Response:
        """Back from the card with a signature over this very draft: check it, seal it, put it into the post.

        A GET, since the card service leads back by a redirect; without a signature that fits it changes nothing.
        """
        session = await self.sessions.of(request)
        if session is None and wants_json(request):
            raise HTTPException(401)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}", 303)
        own(session)
        application_id = request.path_params["application"]
        if self.applications.one(session.account, application_id) is None:
            try:
                await self._send(request, session, self._drafted(request, session))
            except LinkageError as error:
                return self._failed(request, application_id, error)
        if wants_json(request):
            return JSONResponse({"application_id": application_id})
        return RedirectResponse(f"{PATH}/{application_id}?sent", 303)

    async def shown(self, request: Request) -> Response:
        """One application: how it goes, the papers it saved, those to bring, and the inquiries made for it."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        one, language = self._one(request, session), languages.of(request)
        return self.pages.render(
            request,
            "application.html",
            session=session,
            application=self._told(one, language),
            inquiries=self._inquiries(session, one, language),
            sent="sent" in request.query_params,
        )

    async def shown_json(self, request: Request) -> Response:
        """The same as JSON, with `papers_saved`, `papers_to_bring`, `note` and `request_ids`, each an entry of one's history."""
        session = await self._required(request)
        one = self._one(request, session)
        stories = self._inquiries(session, one, languages.of(request))
        return JSONResponse(
            {
                **_document(one),
                "papers_saved": [{"ja": paper.ja, "en": paper.en} for paper in one.told.papers_saved],
                "papers_to_bring": [{"ja": paper.ja, "en": paper.en} for paper in one.told.papers_to_bring],
                "note": one.told.note,
                "request_ids": [story.request_id for story in stories],
            }
        )

    async def _send(self, request: Request, session: Session, draft: Draft) -> None:
        certificate, signature = (request.query_params.get(name, "") for name in ("certificate", "signature"))
        sealed = await self.signing.seal(draft.application_id, draft.institution, draft.form, certificate, signature)
        await self.applications.send(session.account, draft, sealed)

    def _failed(self, request: Request, application_id: str, error: LinkageError) -> Response:
        if wants_json(request):
            return problem(error, 403 if error.reason in _PROBLEMS else 503)
        kind = _PROBLEMS.get(error.reason, "unavailable")
        return RedirectResponse(f"{_DRAFTS}/{application_id}?problem={kind}", 303)

    def _inquiries(self, session: Session, one: Application, language: str) -> list[Story]:
        """Those inquiries that are in the applicant's own history, in words; of others nothing is said, whatever the institution told."""
        if not one.told.request_ids:
            return []
        subjects = self.accounts.subjects(session.account)
        entries = (self.history.one(subjects, request_id) for request_id in one.told.request_ids)
        return [self.teller.tell(found.entry, language) for found in entries if found is not None]

    def _told(self, one: Application, language: str) -> Shown:
        state = _state(one)
        return Shown(
            application_id=one.application_id,
            procedure=self.guide.name(one.procedure, language),
            institution=self.guide.institution(one.institution, language),
            submitted=written(datetime_at(one.submitted_at), language),
            state=state,
            state_at=written(datetime_at(one.state_at), language),
            step=_STEP_OF[state],
            saved=_papers(one.told.papers_saved, language),
            to_bring=_papers(one.told.papers_to_bring, language),
            note=one.told.note,
        )

    def _sign(self, session: Session, draft: Draft, language: str) -> str:
        back = f"{_DRAFTS}/{draft.application_id}/signed"
        return self.signing.address(draft.form, session.token_hash, back, language)

    def _drafted(self, request: Request, session: Session) -> Draft:
        """The draft of the address; somebody else's is missing like one that never was."""
        draft = self.applications.drafted(session.account, request.path_params["application"])
        if draft is None:
            raise HTTPException(404)
        return draft

    def _one(self, request: Request, session: Session) -> Application:
        one = self.applications.one(session.account, request.path_params["application"])
        if one is None:
            raise HTTPException(404)
        return one

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        own(session)
        return session


def _state(one: Application) -> str:
    return post_pb2.ApplicationState.Name(one.state)[_PREFIX:]


def _papers(papers: Sequence[common_pb2.LocalizedText], language: str) -> list[str]:
    return [paper.en if language == "en" else paper.ja for paper in papers]


def _document(one: Application) -> Mapping[str, object]:
    return {
        "application_id": one.application_id,
        "procedure": one.procedure,
        "institution": one.institution,
        "submitted_at": iso(datetime_at(one.submitted_at)),
        "state": _state(one),
        "state_at": iso(datetime_at(one.state_at)),
    }
