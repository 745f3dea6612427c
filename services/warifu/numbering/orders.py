"""What municipal card counters decide: releases, revocations and new cards, done here; unlocking, which the card service carries out.

Lifting a suspension and making a card out anew take two people. That is checked here once more, whatever the counter's pages do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import ID, OFFICE, PAGE_DEFAULT, check_text, malformed
from warifu.kernel.store import Store
from warifu.numbering import certificates
from warifu.numbering.schema import CARD, CARD_ORDER
from warifu.numbering.v1 import numbering_pb2 as pb

TWO_PEOPLE: Final = frozenset({pb.CARD_ACT_RELEASE, pb.CARD_ACT_REISSUE})
"""Acts that a second person must approve."""

_CARD: Final = select(CARD).where(CARD.c.number == bindparam("of_card"))
_ADD: Final = insert(CARD_ORDER)
_ONE: Final = select(CARD_ORDER).where(CARD_ORDER.c.order_id == bindparam("order"))
_AFTER: Final = (
    select(CARD_ORDER)
    .where(CARD_ORDER.c.position > bindparam("after"))
    .order_by(CARD_ORDER.c.position)
    .limit(int(PAGE_DEFAULT))
)
_CLOSE: Final = (
    update(CARD_ORDER)
    .where(CARD_ORDER.c.order_id == bindparam("order"), CARD_ORDER.c.made_at.is_(None))
    .values(made_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of all card counters."""

    store: Store
    clock: Clock

    async def place(self, institution: str, request: pb.OrderCardRequest) -> None:
        """Do what was decided, and keep who decided it; the same order again has no effect.

        Raises:
            LinkageError: CLIENT_MALFORMED, also without a second person where there must be one; CLIENT_CARD_UNKNOWN;
                CLIENT_CARD_CERTIFICATE_NOT_GOOD for a revoked card (but it may be made out anew), or the release of one that is
                not suspended; CLIENT_REFERENCE_CHANGED for the id of another order.
        """
        _check(request)
        await self.store.write(lambda connection: self._place(connection, institution, request))

    def after(self, position: int) -> Sequence[pb.CardOrder]:
        """Orders after a position, in order."""
        rows = self.store.read(lambda connection: connection.execute(_AFTER, {"after": position}).all())
        return [
            pb.CardOrder(position=row.position, order_id=row.order_id, card_number=row.card, act=row.act)
            for row in rows
        ]

    def open_reissue(self, order_id: str) -> int:
        """For whom a card is to be made out by this order.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN: no such order, or it was carried out.
        """
        row = self.store.read(lambda connection: connection.execute(_ONE, {"order": order_id}).one_or_none())
        if row is None or row.act != pb.CARD_ACT_REISSUE or row.made_at is not None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        person: int = row.person
        return person

    def close(self, connection: Connection, order_id: str, at: int) -> None:
        """Note inside a write that the card was made out; CLIENT_CARD_UNKNOWN when it was before."""
        if not connection.execute(_CLOSE, {"order": order_id, "at": at}).rowcount:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)

    def _place(self, connection: Connection, institution: str, request: pb.OrderCardRequest) -> None:
        known = connection.execute(_ONE, {"order": request.order_id}).one_or_none()
        if known is not None:
            if (known.institution, known.card, known.act) != (institution, request.card_number, request.act):
                raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
            return
        card = connection.execute(_CARD, {"of_card": request.card_number}).one_or_none()
        if card is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        at = milliseconds(self.clock.network())
        _act(connection, card, request.act, at)
        connection.execute(_ADD, _row(institution, request, card.person, at))


def _act(connection: Connection, card: Row[tuple[Any, ...]], act: pb.CardAct.ValueType, at: int) -> None:
    revoked = card.status == pb.CERTIFICATE_STATUS_REVOKED
    releasable = card.status == pb.CERTIFICATE_STATUS_SUSPENDED
    if (revoked and act != pb.CARD_ACT_REISSUE) or (act == pb.CARD_ACT_RELEASE and not releasable):
        raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
    if act == pb.CARD_ACT_RELEASE:
        certificates.release(connection, card.number, at)
    elif act == pb.CARD_ACT_REISSUE:
        certificates.revoke_all(connection, card.person, at)
    elif act == pb.CARD_ACT_REVOKE:
        certificates.revoke(connection, card.number, at)
        if card.form == pb.CARD_FORM_CARD:
            certificates.revoke_phones(connection, card.person, at)


def _check(request: pb.OrderCardRequest) -> None:
    check_text(request.order_id, "order_id", ID)
    if request.act == pb.CARD_ACT_UNSPECIFIED or request.act not in pb.CardAct.values():
        raise malformed("act", "not a known value")
    check_text(request.clerk, "clerk", OFFICE)
    check_text(request.approver, "approver", OFFICE, required=request.act in TWO_PEOPLE)
    if request.approver == request.clerk:
        raise malformed("approver", "the clerk's own code; another person must approve")


def _row(institution: str, request: pb.OrderCardRequest, person: int, at: int) -> dict[str, Any]:
    return {
        "order_id": request.order_id,
        "institution": institution,
        "card": request.card_number,
        "person": person,
        "act": request.act,
        "clerk": request.clerk,
        "approver": request.approver,
        "ordered_at": at,
    }
