"""The portal's web application, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.exchange.logkeys import LogKeys
from warifu.kernel.clock import Clock
from warifu.kernel.ids import Ids
from warifu.kernel.store import Store
from warifu.law import LawBook
from warifu.portal.accounts import Accounts
from warifu.portal.api.faults import Faults
from warifu.portal.api.origins import ORIGIN_NAME, DevelopmentOrigin
from warifu.portal.api.tokens import Tokens
from warifu.portal.api.twins import twins
from warifu.portal.api.views import ApiViews
from warifu.portal.benefits.views import BenefitViews
from warifu.portal.card.endings import Endings
from warifu.portal.card.ends import Ends
from warifu.portal.card.safe import Safe
from warifu.portal.card.views import CardViews
from warifu.portal.front.views import FrontViews
from warifu.portal.helpline.views import HelplineViews
from warifu.portal.history.bundle import scripts
from warifu.portal.history.documents import Documents
from warifu.portal.history.exports import ExportViews
from warifu.portal.history.proofs import ProofViews
from warifu.portal.history.prover import Prover
from warifu.portal.history.queries import History
from warifu.portal.history.story import Teller
from warifu.portal.history.views import HistoryViews
from warifu.portal.information.queries import Information
from warifu.portal.information.requester import Requester
from warifu.portal.information.views import InformationViews
from warifu.portal.insurance.views import InsuranceViews
from warifu.portal.kept import Seals
from warifu.portal.kiosk.views import KioskViews
from warifu.portal.letters.queries import Letters
from warifu.portal.letters.views import LetterViews
from warifu.portal.login.queries import Challenges
from warifu.portal.login.views import LoginViews
from warifu.portal.notices.queries import Notices
from warifu.portal.notices.views import NoticeViews
from warifu.portal.operations.queries import Operations
from warifu.portal.operations.views import OperationViews
from warifu.portal.places import Places
from warifu.portal.ports import Enrolment, Log, Numbering
from warifu.portal.procedures import catalogue
from warifu.portal.procedures.following import ApplicationViews
from warifu.portal.procedures.guide import Guide
from warifu.portal.procedures.queries import Applications
from warifu.portal.procedures.sealing import Keys, Signing
from warifu.portal.procedures.views import ProcedureViews
from warifu.portal.proxies.parents import ParentViews
from warifu.portal.proxies.queries import Proxies
from warifu.portal.proxies.traces import Traces
from warifu.portal.proxies.views import ProxyViews
from warifu.portal.retention import Retention
from warifu.portal.sessions import Sessions
from warifu.web import languages
from warifu.web.face import API, Face, Frame, Unopened, application
from warifu.web.pages import Pages

HERE: Final = Path(__file__).parent
DOMAIN: Final = "portal"


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal's web face and what must be done for it from time to time."""

    web: Unopened
    accounts: Accounts
    jobs: Mapping[str, Callable[[], Awaitable[int]]]


def assemble(
    face: Face,
    store: Store,
    seals: Seals,
    clock: Clock,
    book: Callable[[], LawBook],
    numbering: Numbering,
    enrolment: Enrolment,
    log: Log,
    keys: LogKeys,
    requester: Requester,
    ids: Ids,
    sealing: Keys,
    *,
    simulation: bool = True,
) -> Portal:
    """The portal over one store. The pages of the history check it, against `keys`; applications are sealed by `sealing`. In `simulation` accounts may wish for faults."""
    texts = languages.load((HERE / "locale", DOMAIN), languages.SHARED)
    pages = Pages.of(HERE, DOMAIN, made=scripts(keys, book(), texts))
    tokens = Tokens(store, clock)
    sessions = Sessions(store, clock, secure=face.secure, bearer=tokens.session)
    challenges, endings = Challenges(store, clock), Endings(store, clock, numbering)
    safe = Safe(store, seals, clock)
    history = History(store, seals)
    accounts = Accounts(store, clock, numbering, enrolment, ids, (safe.join,), history.learn)
    documents, letters = Documents(Teller(book)), Letters(store, seals, clock)
    notices, operations = Notices(store, seals, clock, ids), Operations(store, seals, clock, ids)
    ends = Ends(store, clock, numbering, notices)
    proxies, traces = Proxies(store, clock, notices), Traces(store, clock)
    information = Information(store, seals, clock, book, accounts, requester, notices, ids)
    guide, applications = Guide(catalogue.read(), book), Applications(store, seals, clock, operations)
    signing = Signing(face, clock, numbering, sealing)
    parents = ParentViews(face, pages, sessions, store, clock, proxies)
    kiosk = KioskViews(face, pages, sessions, operations)
    insurance = InsuranceViews(face, pages, clock, book, sessions, accounts, safe, operations)
    proxy_views = ProxyViews(pages, sessions, proxies, traces)
    features = (
        FrontViews(pages, sessions),
        LoginViews(
            face, pages, clock, challenges, sessions, accounts, numbering, operations, parents, endings, ends, insurance
        ),
        insurance,
        BenefitViews(pages, sessions, safe, operations),
        CardViews(face, pages, clock, sessions, accounts, numbering),
        HelplineViews(pages, clock, sessions, numbering, endings),
        kiosk,
        HistoryViews(pages, sessions, accounts, history, documents, letters, traces, face.secure),
        ExportViews(sessions, accounts, history, documents, traces, operations),
        LetterViews(pages, sessions, accounts, history, documents.teller, letters, operations, clock),
        ProofViews(pages, sessions, accounts, history, Prover(log), traces),
        proxy_views,
        parents,
        InformationViews(pages, sessions, information, operations, traces),
        NoticeViews(pages, sessions, notices),
        ProcedureViews(pages, sessions, clock, guide, applications),
        ApplicationViews(pages, sessions, accounts, guide, applications, signing, history, documents.teller),
        OperationViews(pages, sessions, operations),
        ApiViews(face, pages, sessions, tokens),
    )
    faults = Faults(store, sessions, pages)
    jobs = {
        "sessions": sessions.purge,
        "tokens": tokens.purge,
        "challenges": challenges.purge,
        "card-changes": endings.learn,
        "card-ends": ends.tell,
        "endings": endings.purge,
        "safe": safe.reseal,
        "proxies": proxies.purge,
        "proxy-terms": proxies.end_terms,
        "proxy-children": parents.purge,
        "information": information.tend,
        "information-terms": information.purge,
        "drafts": applications.purge,
        "notices": notices.purge,
        "operations": operations.purge,
        "superseded": accounts.learn_superseded,
        "retention": Retention(store, seals.vault, clock).run,
        "places": Places(store, seals, log, keys.log.key_id.hex()).learn,
    }
    frame = Frame(sessions.frame, {"session": None})
    failures = {**proxy_views.failures(), **kiosk.failures()}

    def opened() -> ASGIApp:
        routes = twins([route for feature in features for route in feature.routes()])
        if simulation:
            web = application(
                face, pages, [*routes, *faults.routes()], failures, faults.around, tokens=API, frame=frame
            )
        else:
            web = application(face, pages, routes, failures, tokens=API, frame=frame)
        return DevelopmentOrigin(web, face.origins[ORIGIN_NAME]) if ORIGIN_NAME in face.origins else web

    return Portal(Unopened(opened), accounts, jobs)
