"""What a test asks of the simulation: people, an inquiry by a simulated clerk, a citizen's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.simulator.clerk import Clerk, ask
from warifu.simulator.scenarios.stage import Stage, tax_year
from warifu.simulator.testcards import card_document, people
from warifu.simulator.testing.engine import Engine
from warifu.testing.v1 import testing_pb2 as pb


class UnknownError(LookupError):
    """No such person, trait, institution or row; the message says which."""


class Desk:
    """A test's own hands in a network. Logins last until `forget`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stage = Stage(engine.file, engine.state, engine.doors)

    def forget(self) -> None:
        """The network was put back: who was logged in is not any more."""
        before, self._stage = self._stage, Stage(self._engine.file, self._engine.state, self._engine.doors)
        self._stage.use(before.people)

    async def people(self, request: pb.ListPeopleRequest) -> Sequence[dict[str, Any]]:
        """Test cards, on the clock's day.

        Raises:
            UnknownError: nobody has a trait, or there is no such institution or person.
        """
        day = (await self._stage.clock()).date()
        limit = None if request.people else request.limit or None
        try:
            found = people(self._engine.file, list(request.traits), request.institution or None, day, limit=limit)
        except LookupError as error:
            raise UnknownError(f"there is no trait or institution {error.args[0]!r}") from error
        chosen = [card for card in found if not request.people or card.person in request.people]
        if missing := set(request.people) - {card.person for card in chosen}:
            raise UnknownError(f"nobody of these is {', '.join(sorted(missing))}")
        return [card_document(card) for card in chosen[: request.limit or None]]

    async def ask(self, request: pb.AskRequest) -> pb.AskResponse:
        """Ask to the end.

        Raises:
            UnknownError: no such row or person, or the requester does not know the person.
            LinkageError: the interim server refused.
        """
        stage = self._stage
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
        exchange = await ask(self._engine.doors, request.requester, addressee, question)
        made = pb.AskResponse(request_id=exchange.request_id, outcome=exchange.outcome, reason=exchange.reason or "")
        for record in exchange.state.records:
            made.records.add().update(MessageToDict(record, preserving_proto_field_name=True))
        return made

    async def history(self, person: str) -> Sequence[dict[str, Any]]:
        """The person's entries, newest first.

        Raises:
            UnknownError: there is no such person.
        """
        try:
            self._stage.people.demo(person)
        except KeyError as error:
            raise UnknownError(f"there is no person {person!r}") from error
        return await self._stage.history(person)


def refused(error: LinkageError) -> str:
    """A refusal in words."""
    return f"{error.reason}: {error.text('en')}"
