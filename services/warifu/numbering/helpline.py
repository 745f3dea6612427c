"""The help line: a card is suspended on the word of its holder or of whoever found it.

It must serve a holder who has nothing at hand but what they know of themselves, and it must tell nobody anything. So every well-formed report
gets a receipt and nothing else, and the same statements run whether or not it fits somebody; what was typed is not kept. A suspension does
little harm and is lifted at the counter alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select

from warifu.exchange import card_number
from warifu.kernel import basic_items
from warifu.kernel.clock import Clock
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import malformed
from warifu.kernel.store import Store
from warifu.numbering import certificates
from warifu.numbering.allowance import Allowance
from warifu.numbering.journal import Journal, Kind, Outcome
from warifu.numbering.people import people_by_items
from warifu.numbering.schema import CARD, HELP_REPORT, SUSPENSION
from warifu.numbering.v1 import numbering_pb2 as pb

REPORTS_A_MINUTE: Final = 60
_RECEIPT_DIGITS: Final = 8
_NOBODY: Final = -1
"""Stands for the person or card that nothing fits, so that the statements run all the same."""

_ADD: Final = insert(HELP_REPORT)
_ADD_SUSPENSION: Final = insert(SUSPENSION)
_OF_PERSON: Final = select(CARD.c.number, CARD.c.form).where(
    CARD.c.person == bindparam("person_id"), CARD.c.status != pb.CERTIFICATE_STATUS_REVOKED
)
_BY_NUMBER: Final = select(CARD.c.number, CARD.c.form).where(
    CARD.c.number == bindparam("of_card"), CARD.c.status != pb.CERTIFICATE_STATUS_REVOKED
)
_FORMS: Final = {
    pb.LOST_THING_UNSPECIFIED: {pb.CARD_FORM_CARD},
    pb.LOST_THING_CARD: {pb.CARD_FORM_CARD},
    pb.LOST_THING_PHONE: {pb.CARD_FORM_PHONE},
    pb.LOST_THING_BOTH: {pb.CARD_FORM_CARD, pb.CARD_FORM_PHONE},
}


@dataclass(frozen=True, slots=True)
class HelpLine:
    """Takes reports."""

    store: Store
    clock: Clock
    journal: Journal
    allowance: Allowance
    ids: Ids
    """Of receipts."""

    async def suspend(self, caller: str, request: pb.SuspendRequest) -> str:
        """Suspend what fits; the receipt.

        Raises:
            LinkageError: CLIENT_MALFORMED, CLIENT_LOOKUP_TOO_FEW_ITEMS, CLIENT_TOO_LARGE for what could fit nobody by its form;
                CLIENT_RATE_LIMITED.
        """
        self.allowance.require(caller)
        self.allowance.use(caller)
        report = _read(request)
        receipt = f"{int.from_bytes(self.ids.token('receipt')) % 10**_RECEIPT_DIGITS:0{_RECEIPT_DIGITS}}"
        await self.store.write(lambda connection: self._suspend(connection, receipt, report))
        # Not with what success: the record of look-ups would be the oracle.
        await self.journal.note(caller, (Kind.HELP_LINE, Outcome.FOUND))
        return receipt

    def _suspend(self, connection: Connection, receipt: str, report: _Report) -> None:
        at = milliseconds(self.clock.network())
        row = {"receipt": receipt, "reported_at": at, "by_card_number": report.card is not None}
        connection.execute(_ADD, row)
        for number in report.fits(connection):
            certificates.suspend(connection, number, at)
            connection.execute(_ADD_SUSPENSION, {"card": number, "receipt": receipt})


@dataclass(frozen=True, slots=True)
class _Report:
    card: str | None
    digest: bytes
    forms: set[pb.CardForm.ValueType]

    def fits(self, connection: Connection) -> list[str]:
        """The cards that are meant. Items that two people share mean nobody: they can't be told apart here."""
        if self.card is not None:
            return list(connection.execute(_BY_NUMBER, {"of_card": self.card}).scalars())
        people = people_by_items(connection, [self.digest]).get(self.digest, [])
        person = people[0] if len(people) == 1 else _NOBODY
        rows: Any = connection.execute(_OF_PERSON, {"person_id": person})
        return [row.number for row in rows if row.form in self.forms]


def _read(request: pb.SuspendRequest) -> _Report:
    reporter = request.WhichOneof("reporter")
    if reporter is None:
        raise malformed("reporter", "missing")
    if reporter == "card_number":
        number = card_number.normal(request.card_number)
        if number is None:
            raise malformed("card_number", "not the number of a card")
        return _Report(number, b"", set())
    if request.lost not in _FORMS:
        raise malformed("lost", "not a known value")
    return _Report(None, basic_items.digest(basic_items.require(request.holder)), _FORMS[request.lost])
