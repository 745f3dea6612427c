"""Enrolment (符号の取得, art. 21-2; docs/PROTOCOL.md §2): acquisition number and resident code go to the gateway, and neither stays in between.

The institution is the one of the caller's certificate. An acquisition number lives here as long as the batch that brings it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ACQUISITION_BYTES, check_bytes, malformed
from warifu.numbering import typed
from warifu.numbering.allowance import Allowance
from warifu.numbering.journal import Journal, Kind, Look, Outcome
from warifu.numbering.lookup import outcome_of
from warifu.numbering.people import Numbered, People
from warifu.numbering.v1 import numbering_pb2

Deposits = Sequence[tuple[bytes, str]]
"""Acquisition numbers and the resident codes behind them."""

_ONE_BY_ONE = frozenset({Reason.CLIENT_ACQUISITION_CHANGED, Reason.CLIENT_CODE_SUPERSEDED})
"""Refusals of one deposit for which the gateway refuses all that came with it."""


class Depositing(Protocol):
    """The gateway, as far as enrolment needs it."""

    async def deposit(self, institution: str, deposits: Deposits) -> None:
        """Hand over. Raises LinkageError when it was not done; nothing is kept then."""


@dataclass(slots=True)
class _Wanted:
    """One request while it is worked on."""

    acquisition_number: bytes
    kind: Kind = Kind.ENROL_BY_ITEMS
    number: str = ""
    digest: bytes = b""
    person: int | None = None
    error: LinkageError | None = None
    look: Outcome = Outcome.REFUSED


@dataclass(slots=True)
class _Batch:
    """Requests of one institution, with what was found out about them."""

    wanted: list[_Wanted]
    by_items: Mapping[bytes, list[int]] = field(default_factory=dict)
    by_number: Mapping[str, Numbered] = field(default_factory=dict)


class Enrolment:
    """Finds people and deposits for institutions.

    Looking people up by enrolling them is limited too, but by its misses: an institution that starts enrols everyone it has at once.
    """

    def __init__(self, people: People, journal: Journal, misses: Allowance, gateway: Depositing) -> None:
        self._people, self._journal, self._misses, self._gateway = people, journal, misses, gateway

    async def enrol(
        self, institution: str, requests: Sequence[numbering_pb2.EnrolRequest]
    ) -> list[numbering_pb2.EnrolResponse]:
        """Deposit what can be deposited; one response a request, in order."""
        batch = _Batch([_read(request) for request in requests])
        self._find(institution, batch)
        await self._journal.note(institution, *((one.kind, one.look) for one in batch.wanted))
        found = [one for one in batch.wanted if one.person is not None]
        codes = self._people.codes({one.person for one in found if one.person is not None})
        await self._deposit(institution, [(one, codes[one.person]) for one in found if one.person is not None])
        return [_response(one) for one in batch.wanted]

    async def enrol_person(self, institution: str, acquisition_number: bytes, person: int) -> None:
        """Deposit for a person who was identified by a certificate.

        Raises:
            LinkageError: the gateway's refusal, or CLIENT_MALFORMED for the acquisition number.
        """
        check_bytes(acquisition_number, "acquisition_number", exactly=ACQUISITION_BYTES)
        look: Look = (Kind.ENROL_BY_CERTIFICATE, Outcome.FOUND)
        await self._journal.note(institution, look)
        await self._gateway.deposit(institution, [(acquisition_number, self._people.codes([person])[person])])

    def _find(self, institution: str, batch: _Batch) -> None:
        good = [one for one in batch.wanted if one.error is None]
        batch.by_items = self._people.by_items_ever({one.digest for one in good if one.digest})
        batch.by_number = self._people.by_numbers({one.number for one in good if one.number})
        for one in good:
            try:
                self._misses.require(institution)
                one.person = _identified(one, batch)
            except LinkageError as error:
                one.error = error
            if one.look is not Outcome.FOUND:
                self._misses.use(institution)

    async def _deposit(self, institution: str, found: Sequence[tuple[_Wanted, str]]) -> None:
        """Deposit together; where one deposit spoils the rest, in halves, until it stands alone."""
        if not found:
            return
        try:
            await self._gateway.deposit(institution, [(one.acquisition_number, code) for one, code in found])
        except LinkageError as error:
            if error.reason in _ONE_BY_ONE and len(found) > 1:
                middle = len(found) // 2
                await self._deposit(institution, found[:middle])
                await self._deposit(institution, found[middle:])
                return
            for one, _ in found:
                one.error = error


def _read(request: numbering_pb2.EnrolRequest) -> _Wanted:
    wanted = _Wanted(request.acquisition_number)
    try:
        check_bytes(request.acquisition_number, "acquisition_number", exactly=ACQUISITION_BYTES)
        match request.WhichOneof("identification"):
            case "individual_number":
                wanted.kind = Kind.ENROL_BY_NUMBER
                wanted.number = typed.number(request.individual_number)
            case "basic_items":
                wanted.digest = basic_items.digest(basic_items.require(request.basic_items))
            case _:
                raise malformed("identification", "missing")
    except LinkageError as error:
        wanted.error = error
    return wanted


def _identified(one: _Wanted, batch: _Batch) -> int:
    """The person meant; notes the outcome of the look.

    Raises:
        LinkageError: CLIENT_PERSON_NOT_MATCHED, CLIENT_PERSON_AMBIGUOUS, CLIENT_NUMBER_RETIRED.
    """
    if one.number:
        owner = batch.by_number.get(one.number)
        if owner is not None and owner.retired:
            one.look = Outcome.RETIRED
            raise LinkageError(Reason.CLIENT_NUMBER_RETIRED)
        people = [] if owner is None else [owner.person]
    else:
        people = batch.by_items.get(one.digest, [])
    one.look = outcome_of(len(people))
    if not people:
        raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
    if len(people) > 1:
        raise LinkageError(Reason.CLIENT_PERSON_AMBIGUOUS)
    return people[0]


def _response(one: _Wanted) -> numbering_pb2.EnrolResponse:
    error: common_pb2.Failure | None = one.error.failure() if one.error is not None else None
    return numbering_pb2.EnrolResponse(acquisition_number=one.acquisition_number, error=error)
