"""What can go wrong at an interim server behind its door: a port through which look-up, review, signing and registration of copies pass.

`Mishaps` passes everything on as it is. In a simulation the wrapper `Planted` stands in its place and does what is planted by name
(`warifu.kernel.faults`); steps neither know nor ask which of the two it is. What is confined to a person goes by the addressee number here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import Connection, bindparam, case, func, select

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.lookup import Found, Person
from warifu.interim.review import Rule
from warifu.interim.schema import COPIES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.faults import Effect, Facts, Faults

if TYPE_CHECKING:
    from warifu.interim.admit import Question

Signer = Callable[[bytes], bytes]


class Register(Protocol):
    """Registers copies: `warifu.interim.copies.Copies.register`."""

    async def __call__(self, requests: Sequence[pb.RegisterCopiesRequest]) -> list[pb.RegisterCopiesResponse]:
        """Lists in, results in the same order out."""


NO_SUCH_LAYOUT: Final = "2099-06"
_OWN = COPIES.alias("own")
_KEYS = select(_OWN.c.record_key).where(_OWN.c.addressee_no == bindparam("than"), _OWN.c.item == bindparam("item"))
_SHARED = func.sum(case((COPIES.c.record_key.in_(_KEYS), 1), else_=0))
_NEXT = (
    select(COPIES.c.addressee_no)
    .where(COPIES.c.item == bindparam("item"), COPIES.c.addressee_no != bindparam("than"))
    .group_by(COPIES.c.addressee_no)
    .order_by(_SHARED.desc(), case((COPIES.c.addressee_no > bindparam("than"), 0), else_=1), COPIES.c.addressee_no)
    .limit(1)
)
"""Who is most like somebody in what there is of them, such as the same tax years; of these the next number, after the last the first."""


class Mishaps:
    """None: everything is passed on as it is."""

    def people(
        self, _connection: Connection, _questions: Sequence[Question], people: Sequence[Person | None]
    ) -> Sequence[Person | None]:
        """Who is behind the codes of `questions`."""
        return people

    def found(self, _question: Question, _person: Person | None, found: Found) -> Found:
        """What the copies say."""
        return found

    def rule(self, _question: Question, _person: Person | None, rule: Rule | None) -> Rule | None:
        """Why the answer waits, if it does."""
        return rule

    def signer(self, _questions: Sequence[Question], _people: Sequence[Person | None], sign: Signer) -> Signer:
        """Who signs the block of answers to `questions`."""
        return sign

    def register(self, register: Register) -> Register:
        """Registration of copies."""
        return register

    def clock(self, clock: Clock) -> Clock:
        """The clock by which permits are judged."""
        return clock


class Planted(Mishaps):
    """Those that are planted at one institution."""

    def __init__(self, institution: str, faults: Faults) -> None:
        self._institution, self._faults = institution, faults

    def people(
        self, connection: Connection, questions: Sequence[Question], people: Sequence[Person | None]
    ) -> Sequence[Person | None]:
        """With other-person: whoever has the next addressee number among those with the same records of the item; who is unknown stays so."""
        if self._faults.none:
            return people
        return [
            replace(person, addressee_no=self._next(connection, question.checked.header.item, person.addressee_no))
            if person is not None and self._strikes(Effect.OTHER_PERSON, question, person)
            else person
            for question, person in zip(questions, people, strict=True)
        ]

    @staticmethod
    def _next(connection: Connection, item: str, than: str) -> str:
        """The other's number; the same when nobody else has a copy."""
        found: str | None = connection.execute(_NEXT, {"item": item, "than": than}).scalar()
        return found or than

    def found(self, question: Question, person: Person | None, found: Found) -> Found:
        """With layout: records that claim a version which nobody knows."""
        if not found.records or not self._strikes(Effect.LAYOUT, question, person):
            return found
        records = [
            exchange_pb2.Record(record_key=one.record_key, layout_version=NO_SUCH_LAYOUT, content=one.content)
            for one in found.records
        ]
        return replace(found, records=tuple(records))

    def rule(self, question: Question, person: Person | None, rule: Rule | None) -> Rule | None:
        """With review: as if the sample had drawn it."""
        return Rule.SAMPLE if rule is None and self._strikes(Effect.REVIEW, question, person) else rule

    def signer(self, questions: Sequence[Question], people: Sequence[Person | None], sign: Signer) -> Signer:
        """With signature: damaged, for the whole block when one of its answers is struck."""
        if self._faults.none:
            return sign
        struck = [
            self._strikes(Effect.SIGNATURE, question, person)
            for question, person in zip(questions, people, strict=True)
        ]
        return (lambda message: _damaged(sign(message))) if any(struck) else sign

    def register(self, register: Register) -> Register:
        """With stale: not taken, so that it stays owed; the copy stays as it was."""

        async def some(requests: Sequence[pb.RegisterCopiesRequest]) -> list[pb.RegisterCopiesResponse]:
            kept_back = {id(one) for one in requests if self._is_kept_back(one)}
            taken = iter(await register([one for one in requests if id(one) not in kept_back]))
            return [_unavailable(one) if id(one) in kept_back else next(taken) for one in requests]

        return some

    def _is_kept_back(self, request: pb.RegisterCopiesRequest) -> bool:
        facts = Facts(self._institution, "", request.addressee_no, request.record_id)
        return self._faults.strikes(Effect.STALE, facts) is not None

    def clock(self, clock: Clock) -> Clock:
        """With skew: fast by its seconds."""
        return _Skewed(clock, self._institution, self._faults)

    def _strikes(self, effect: Effect, question: Question, person: Person | None) -> bool:
        if self._faults.none:
            return False
        header = question.checked.header
        number = person.addressee_no if person is not None else ""
        facts = Facts(self._institution, header.procedure, number, header.request_id)
        return self._faults.strikes(effect, facts) is not None


@dataclass(frozen=True, slots=True)
class _Skewed:
    """A clock of which machine time is wrong while that is planted."""

    clock: Clock
    institution: str
    faults: Faults

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        struck = self.faults.strikes(Effect.SKEW, Facts(self.institution))
        return self.clock.machine() + timedelta(seconds=struck.kind.seconds if struck is not None else 0)

    def network(self) -> datetime:
        """See `Clock.network`."""
        return self.clock.network()

    def today(self) -> date:
        """See `Clock.today`."""
        return self.clock.today()


def mishaps(institution: str, faults: Faults | None) -> Mishaps:
    """Those of an institution: none outside a simulation."""
    return Mishaps() if faults is None else Planted(institution, faults)


def _damaged(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 1]) + signature[1:]


def _unavailable(request: pb.RegisterCopiesRequest) -> pb.RegisterCopiesResponse:
    error = LinkageError(Reason.PROVIDER_UNAVAILABLE).failure()
    return pb.RegisterCopiesResponse(record_id=request.record_id, error=error)
