"""The counter's web face, put together from its features."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.counter.acts.views import ActViews
from warifu.counter.bench import Benches
from warifu.counter.cards.views import KIND as CARD
from warifu.counter.cards.views import CardViews, card_kind
from warifu.counter.cases.applications import ApplicationViews
from warifu.counter.cases.views import CaseViews
from warifu.counter.desk import HERE, NOWHERE, Desk, Entry, LoginNeededError, OffDutyError, RightNeededError
from warifu.counter.filings.views import FilingViews
from warifu.counter.front import FrontViews
from warifu.counter.letters.views import LetterViews
from warifu.counter.numbers.views import NumberViews
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.proposals.views import ProposalViews
from warifu.counter.protections.views import KIND as PROTECTION
from warifu.counter.protections.views import ProtectionViews, protection_kind
from warifu.counter.reviews.views import ReviewViews
from warifu.counter.reviews.withhold import KIND as WITHHOLD
from warifu.counter.reviews.withhold import withhold_kind
from warifu.counter.staff.list import StaffViews
from warifu.counter.staff.roles import Right
from warifu.counter.staff.views import LoginViews
from warifu.counter.stubs import Stubs
from warifu.counter.visitors.views import VisitorViews
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.law import LawBook, Text
from warifu.web.face import Face, Frame, application
from warifu.web.pages import Pages

ROOT: Final = Path(__file__).parent
DOMAIN: Final = "counter"
MENU: Final = (
    Entry(
        "/visitors",
        Text("来庁者", "Visitors"),
        Right.VISITORS,
        Text("番号と身元を確かめて受け付ける。", "Check number and identity, and receive."),
    ),
    Entry(
        "/cases",
        Text("案件", "Cases"),
        Right.CASES,
        Text("手続を進め、必要な情報を照会する。", "Work on procedures, and ask other institutions."),
    ),
    Entry(
        "/applications",
        Text("オンライン申請", "Applications"),
        Right.CASES,
        Text("市民ポータルから届いた申請を受け付ける。", "Take up what came through the citizen portal."),
    ),
    Entry(
        "/reviews",
        Text("回答の審査", "Review"),
        Right.REVIEWS,
        Text("出す前に確かめる回答。", "Answers to look at before they are provided."),
    ),
    Entry(
        "/letters",
        Text("市民からの手紙", "Letters"),
        Right.LETTERS,
        Text("質問と申出に答える。", "Answer questions and objections."),
    ),
    Entry(
        "/proposals",
        Text("承認・申請", "Approvals"),
        None,
        Text("二人で行う仕事の申請と承認。", "What needs a second person."),
    ),
    Entry(
        "/filings",
        Text("監督機関への届出", "Filings"),
        Right.FILE,
        Text("独自利用事務、漏えい等の報告、措置への回答。", "Ordinance uses, leak reports, replies to measures."),
    ),
    Entry(
        "/staff",
        Text("職員", "Staff"),
        Right.SUPERVISE,
        Text("だれが、いつ、何をできるか。", "Who may do what, and when."),
    ),
    Entry(
        "/acts",
        Text("操作の記録", "Acts"),
        Right.SUPERVISE,
        Text("だれが、いつ、何をしたか。", "Who did what, and when."),
    ),
)
"""The menu, in order; somebody sees what is their work."""
FOR_VISITOR: Final = (
    Entry(
        "/cases/new",
        Text("案件を開く", "Open a case"),
        Right.CASES,
        Text("手続を選び、必要な情報を照会する。", "Choose a procedure, and ask for what it needs."),
    ),
    Entry(
        "/protections",
        Text("保護の設定・解除", "Protection"),
        Right.PROTECT,
        Text("居場所を知られないように守る。", "Keep from others where somebody is."),
    ),
    Entry(
        "/cards",
        Text("カード", "Cards"),
        Right.CARDS,
        Text("暗証番号の初期化、一時停止からの再開、再発行。", "Unlock, release after a suspension, make out anew."),
    ),
    Entry(
        "/numbers",
        Text("個人番号の変更", "Change of the individual number"),
        Right.CARDS,
        Text("番号が漏えいし、不正に使われるおそれがあるとき。", "Where it leaked and misuse is to be feared."),
    ),
)
"""What can be done for an identified visitor. Each page gets `?visit=N`; `acting.bench.visits.current(N)` says whether that still counts."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The web face and what must be done for it from time to time."""

    web: ASGIApp
    jobs: Mapping[str, Callable[[], Awaitable[int]]]


def assemble(face: Face, benches: Benches, stubs: Stubs, clock: Clock, book: Callable[[], LawBook]) -> Counter:
    """The counters of the institutions of `benches`."""
    pages = Pages.of(ROOT, DOMAIN)
    desk = Desk(pages, benches, stubs, clock, book, MENU)
    kinds: dict[str, ProposalKind] = {
        PROTECTION: protection_kind(stubs),
        WITHHOLD: withhold_kind(stubs, book),
        CARD: card_kind(stubs),
    }
    features = (
        FrontViews(desk),
        LoginViews(desk),
        VisitorViews(desk, FOR_VISITOR),
        CaseViews(desk),
        ApplicationViews(desk),
        ReviewViews(desk),
        LetterViews(desk),
        ProtectionViews(desk),
        CardViews(desk),
        NumberViews(desk),
        ProposalViews(desk, kinds),
        FilingViews(desk),
        StaffViews(desk),
        ActViews(desk),
    )
    routes = [route for feature in features for route in feature.routes()]
    failures = {
        LoginNeededError: desk.login_needed,
        RightNeededError: desk.right_needed,
        OffDutyError: desk.off_duty,
        LinkageError: desk.failed,
    }
    web = application(face, pages, routes, failures, frame=Frame(desk.frame, NOWHERE), below=HERE)
    return Counter(web, {"staff-sessions": benches.purge})
