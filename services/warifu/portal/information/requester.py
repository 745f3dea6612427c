"""How the portal asks: as a requester of the network, through an interim server of its own. A test answers without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.institution import Interim
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.law import Row

OFFICE: Final = "self-disclosure"
CLERK: Final = "self"
"""What every record of an own request says of who asked: nobody in an office, and never which account."""


class State(StrEnum):
    """What has become of a request."""

    WAITING = "WAITING"
    """Under way."""
    CHECKING = "CHECKING"
    """A clerk at the provider looks at it first."""
    ARRIVED = "ARRIVED"
    NOTHING = "NOTHING"
    """Nothing can be provided. It is never said why: no record, unknown there, and withheld are one and the same here."""
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    """It is no longer kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, of one provider."""

    request_id: str
    subject: bytes
    """The portal's code for the person, serialised SubjectReference."""
    row: Row
    provider: str
    year: int | None
    """Tax year, where the item has years."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What has become of it."""

    state: State
    answered_at: int | None = None
    """Network milliseconds."""
    records: Sequence[exchange_pb2.Record] = ()
    reason: str = ""
    """Of a failure."""

    @property
    def is_final(self) -> bool:
        """It will not change any more, but for expiring."""
        return self.state not in (State.WAITING, State.CHECKING)


class Requester(Protocol):
    """Asks for a person's own information."""

    async def ask(self, asked: Asked) -> None:
        """Have it stored, to be sent until it came to something. The same again has no effect. Raises LinkageError."""

    def answer(self, request_id: str) -> Answer:
        """What is known of it, without asking anybody."""


class InterimRequester:
    """`Requester` through the portal's interim server."""

    def __init__(self, interim: Interim) -> None:
        self._interim = interim

    async def ask(self, asked: Asked) -> None:
        """See `Requester`."""
        number = await self._interim.acquaint(exchange_pb2.SubjectReference.FromString(asked.subject))
        year = common_pb2.FiscalYear(year=asked.year) if asked.year is not None else None
        request = interim_pb2.InquireRequest(
            institution=self._interim.ground.institution,
            request_id=asked.request_id,
            addressee_no=number,
            provider=asked.provider,
            affair=asked.row.affair.code,
            procedure=asked.row.procedure.code,
            item=asked.row.item,
            span=common_pb2.Span(fiscal_year=year),
            office=OFFICE,
            clerk=CLERK,
        )
        try:
            await self._interim.inquire(request)
        except LinkageError as error:
            # Stored in a run before this one, and the person's code changed in between: it goes on as it was.
            if error.reason != Reason.CLIENT_REQUEST_CHANGED:
                raise

    def answer(self, request_id: str) -> Answer:
        """See `Requester`."""
        known = self._interim.known(request_id)
        return Answer(State.WAITING) if known is None else answer_of(known)


def answer_of(known: interim_pb2.InquiryState) -> Answer:
    """The answer in an inquiry's state."""
    match known.outcome:
        case exchange_pb2.OUTCOME_UNSPECIFIED:
            return Answer(State.WAITING)
        case exchange_pb2.OUTCOME_PENDING:
            return Answer(State.CHECKING)
        case exchange_pb2.OUTCOME_ANSWERED:
            provided = known.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED
            return Answer(
                State.ARRIVED if provided else State.NOTHING, stamped(known.answered_at), tuple(known.records)
            )
        case exchange_pb2.OUTCOME_DENIED:
            return Answer(State.FAILED, reason=known.denial.reason)
        case _:
            return Answer(State.FAILED, reason=known.error.reason)
