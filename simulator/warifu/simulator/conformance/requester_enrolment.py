"""Numbering, and the gateway's part of enrolment, that we play towards a requester: they know whom a check thought of, and say what it wants."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from google.protobuf.json_format import MessageToDict

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.party import Context, Party, Service
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.numbers import individual_number
from warifu.simulator.conformance.requester_gateway import Failing

_KANJI: Final = str.maketrans("0123456789", "〇一二三四五六七八九")
Identification = dict[str, Any]
"""Who is to be enrolled, as a question names the person: one of the two ways, in proto3 JSON."""


@dataclass(slots=True)
class Person:
    """Somebody of whom no other check knows, and what is to be said of them."""

    addressee_no: str
    identification: Identification
    key: str
    """What names the person: the individual number, or the name among the basic items."""
    code: bytes
    """The requester's code of the person."""
    unknown: str = ""
    """Reason with which numbering refuses, if it does."""
    claims: list[Failing] = field(default_factory=list)
    """What the next claims fail with."""

    def question(self) -> dict[str, Any]:
        """Have the person enrolled."""
        return {
            "op": "enrol",
            "requestId": str(uuid.uuid4()),
            "addresseeNo": self.addressee_no,
            **self.identification,
        }


@dataclass(frozen=True, slots=True)
class Claimed:
    """A call of Claim as it came."""

    numbers: tuple[bytes, ...]
    message: bytes
    metadata: str
    """What the call said beside it."""


@dataclass(slots=True)
class PlayedEnrolment:
    """What numbering and gateway hold of enrolments in a run, and what they were asked."""

    people: dict[str, Person] = field(default_factory=dict)
    """By what names them."""
    asked: list[numbering_pb2.EnrolRequest] = field(default_factory=list)
    """Every enrolment that came to numbering, in order, also each time that it came again."""
    claimed: list[Claimed] = field(default_factory=list)
    """Every call of Claim."""
    given: set[bytes] = field(default_factory=set)
    """Codes that were handed out."""
    deposited: dict[bytes, Person] = field(default_factory=dict)
    """By acquisition number."""
    _superseded: list[tuple[int, bytes]] = field(default_factory=list)
    _last_named: bool = False
    """The last code of the list was told to the requester."""
    is_read: bool = False
    """The requester has read the list to its end: it came again after it had been told the last."""

    def person(self, *, by_items: bool = False, code: bytes = b"") -> Person:
        """Think of somebody.

        Args:
            by_items: named by the basic items instead of the individual number.
            code: what the gateway will hand out; by default what looks like any other.
        """
        drawn = f"{secrets.randbelow(10**8):08}"
        body = f"{individual_number.SYNTHETIC_PREFIX}{drawn}"
        number = body + individual_number.check_digit(body)
        words = drawn.translate(_KANJI)  # nothing that numbering, or anybody on the way, could fold
        items = {
            "name": f"適合{words}",
            "address": f"架空市試験町{words}",
            "birthDate": "1980-04-01",
            "sex": "SEX_FEMALE",
        }
        made = Person(
            addressee_no=f"8{secrets.randbelow(10**14):014}",
            identification={"basicItems": items} if by_items else {"individualNumber": number},
            key=items["name"] if by_items else number,
            code=code or new_code(),
        )
        self.people[made.key] = made
        return made

    def supersede(self, *codes: bytes) -> None:
        """Name these codes in the list, from now on."""
        # Positions rise from one run to the next: a requester remembers how far it has read.
        for code in codes:
            last = self._superseded[-1][0] if self._superseded else 0
            self._superseded.append((max(last + 1, time.time_ns() // 10**6), code))
        self._last_named = self.is_read = False

    def deposit(self, request: numbering_pb2.EnrolRequest) -> numbering_pb2.EnrolResponse:
        """Numbering's answer about one person."""
        self.asked.append(request)
        response = numbering_pb2.EnrolResponse(acquisition_number=request.acquisition_number)
        if reason := self._refusal(request):
            response.error.CopyFrom(Failing(reason).failure())
        else:
            self.deposited[request.acquisition_number] = self.people[_key(request)]
        return response

    def _refusal(self, request: numbering_pb2.EnrolRequest) -> str:
        items = request.basic_items
        if request.HasField("basic_items") and not (items.name and items.address and items.birth_date and items.sex):
            return "CLIENT_LOOKUP_TOO_FEW_ITEMS"
        person = self.people.get(_key(request))
        return "CLIENT_PERSON_NOT_MATCHED" if person is None else person.unknown

    def claim(self, request: enrolment_pb2.ClaimRequest, metadata: str) -> enrolment_pb2.ClaimResponse:
        """The gateway's answer to a claim.

        Raises:
            Failing: it fails for a while.
        """
        numbers = tuple(request.acquisition_numbers)
        self.claimed.append(Claimed(numbers, request.SerializeToString(), metadata))
        response, lasting = enrolment_pb2.ClaimResponse(), None
        for number in numbers:
            person, result = self.deposited.get(number), response.results.add()
            failing = person.claims.pop(0) if person is not None and person.claims else None
            if failing is not None and failing.retryable:
                lasting = failing
            elif person is None or failing is not None:
                result.refused = failing.reason if failing else "CLIENT_ACQUISITION_REFUSED"
            else:
                result.subject.code = person.code
        if lasting is not None:
            raise lasting
        self.given |= {one.subject.code for one in response.results if one.HasField("subject")}
        return response

    def listed(self, after: int) -> enrolment_pb2.ListSupersededResponse:
        """What is superseded after a position."""
        self.is_read = self.is_read or self._last_named
        new = [(position, code) for position, code in self._superseded if position > after]
        self._last_named = self._last_named or bool(new)
        subjects = [exchange_pb2.SubjectReference(code=code) for _, code in new]
        return enrolment_pb2.ListSupersededResponse(subjects=subjects, position=new[-1][0] if new else after)

    def at_gateway(self) -> Service:
        """The gateway's service. What is numbering's to call is not offered."""
        return Service(
            "warifu.enrolment.v1.EnrolmentService",
            enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server,
            cast("Any", _Gateway)(self),
        )

    async def build(self, _: Context) -> Party:
        """Numbering, as the party that a server runs."""
        service = Service(
            "warifu.numbering.v1.NumberingService",
            numbering_pb2_grpc.add_NumberingServiceServicer_to_server,
            cast("Any", _Numbering)(self),
        )
        return Party(services=[service])


def new_code() -> bytes:
    """A code as the gateway makes them, which nobody has seen. Its last byte is not zero, so that whoever cuts zeros off shows in one check alone."""
    return b"\x01" + os.urandom(31) + b"\x01"


def shown_enrolment(request: numbering_pb2.EnrolRequest) -> dict[str, Any]:
    """An enrolment as a report shows it."""
    told = MessageToDict(request, preserving_proto_field_name=True)
    return {"numbering": told | {"acquisition_number": request.acquisition_number.hex()}}


def _key(request: numbering_pb2.EnrolRequest) -> str:
    return request.individual_number or request.basic_items.name


class _Gateway(enrolment_pb2_grpc.EnrolmentServiceServicer):
    def __init__(self, played: PlayedEnrolment) -> None:
        self._played = played

    async def Claim(self, request: enrolment_pb2.ClaimRequest, context: Any) -> enrolment_pb2.ClaimResponse:  # noqa: N802 - the contract's name
        said = " ".join(f"{key}={value!r}" for key, value in context.invocation_metadata() or ())
        try:
            return self._played.claim(request, said)
        except Failing as failing:
            await failing.end(context)
            raise

    async def ListSuperseded(  # noqa: N802 - the contract's name
        self, request: enrolment_pb2.ListSupersededRequest, _: Any
    ) -> enrolment_pb2.ListSupersededResponse:
        return self._played.listed(request.after)


class _Numbering(numbering_pb2_grpc.NumberingServiceServicer):
    """Operations by which an institution enrols; the others are not offered."""

    def __init__(self, played: PlayedEnrolment) -> None:
        self._played = played

    async def Enrol(  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[numbering_pb2.EnrolRequest], _: Any
    ) -> AsyncIterator[numbering_pb2.EnrolResponse]:
        async for request in requests:
            yield self._played.deposit(request)

    async def EnrolMany(self, request: numbering_pb2.EnrolManyRequest, _: Any) -> numbering_pb2.EnrolManyResponse:  # noqa: N802 - the contract's name
        return numbering_pb2.EnrolManyResponse(results=[self._played.deposit(one) for one in request.enrolments])
