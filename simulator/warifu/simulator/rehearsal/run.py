"""Playing a day in a network under test: real parties, cryptography and records, put back to the beginning first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

import grpc

from warifu.authority import open_authority, publish_law
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.law import read_book
from warifu.simulator.cards.client import LoginError
from warifu.simulator.clerk import Clerk, Question, ask
from warifu.simulator.people import People
from warifu.simulator.rehearsal.record import REFUSED, Day, Recording, Result, Step
from warifu.simulator.rehearsal.script import Files
from warifu.simulator.scenarios.stage import Stage, tax_year
from warifu.simulator.testcards.documents import record_document
from warifu.simulator.testing.beginning import BEGINNING
from warifu.simulator.testing.engine import Engine

Told = Callable[[int, int], None]


async def play(engine: Engine, day: Day, files: Files, people: People, told: Told) -> Recording:
    """Play the day under the law of these files; `told` hears how many inquiries and histories are done, of how many.

    Raises:
        LinkageError: the network fails where it should not.
    """
    await engine.reset(now=datetime.combine(day.day, BEGINNING.timetz()), stopped=True)
    publish_law(open_authority(engine.state), engine.state, [party.name for party in engine.file.parties], files)
    await engine.doors.settle()
    stage = Stage(engine.file, engine.state, engine.doors)
    stage.use(people)
    persons = sorted({step.person for step in day.steps})
    whole, clerks, results = len(day.steps) + len(persons), _Clerks(stage, day), []
    for done, step in enumerate(day.steps, 1):
        results.append(await clerks.ask(step))
        told(done, whole)
    entries: dict[str, Mapping[str, Any]] = {}
    unread = []
    for done, person in enumerate(persons, len(day.steps) + 1):
        try:
            entries |= {entry["request_id"]: _read(entry) for entry in await stage.history(person)}
        except (
            LoginError,
            KeyError,
        ):  # nobody of that name in this version; or the card's certificate has run out by this day, or was not picked up
            unread.append(person)
        told(done, whole)
    seen = tuple(replace(one, entry=entries.get(one.step.request_id)) for one in results)
    return Recording(day, version("warifu"), read_book(files).version, seen, tuple(unread))


@dataclass(frozen=True, slots=True)
class _Clerks:
    """Clerks everywhere, with the addressee numbers that they have looked up."""

    stage: Stage
    day: Day
    _known: dict[tuple[str, str], str] = field(default_factory=dict)

    async def ask(self, step: Step) -> Result:
        """Ask to the end."""
        question = Question(
            step.provider, step.affair, step.procedure, step.item,
            common_pb2.Span() if step.year is None else tax_year(step.year), case_reference="rehearsal",
            consent=exchange_pb2.Consent(given_on=self.day.day.isoformat(), reference="rehearsal") if step.consent else None,
        )  # fmt: skip
        try:
            addressee = await self._addressee(step)
            exchange = await ask(self.stage.doors, step.requester, addressee, question, step.request_id)
        except grpc.aio.AioRpcError as error:
            return Result(step, REFUSED, str(LinkageError.from_rpc(error).reason))
        except LinkageError as error:
            return Result(step, REFUSED, str(error.reason))
        except KeyError:  # in a recording by another version
            return Result(step, REFUSED, f"no {step.person} in this version")
        return Result(step, exchange.outcome, exchange.reason, _documents(exchange.state.records))

    async def _addressee(self, step: Step) -> str:
        """The person's number at the requester, who receives them as a visitor when it does not know them."""
        key = step.requester, step.person
        if key not in self._known:
            clerk, demo = Clerk(self.stage.doors, step.requester), self.stage.people.demo(step.person)
            found = await clerk.find(demo.basic_items)
            if found is None:
                found = (await clerk.receive(demo.basic_items, demo.individual_number)).addressee_no
            self._known[key] = found
        return self._known[key]


def _documents(records: Sequence[exchange_pb2.Record]) -> Sequence[Mapping[str, Any]]:
    return [record_document(one) for one in records]


def _read(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of an entry what the person reads, in both languages; not its times, which a stopped clock makes the same."""
    texts = {
        f"{name} ({language})": text
        for language in ("ja", "en")
        for name, text in entry["texts"][language].items()
    }  # fmt: skip
    return {"outcome": entry["outcome"], **texts}
