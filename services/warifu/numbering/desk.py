"""What a card counter sees of the person who stands there: their cards, certificates and why one was suspended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from warifu.common.v1 import common_pb2
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.store import Store
from warifu.numbering.cards import on_day
from warifu.numbering.journal import Kind
from warifu.numbering.lookup import LookUp
from warifu.numbering.match import Matching
from warifu.numbering.schema import CARD, CERTIFICATE, HELP_REPORT, SUSPENSION
from warifu.numbering.v1 import numbering_pb2 as pb

_CARDS: Final = (
    select(CARD)
    .where(CARD.c.person == bindparam("person_id"))
    .order_by(CARD.c.status == pb.CERTIFICATE_STATUS_REVOKED, CARD.c.issued_at.desc(), CARD.c.number)
)
_CERTIFICATES: Final = (
    select(CERTIFICATE)
    .where(CERTIFICATE.c.card == bindparam("of_card"))
    .order_by(CERTIFICATE.c.not_before.desc(), CERTIFICATE.c.kind)
)
_REPORTS: Final = (
    select(HELP_REPORT)
    .join_from(HELP_REPORT, SUSPENSION, HELP_REPORT.c.receipt == SUSPENSION.c.receipt)
    .where(SUSPENSION.c.card == bindparam("of_card"))
    .order_by(HELP_REPORT.c.reported_at.desc(), HELP_REPORT.c.receipt)
)


@dataclass(frozen=True, slots=True)
class Desk:
    """Shows cards to counters."""

    store: Store
    clock: Clock
    matching: Matching
    look_up: LookUp

    async def find(self, institution: str, number: str, items: common_pb2.BasicItems | None) -> list[pb.Card]:
        """The cards of the person of `items`, those that live first, then the newest; none when `number` is given and not theirs, or nobody has such items.

        Raises:
            LinkageError: as `Matching.match` and `LookUp.look_up`; CLIENT_PERSON_AMBIGUOUS when two people share the items and no number
                tells them apart.
        """
        if number or items is None:
            person = await self.matching.match(institution, number, items, Kind.CARD_DESK)
        else:
            person = await self.look_up.only(institution, items, Kind.CARD_DESK)
        if person is None:
            return []
        return self.store.read(lambda connection: self._cards(connection, person))

    def _cards(self, connection: Connection, person: int) -> list[pb.Card]:
        now = milliseconds(self.clock.network())
        cards = connection.execute(_CARDS, {"person_id": person}).all()
        return [_card(connection, card, now) for card in cards]


def _card(connection: Connection, card: Row[tuple[Any, ...]], now: int) -> pb.Card:
    key = {"of_card": card.number}
    return pb.Card(
        card_number=card.number,
        form=card.form,
        status=on_day(card, now),
        not_after=timestamp(card.not_after),
        certificates=[
            pb.CardCertificate(
                certificate_serial=row.serial,
                kind=row.kind,
                status=on_day(row, now),
                not_after=timestamp(row.not_after),
            )
            for row in connection.execute(_CERTIFICATES, key)
        ],
        reports=[
            pb.HelpLineReport(
                receipt=row.receipt, reported_at=timestamp(row.reported_at), by_card_number=row.by_card_number
            )
            for row in connection.execute(_REPORTS, key)
        ],
    )
