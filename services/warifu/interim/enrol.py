"""Enrolment (符号の取得, art. 21-2): from a person named by number or basic items to a code bound to an addressee number.

acquisition numbers made and stored → numbering passes them with the resident codes to the gateway → claimed there → bound. What
names the person goes straight to numbering and is kept nowhere here; the acquisition number is forgotten with the binding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from sqlalchemy import Connection, bindparam, delete, select, update

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.form import FormError
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.addressees import check_addressee_no
from warifu.interim.ground import Ground
from warifu.interim.schema import ADDRESSEES, ENROLMENTS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ACQUISITION_BYTES, BULK, CALL_DEADLINE, malformed
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc

_SECONDS_EACH: Final = 0.1
"""Time that numbering may take for one person, above the deadline of a call."""
_SECONDS_A_CLAIM: Final = 0.02
"""Time that the gateway may take for one claim, likewise."""

_BEGIN = Bulk(ENROLMENTS, "acquisition_number", "addressee_no", "made_at")
_PENDING = select(ENROLMENTS).order_by(ENROLMENTS.c.made_at).limit(int(BULK))
_FORGET = delete(ENROLMENTS).where(ENROLMENTS.c.acquisition_number == bindparam("b_number"))
_BOUND = select(ADDRESSEES.c.addressee_no, ADDRESSEES.c.subject).where(
    ADDRESSEES.c.addressee_no.in_(bindparam("numbers", expanding=True))
    | ADDRESSEES.c.subject.in_(bindparam("subjects", expanding=True))
)
_ACQUAINT = Bulk(ADDRESSEES, "addressee_no", "subject", "bound_at")
_BIND = (
    update(ADDRESSEES)
    .where(ADDRESSEES.c.addressee_no == bindparam("b_addressee_no"))
    .values(subject=bindparam("subject"), bound_at=bindparam("bound_at"))
)


@dataclass(slots=True)
class _Person:
    """One enrolment under way."""

    request: pb.EnrolRequest
    number: bytes = b""
    """Acquisition number."""
    subject: bytes = b""
    """Serialised SubjectReference, once claimed."""
    error: LinkageError | None = None

    def response(self) -> pb.EnrolResponse:
        error = self.error.failure() if self.error else None
        return pb.EnrolResponse(addressee_no=self.request.addressee_no, error=error)


@dataclass(slots=True)
class _Bindings:
    """One transaction's view of who is bound to what."""

    by_number: dict[str, bytes | None]
    owner_of: dict[bytes, str]
    added: list[tuple[str, bytes | None, int | None]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)


class Enrolment:
    """Enrols the addressees of one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def enrol(self, requests: Sequence[pb.EnrolRequest]) -> list[pb.EnrolResponse]:
        """Enrol people, up to 1,000 at a time, and answer in their order. Enrolling again what is bound has no effect.

        Per item: CLIENT_MALFORMED, CLIENT_NOT_YOURS, what numbering says of the person, CLIENT_ACQUISITION_REFUSED,
        CLIENT_ALREADY_BOUND, CLIENT_ALREADY_ENROLLED; retryable ones when numbering or the gateway cannot be reached.
        """
        responses: list[pb.EnrolResponse] = []
        for start in range(0, len(requests), BULK):
            people = [_Person(request) for request in requests[start : start + BULK]]
            await self._enrol(people)
            responses += [person.response() for person in people]
        return responses

    async def resume(self) -> int:
        """Claim what was under way when the process ended; how many enrolments were closed.

        Only those older than any call in progress can be. One that was never deposited is given up, and the addressee stays on the
        list of those to enrol.
        """
        rows = self._ground.store.read(lambda connection: connection.execute(_PENDING).all())
        old = self._ground.machine() - _GRACE
        people = [
            _Person(pb.EnrolRequest(addressee_no=row.addressee_no), row.acquisition_number)
            for row in rows
            if row.made_at < old
        ]
        if not people:
            return 0
        await self._claim(people)
        await self._ground.store.write(lambda connection: self._bind(connection, people))
        return sum(1 for person in people if person.error is None or not person.error.retryable)

    async def _enrol(self, people: list[_Person]) -> None:
        for person in people:
            person.error = self._check(person.request)
        await self._begin([person for person in people if person.error is None])
        await self._deposit([person for person in people if person.error is None])
        await self._claim([person for person in people if person.error is None])
        started = [person for person in people if person.number]
        if started:
            await self._ground.store.write(lambda connection: self._bind(connection, started))

    def _check(self, request: pb.EnrolRequest) -> LinkageError | None:
        try:
            self._ground.require(request.institution)
            check_addressee_no(request.addressee_no)
        except FormError as error:
            return malformed(error.field, error.problem)
        except LinkageError as error:
            return error
        return None if request.WhichOneof("identification") else malformed("identification", "missing")

    async def _begin(self, people: list[_Person]) -> None:
        made_at = self._ground.machine()
        for person in people:
            person.number = self._ground.ids.token(f"acquisition/{self._ground.institution}", ACQUISITION_BYTES)
        rows = [(one.number, one.request.addressee_no, made_at) for one in people]
        if rows:
            await self._ground.store.write(lambda connection: _BEGIN.add(connection, rows))

    async def _deposit(self, people: list[_Person]) -> None:
        """Have numbering pass the numbers on. A person whom numbering did not answer about is claimed all the same."""
        if not people:
            return
        stub = self._ground.peers.stub(numbering_pb2_grpc.NumberingServiceStub, "numbering", self._ground.institution)
        by_number = {person.number: person for person in people}
        timeout = CALL_DEADLINE / 1000 + len(people) * _SECONDS_EACH
        try:
            answer = await stub.EnrolMany(self._asked(people), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            failed = LinkageError.from_rpc(error, party="numbering")
            for person in people:
                person.error = failed
            return
        for response in answer.results:
            person = by_number[response.acquisition_number]
            if response.HasField("error"):
                person.error = LinkageError.from_failure(response.error, party="numbering")

    def _asked(self, people: list[_Person]) -> numbering_pb2.EnrolManyRequest:
        request = numbering_pb2.EnrolManyRequest()
        for person in people:
            asked = request.enrolments.add(institution=self._ground.institution, acquisition_number=person.number)
            if person.request.HasField("basic_items"):
                asked.basic_items.CopyFrom(person.request.basic_items)
            else:
                asked.individual_number = person.request.individual_number
        return request

    async def _claim(self, people: list[_Person]) -> None:
        if not people:
            return
        stub = self._ground.peers.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", self._ground.institution)
        request = enrolment_pb2.ClaimRequest(acquisition_numbers=[person.number for person in people])
        try:
            response = await stub.Claim(request, timeout=CALL_DEADLINE / 1000 + len(people) * _SECONDS_A_CLAIM)
        except grpc.aio.AioRpcError as error:
            failed = LinkageError.from_rpc(error, party="gateway")
            for person in people:
                person.error = failed
            return
        for person, result in zip(people, response.results, strict=True):
            if result.WhichOneof("result") == "subject":
                person.subject = result.subject.SerializeToString(deterministic=True)
            else:
                person.error = LinkageError.from_reason(result.refused, party="gateway")

    def _bind(self, connection: Connection, people: list[_Person]) -> None:
        """Runs in the store's transaction: bind whoever has a code, forget the numbers that are done with."""
        claimed = [person for person in people if person.subject]
        bindings = _look(connection, claimed)
        now = self._ground.machine()
        for person in claimed:
            person.error = _bound(bindings, person.request.addressee_no, person.subject, now)
        _ACQUAINT.add(connection, bindings.added)
        if bindings.changed:
            connection.execute(_BIND, bindings.changed)
        self._acquaint_unbound(connection, people)
        over = [{"b_number": person.number} for person in people if not self._may_come(person)]
        if over:
            connection.execute(_FORGET, over)

    def _acquaint_unbound(self, connection: Connection, people: list[_Person]) -> None:
        """An addressee who could not be enrolled is on the list of those to enrol."""
        numbers = {person.request.addressee_no for person in people if person.error is not None}
        if numbers:
            rows = connection.execute(_BOUND, {"numbers": list(numbers), "subjects": []})
            missing = numbers - {row.addressee_no for row in rows}
            _ACQUAINT.add(connection, [(number, None, None) for number in sorted(missing)])

    def _may_come(self, person: _Person) -> bool:
        """The claim could not be made, and may be later: the number is kept until then."""
        return person.error is not None and person.error.retryable and not person.subject


_GRACE: Final = 60_000
"""Machine milliseconds after which an enrolment that is still open is nobody's call any more; far within a number's life."""


def _look(connection: Connection, people: list[_Person]) -> _Bindings:
    numbers = [person.request.addressee_no for person in people]
    subjects = [person.subject for person in people]
    rows = connection.execute(_BOUND, {"numbers": padded(numbers), "subjects": padded(subjects)}).all()
    return _Bindings(
        {row.addressee_no: row.subject for row in rows},
        {row.subject: row.addressee_no for row in rows if row.subject is not None},
    )


def _bound(bindings: _Bindings, addressee_no: str, subject: bytes, now: int) -> LinkageError | None:
    """Note a binding, or say why it cannot be: another code is bound here, or this one elsewhere."""
    present = bindings.by_number.get(addressee_no)
    if present == subject:
        return None
    if present is not None:
        return LinkageError(Reason.CLIENT_ALREADY_BOUND)
    if bindings.owner_of.get(subject, addressee_no) != addressee_no:
        return LinkageError(Reason.CLIENT_ALREADY_ENROLLED)
    if addressee_no in bindings.by_number:
        bindings.changed.append({"b_addressee_no": addressee_no, "subject": subject, "bound_at": now})
    else:
        bindings.added.append((addressee_no, subject, now))
    bindings.by_number[addressee_no] = subject
    bindings.owner_of[subject] = addressee_no
    return None


def subject_bytes(subject: exchange_pb2.SubjectReference) -> bytes:
    """The form in which codes are compared and kept."""
    return subject.SerializeToString(deterministic=True)
