"""The exchanges that are measured, as their requester makes them: the only place that knows by which of its ways.

Each is whole: the question is stored and sealed, sent, decided and recorded at the gateway, looked up, recorded and sealed at the
provider, checked, opened and recorded here. What a call returns was answered PROVIDED; anything else is an error, never a figure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import uuid4

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.institution import Interim
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError
from warifu.simulator.bench.plain import AGAIN, Plain

PROVIDED: Final = exchange_pb2.FINE_OUTCOME_PROVIDED


class NotAnsweredError(RuntimeError):
    """An exchange of the measurement came to something else than an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What every exchange of the measurement asks."""

    requester: str
    provider: str
    people: int
    """Addressee numbers 0 to people - 1 are known at both institutions."""
    bulk: int
    """Subjects of one bulk inquiry."""

    def about(self, number: int, request_id: str) -> pb.InquireRequest:
        """The inquiry with this number."""
        return pb.InquireRequest(
            institution=self.requester,
            request_id=request_id,
            addressee_no=str(number % self.people),
            provider=self.provider,
            affair="JM90000000000101",
            procedure="JT90000000000101",
            item="TM90000000000001",
            span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025)),
            office="国保年金課",
            clerk="c-1",
        )


def unsampled(key: bytes) -> Iterator[str]:
    """Request ids that the provider's clerks do not look at by sample: in a measurement nobody is there to decide."""
    return (one for one in identifiers() if not sampled(key, one))


def identifiers() -> Iterator[str]:
    """Request ids that nobody else has."""
    beginning = str(uuid4())[:24]  # counting on costs less than drawing each
    return (f"{beginning}{number:012x}" for number in count())


class Calls:
    """By one institution's interim server, in its own process."""

    def __init__(self, interim: Interim, plain: Plain, question: Question, ids: Iterator[str]) -> None:
        self._interim, self._plain, self._question, self._ids = interim, plain, question, ids

    async def unary(self, number: int) -> Sequence[str]:
        """One exchange by one unary `LinkageService.Inquire` of a plain gRPC client."""
        request_id = next(self._ids)
        answer = await self._plain.exchange(self._question.about(number, request_id))
        _check(answer.outcome, exchange_pb2.OUTCOME_ANSWERED, "")
        return (request_id,)

    async def connector(self, number: int) -> Sequence[str]:
        """One exchange by the connector, as the business system in the requester's process makes it."""
        question = self._question.about(number, next(self._ids))
        state = await self._interim.connector.inquire(question)
        _check(state.fine_outcome, state.outcome, state.error.reason)
        return (question.request_id,)

    async def stubborn(self, number: int) -> Sequence[str]:
        """One exchange by the connector that does not give up while parties come and go; nothing when it came to something else."""
        question = self._question.about(number, next(self._ids))
        while True:
            try:
                state = await self._interim.connector.inquire(question)
            except LinkageError as error:
                if not error.retryable:
                    raise
                await asyncio.sleep(AGAIN)
            else:
                return (question.request_id,) if state.fine_outcome == PROVIDED else ()

    async def bulk(self, number: int) -> Sequence[str]:
        """Many subjects at once."""
        size = self._question.bulk
        return _flat(await asyncio.gather(*(self.connector(number * size + place) for place in range(size))))


def _check(fine: int, outcome: int, reason: str) -> None:
    if fine != PROVIDED:
        named = exchange_pb2.Outcome.Name(outcome)  # type: ignore[arg-type] # of the enumeration
        raise NotAnsweredError(f"{named} {reason}".rstrip())


def _flat(found: Iterable[Sequence[str]]) -> list[str]:
    return [one for some in found for one in some]
