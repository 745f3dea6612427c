"""The supervisor's console, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from warifu.kernel.clock import Clock
from warifu.kernel.store import Store
from warifu.law import LawBook
from warifu.staff.accounts import Accounts
from warifu.watchdog.desk import Desk, LoginNeededError, RoleNeededError
from warifu.watchdog.filing import FilingServicer
from warifu.watchdog.found.collect import Collector
from warifu.watchdog.found.queries import Found
from warifu.watchdog.found.views import FoundViews
from warifu.watchdog.leaks.queries import Leaks
from warifu.watchdog.leaks.views import LeakViews
from warifu.watchdog.letters.post import Post
from warifu.watchdog.letters.postman import Postman
from warifu.watchdog.letters.queries import Letters
from warifu.watchdog.letters.views import LetterViews
from warifu.watchdog.measures.queries import Measures
from warifu.watchdog.measures.views import MeasureViews
from warifu.watchdog.ordinances.queries import OrdinanceUses, State
from warifu.watchdog.ordinances.views import OrdinanceViews
from warifu.watchdog.pia.views import PiaViews
from warifu.watchdog.reconciliation.queries import Audits, Reconciliations
from warifu.watchdog.reconciliation.views import ReconciliationViews
from warifu.watchdog.rulings import RulingsDesk
from warifu.watchdog.search.views import SearchViews
from warifu.watchdog.staff.accounts import Account, accounts_of, sessions_of
from warifu.watchdog.staff.diary import Diary
from warifu.watchdog.staff.views import StaffViews
from warifu.watchdog.stops.queries import Stops
from warifu.watchdog.stops.views import StopViews
from warifu.watchdog.supervision import Network
from warifu.web.face import Face, Frame, Unopened, application
from warifu.web.pages import Pages

HERE: Final = Path(__file__).parent
DOMAIN: Final = "console"


@dataclass(frozen=True, slots=True)
class Office:
    """The supervisor's office: what it keeps and does, whether or not it has a web face."""

    stops: Stops
    uses: OrdinanceUses
    measures: Measures
    leaks: Leaks
    found: Found
    rulings: RulingsDesk
    diary: Diary
    collector: Collector
    filing: FilingServicer
    reconciliations: Reconciliations
    letters: Letters
    postman: Postman | None

    @classmethod
    def of(
        cls,
        store: Store,
        clock: Clock,
        book: Callable[[], LawBook],
        network: Network,
        identity: Path,
        post: Post | None = None,
        audits: Audits | None = None,
    ) -> Office:
        """The office over one store.

        `identity` is the folder of the certificate that signs its rulings, `post` the citizens' post office, `audits` audits the network.
        """
        stops, uses, measures = Stops(store), OrdinanceUses(store, clock, book), Measures(store)
        leaks, found, letters = Leaks(store, clock), Found(store), Letters(store, clock)
        return cls(
            stops,
            uses,
            measures,
            leaks,
            found,
            RulingsDesk(network, clock, identity, stops, uses),
            Diary(store, clock, network),
            Collector(network, found, clock, book),
            FilingServicer(uses, leaks, measures, clock),
            Reconciliations(store, clock, audits),
            letters,
            Postman(post, letters, clock) if post is not None else None,
        )

    @property
    def jobs(self) -> Mapping[str, Callable[[], Awaitable[int]]]:
        """Periodic jobs."""
        letters = {"letters": self.postman.run} if self.postman is not None else {}
        return {"rulings": self.rulings.run, "openings": self.diary.run, "suspicions": self.collector.run, **letters}


@dataclass(frozen=True, slots=True)
class Console:
    """The web face and what must be done for it from time to time."""

    web: ASGIApp
    accounts: Accounts[Account]
    jobs: Mapping[str, Callable[[], Awaitable[int]]]


@dataclass(frozen=True, slots=True)
class FrontViews:
    """The first page: what waits for somebody."""

    desk: Desk
    office: Office

    def routes(self) -> list[Route]:
        """Its route."""
        return [Route("/", self.front, methods=["GET"])]

    async def front(self, request: Request) -> Response:
        """What waits; for visitors, what is published."""
        if await self.desk.sessions.of(request) is None:
            return await self.desk.render(request, "welcome.html")
        findings, suspicions = self.office.found.counts()
        return await self.desk.render(
            request,
            "front.html",
            findings=findings,
            suspicions=suspicions,
            filed=sum(row.state == State.FILED for row in self.office.uses.all()),
            late_leaks=self.office.leaks.late(),
            late_replies=len(self.office.measures.late(self.desk.today())),
            letters=self.office.letters.waiting(),
            late_letters=self.office.letters.late(),
            stopped=len(self.office.stops.in_force()),
        )


def assemble(
    face: Face,
    store: Store,
    clock: Clock,
    book: Callable[[], LawBook],
    network: Network,
    office: Office,
    demo: Mapping[str, str],
) -> Console:
    """The console over one store. `demo`: passwords that the login page shows, by login; filled later is well."""
    sessions, accounts = sessions_of(store, clock, secure=face.secure), accounts_of(store, clock)

    def opened() -> ASGIApp:
        return _pages(
            face, Desk(Pages.of(HERE, DOMAIN), sessions, office.diary, clock, book), accounts, network, office, demo
        )

    return Console(Unopened(opened), accounts, {"staff-sessions": sessions.purge})


def _pages(
    face: Face, desk: Desk, accounts: Accounts[Account], network: Network, office: Office, demo: Mapping[str, str]
) -> ASGIApp:
    features = (
        FrontViews(desk, office),
        StaffViews(desk, accounts, demo),
        SearchViews(desk, network),
        FoundViews(desk, office.found),
        PiaViews(desk, office.stops),
        OrdinanceViews(desk, office.uses, office.rulings),
        MeasureViews(desk, office.measures, office.stops),
        StopViews(desk, office.stops, office.rulings),
        LeakViews(desk, office.leaks),
        LetterViews(desk, office.letters),
        ReconciliationViews(desk, office.reconciliations),
    )
    routes = [route for feature in features for route in feature.routes()]
    frame = Frame(desk.frame, {"account": None, "role": "", "directs": False})
    failures = {LoginNeededError: desk.login_needed, RoleNeededError: desk.role_needed}
    return application(face, desk.pages, routes, failures, frame=frame)
