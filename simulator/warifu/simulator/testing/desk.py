"""What a test asks of the simulation: people, an inquiry by a simulated clerk, a citizen's history."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.law import LawBook
from warifu.simulator.clerk import WAIT_MS, Clerk, ask
from warifu.simulator.inforce import current_law
from warifu.simulator.scenarios.stage import Stage, tax_year
from warifu.simulator.testcards import NotThereError, card_document, people
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.linkage import whole
from warifu.testing.v1 import testing_pb2 as pb


class UnknownError(LookupError):
    """No such person, trait, institution or row; the message says which."""


class Desk:
    """A test's own hands in a network. Logins last until `forget`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stage = Stage(engine.file, engine.state, engine.doors)
        self._law = current_law(engine.state)

    def forget(self) -> None:
        """The network was put back: who was logged in is not any more."""
        before, self._stage = self._stage, Stage(self._engine.file, self._engine.state, self._engine.doors)
        self._stage.use(before.people)

    def people(self, request: pb.ListPeopleRequest) -> Sequence[Struct]:
        """Test cards, on the clock's day and under the permission table in force.

        Raises:
            UnknownError: nobody has a trait, or there is no such institution or person.
        """
        day, file = self._engine.parties.clock.today(), self._engine.file
        try:
            found = _cards(
                (file.seed, file.people),
                tuple(request.traits),
                request.institution or None,
                day,
                _Table(self._law.book()),
            )
        except NotThereError as error:
            raise UnknownError(error.en) from error
        chosen = [card for card in found if not request.people or card.document["person"] in request.people]
        if missing := set(request.people) - {card.document["person"] for card in chosen}:
            raise UnknownError(f"nobody of these is {', '.join(sorted(missing))}")
        wanted = whole(MessageToDict(request.wanted))
        fitting = (
            card for card in chosen if not wanted or any(_fits(one, wanted) for one in card.document["expected"])
        )
        return [card.told for card in islice(fitting, request.limit or None)]

    async def ask(self, request: pb.AskRequest, *, decided: bool = True) -> pb.AskResponse:
        """Ask to the end; `decided`: a clerk of the provider decides what waits.

        Raises:
            UnknownError: no such row or person, or the requester does not know the person.
            LinkageError, grpc.aio.AioRpcError: the interim server refused.
        """
        stage = self._stage
        stage.book = self._law.book()
        if request.row not in stage.book.rows:
            raise UnknownError(f"there is no permission row {request.row!r}")
        for institution in (request.requester, request.provider):
            if institution not in self._engine.file.extra["kinds"]:
                raise UnknownError(f"there is no institution {institution!r}")
        try:
            items = stage.people.items(request.person)
        except KeyError as error:
            raise UnknownError(f"there is no person {request.person!r}") from error
        addressee = await Clerk(self._engine.doors, request.requester).find(items)
        if addressee is None:
            raise UnknownError(f"{request.requester} does not know {request.person}")
        day = (await stage.clock()).date().isoformat()
        consent = exchange_pb2.Consent(given_on=day, reference="test") if request.consent else None
        span = tax_year(request.year) if request.HasField("year") else None
        question = stage.question(request.row, request.provider, span, consent=consent)
        wait_ms = request.timeout_ms or WAIT_MS
        exchange = await ask(
            self._engine.doors, request.requester, addressee, question, decided=decided, wait_ms=wait_ms
        )
        made = pb.AskResponse(request_id=exchange.request_id, outcome=exchange.outcome, reason=exchange.reason or "")
        for record in exchange.state.records:
            made.records.add().update(MessageToDict(record, preserving_proto_field_name=True))
        return made

    async def history(self, person: str) -> Sequence[dict[str, Any]]:
        """The person's entries, newest first.

        Raises:
            UnknownError: there is no such person.
        """
        self.known(person)
        return await self._stage.history(person)

    async def shown(self, person: str) -> Sequence[dict[str, Any]]:
        """The same as it is now: what is due is not delivered first."""
        return await asyncio.to_thread((await self._stage.session(person)).history)

    def known(self, person: str) -> None:
        """Raise UnknownError when there is no such person."""
        try:
            self._stage.people.demo(person)
        except KeyError as error:
            raise UnknownError(f"there is no person {person!r}") from error


class _Card:
    """A test card, told in the same words each time."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @cached_property
    def told(self) -> Struct:
        """As it goes over the wire: to write it costs more than all else of a call."""
        written = Struct()
        written.update(self.document)
        return written


class _Table:
    """A law book as a key: equal to any other of the same files."""

    def __init__(self, book: LawBook) -> None:
        self.book = book

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and other.book.digest == self.book.digest

    def __hash__(self) -> int:
        return hash(self.book.digest)


@lru_cache(maxsize=8)
def _cards(
    network: tuple[int, int], traits: tuple[str, ...], institution: str | None, day: date, table: _Table
) -> Sequence[_Card]:
    """Seed, number of people, day and permission table decide them, and nothing else that a test does."""
    return [_Card(card_document(card)) for card in people(network, traits, institution, day, book=table.book)]


def _fits(expectation: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(expectation.get(name) == value for name, value in wanted.items())


def refused(error: LinkageError) -> str:
    """A refusal in words."""
    return f"{error.reason}: {error.text('en')}"
