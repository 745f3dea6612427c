"""Cards of an identified visitor. Unlocking is done at once; release, reissue and revocation when a second person approves.

What is ordered goes to the card authority, which checks the two people once more; the card service carries out what concerns the card itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, Stubs, answered
from warifu.exchange import card_number
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import FREE_TEXT
from warifu.law import Text
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.web import languages
from warifu.web.dates import Written, written

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CardAct

KIND: Final = "card"
_NO_CARDS: Final[Sequence[pb.Card]] = ()
ROLE: Final = "residency"
"""The role of the institutions that keep a card counter."""
_LONGEST_ID: Final = 18
_PARTY: Final = "numbering"
ACTS: Final = {
    "unlock": pb.CARD_ACT_UNLOCK_PIN,
    "unlock-signature": pb.CARD_ACT_UNLOCK_SIGNATURE,
    "release": pb.CARD_ACT_RELEASE,
    "reissue": pb.CARD_ACT_REISSUE,
    "revoke": pb.CARD_ACT_REVOKE,
}
ALONE: Final = frozenset({"unlock", "unlock-signature"})
"""What one person may do; everything else needs a second."""
ACT_NAMES: Final = {
    "unlock": Text("暗証番号の初期化", "Unlock the PIN"),
    "unlock-signature": Text("署名用パスワードの初期化", "Unlock the signature password"),
    "release": Text("一時停止からの再開", "Release after a suspension"),
    "reissue": Text("再発行（いまのカードは廃止）", "Make out anew (this card is revoked)"),
    "revoke": Text("廃止", "Revoke"),
}
STATUS: Final = {
    pb.CERTIFICATE_STATUS_GOOD: ("good", Text("有効", "Valid")),
    pb.CERTIFICATE_STATUS_SUSPENDED: ("waits", Text("一時停止中", "Suspended")),
    pb.CERTIFICATE_STATUS_REVOKED: ("stopped", Text("廃止", "Revoked")),
    pb.CERTIFICATE_STATUS_EXPIRED: ("stopped", Text("期限切れ", "Expired")),
}
_CERTIFICATES: Final = {
    pb.CERTIFICATE_KIND_AUTHENTICATION: Text("利用者証明用", "For logging in"),
    pb.CERTIFICATE_KIND_SIGNATURE: Text("署名用", "For signatures"),
    pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION: Text("スマートフォン用", "On a phone"),
}
_FORMS: Final = {
    pb.CARD_FORM_CARD: Text("カード", "Card"),
    pb.CARD_FORM_PHONE: Text("スマートフォン", "Phone"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A card as the page shows it."""

    number: str
    """As requests name it."""
    shown: str
    """As printed."""
    form: str
    mark: str
    status: str
    ends: Written
    certificates: Sequence[tuple[str, str, str, Written]]
    """Name, mark, status, end."""
    reports: Sequence[tuple[str, Written, bool]]
    """Receipt, when, by a finder."""
    acts: Sequence[tuple[str, str, bool]]
    """Code, name, and whether it needs a second person."""
    waits: int | None
    """A proposal about it that is not decided yet: until then no second person is asked for anything else."""
    opens: bool
    """Whoever looks may look at that one too."""


def card_kind(stubs: Stubs) -> ProposalKind:
    """What is done when an act on a card is approved: the card authority is told, with both people."""

    async def do(acting: Acting, content: bytes, proposer: str) -> None:
        order = pb.OrderCardRequest.FromString(content)
        order.clerk, order.approver = proposer, acting.clerk
        await answered(stubs.cards(acting.code).OrderCard(order, timeout=DEADLINE), _PARTY)

    return ProposalKind(Text("カードの再開・再発行・廃止", "Release, reissue or revoke a card"), "order-card", told, do)


def told(content: bytes, language: str) -> Sequence[tuple[str, str]]:
    """What a proposed order does, in words."""
    order = pb.OrderCardRequest.FromString(content)
    name = next(ACT_NAMES[code] for code, act in ACTS.items() if act == order.act)
    return [
        (Text("すること", "What is done").to(language), name.to(language)),
        (Text("カードの番号", "Card number").to(language), card_number.written(order.card_number)),
    ]


@dataclass(frozen=True, slots=True)
class CardViews:
    """The card counters."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/cards", self.show, methods=["GET"]),
            Route(f"{HERE}/cards", self.act, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The cards of an identified visitor; without one, where to begin."""
        acting = await self._acting(request)
        visit = _visit(acting, request.query_params.get("visit", ""))
        return await self._page(request, acting, visit, done=request.query_params.get("done", ""))

    async def act(self, request: Request) -> Response:
        """Unlock now, or ask a second person for what needs one."""
        acting = await self._acting(request)
        form = await request.form()
        visit, code = _visit(acting, str(form.get("visit", ""))), str(form.get("act", ""))
        number, why = card_number.normal(str(form.get("card", ""))), filled(form, "why", FREE_TEXT)
        if visit is None or code not in ACTS or number is None:
            return await self._page(request, acting, visit, status=400)
        if not await self._is_theirs(acting, visit, number):
            raise HTTPException(404)
        if code in ALONE:
            return await self._now(request, acting, visit, number, code)
        if number in acting.bench.proposals.waiting_about(KIND):
            return await self._page(request, acting, visit, second=number, status=409)
        if why is None or "\n" in why:
            return await self._page(request, acting, visit, wrong=f"{number}-{code}", status=400)
        order = self._order(acting, number, ACTS[code])
        content = order.SerializeToString(deterministic=True)
        proposal = await acting.propose(KIND, content, number, why, alone=True)
        return RedirectResponse(f"{acting.path}/proposals/{proposal}", 303)

    async def _now(self, request: Request, acting: Acting, visit: Row[Any], number: str, code: str) -> Response:
        order = self._order(acting, number, ACTS[code])
        order.clerk = acting.clerk
        try:
            async with acting.record("unlock-card", number):
                await answered(self.desk.stubs.cards(acting.code).OrderCard(order, timeout=DEADLINE), _PARTY)
        except LinkageError as error:
            return await self._page(request, acting, visit, error=error, status=409)
        return RedirectResponse(f"{acting.path}/cards?visit={visit.id}&done={code}", 303)

    def _order(self, acting: Acting, number: str, act: CardAct.ValueType) -> pb.OrderCardRequest:
        return pb.OrderCardRequest(institution=acting.code, order_id=str(uuid.uuid4()), card_number=number, act=act)

    async def _acting(self, request: Request) -> Acting:
        acting = await self.desk.acting(request, Right.CARDS)
        if acting.institution.role.code != ROLE:
            raise HTTPException(404)
        return acting

    async def _page(
        self,
        request: Request,
        acting: Acting,
        visit: Row[Any] | None,
        *,
        done: str = "",
        wrong: str = "",
        second: str = "",
        error: LinkageError | None = None,
        status: int = 200,
    ) -> Response:
        name, cards = "", _NO_CARDS
        if visit is not None:
            try:
                name, cards = await self._cards(acting, visit)
            except LinkageError as failed:
                error, status = error or failed, 409
        language = languages.of(request)
        waiting = acting.bench.proposals.waiting_about(KIND)
        return await self.desk.page(
            request,
            "cards/cards.html",
            status,
            visit=visit,
            name=name,
            cards=[_line(card, acting, waiting.get(card.card_number), language) for card in cards],
            done=ACT_NAMES[done].to(language) if done in ACT_NAMES else "",
            wrong=wrong,
            second=card_number.written(second) if second else "",
            longest=int(FREE_TEXT),
            trouble=self.desk.trouble(request, error) if error is not None else None,
        )

    async def _is_theirs(self, acting: Acting, visit: Row[Any], number: str) -> bool:
        """The card belongs to whoever was identified: no clerk acts on another's by changing a form."""
        _, cards = await self._cards(acting, visit)
        return any(card.card_number == number for card in cards)

    async def _cards(self, acting: Acting, visit: Row[Any]) -> tuple[str, Sequence[pb.Card]]:
        """The visitor's name and cards; looked up each time, and on record each time."""
        async with acting.record("see-cards", visit.addressee_no):
            items = await self._items(acting, visit)
            asked = pb.FindCardsRequest(institution=acting.code, basic_items=items)
            answer = await answered(self.desk.stubs.cards(acting.code).FindCards(asked, timeout=DEADLINE), _PARTY)
        return items.name, answer.cards

    async def _items(self, acting: Acting, visit: Row[Any]) -> common_pb2.BasicItems:
        asked = agency_pb2.GetSubjectRequest(institution=acting.code, addressee_no=visit.addressee_no)
        answer = await answered(self.desk.stubs.agency(acting.code).GetSubject(asked, timeout=DEADLINE))
        return answer.basic_items


def _visit(acting: Acting, text: str) -> Row[Any] | None:
    """The visit of that number, where it counts."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else 0
    return acting.bench.visits.current(number)


def _line(card: pb.Card, acting: Acting, waiting: int | None, language: str) -> Line:
    mark, status = STATUS[card.status]
    certificates = [
        (
            _CERTIFICATES[one.kind].to(language),
            STATUS[one.status][0],
            STATUS[one.status][1].to(language),
            written(one.not_after.ToDatetime(UTC), language),
        )
        for one in card.certificates
    ]
    reports = [
        (one.receipt, written(one.reported_at.ToDatetime(UTC), language), one.by_card_number) for one in card.reports
    ]
    acts = [
        (code, ACT_NAMES[code].to(language), code not in ALONE)
        for code in _possible(card)
        if waiting is None or code in ALONE
    ]
    return Line(
        card.card_number,
        card_number.written(card.card_number),
        _FORMS[card.form].to(language),
        mark,
        status.to(language),
        written(card.not_after.ToDatetime(UTC), language),
        certificates,
        reports,
        acts,
        waiting,
        waiting is not None and acting.sees(waiting),
    )


def _possible(card: pb.Card) -> Sequence[str]:
    """What can be done with a card as it stands."""
    if card.status == pb.CERTIFICATE_STATUS_REVOKED:
        return ()
    plastic = card.form == pb.CARD_FORM_CARD
    if card.status == pb.CERTIFICATE_STATUS_SUSPENDED:
        return ("release", *(("reissue",) if plastic else ()), "revoke")
    return ("unlock", *(("unlock-signature", "reissue") if plastic else ()), "revoke")
