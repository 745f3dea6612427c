"""The counter's web face, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.counter.bench import Benches
from warifu.counter.desk import Desk, Entry, LoginNeededError, OffDutyError, RightNeededError
from warifu.counter.front import FrontViews
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.proposals.views import ProposalViews
from warifu.counter.staff.views import LoginViews
from warifu.counter.stubs import Stubs
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.law import LawBook, Text
from warifu.web.face import Face, application
from warifu.web.pages import Pages

ROOT: Final = Path(__file__).parent
DOMAIN: Final = "counter"
MENU: Final = (
    Entry(
        "/proposals",
        Text("承認・申請", "Approvals"),
        None,
        Text("二人で行う仕事の申請と承認。", "What needs a second person."),
    ),
)
"""The menu, in order; somebody sees what is their work."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The web face and what must be done for it from time to time."""

    web: ASGIApp
    jobs: Mapping[str, Callable[[], Awaitable[int]]]


def assemble(face: Face, benches: Benches, stubs: Stubs, clock: Clock, book: Callable[[], LawBook]) -> Counter:
    """The counters of the institutions of `benches`."""
    pages = Pages.of(ROOT, DOMAIN)
    desk = Desk(pages, benches, stubs, clock, book, MENU)
    kinds: dict[str, ProposalKind] = {}
    features = (FrontViews(desk), LoginViews(desk), ProposalViews(desk, kinds))
    routes = [route for feature in features for route in feature.routes()]
    failures = {
        LoginNeededError: desk.login_needed,
        RightNeededError: desk.right_needed,
        OffDutyError: desk.off_duty,
        LinkageError: desk.failed,
    }
    return Counter(application(face, pages, routes, failures), {"staff-sessions": benches.purge})
