"""Loads the population into a new network through its front doors: numbering first, then every agency at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from warifu.agency.v1 import agency_pb2
from warifu.kernel.errors import LinkageError
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.people import fill_tray, generate_people
from warifu.simulator.population import Person
from warifu.simulator.state import NetworkFile
from warifu.simulator.translate import basic_items, initial_records

_LOG = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Load:
    """A population and what every institution knows of it."""

    people: list[Person]
    records: dict[str, list[agency_pb2.RecordRequest]]


def draw(network: NetworkFile) -> Load:
    """Draw the network's population. Needs no party, so it is done while they start."""
    people = generate_people(network.seed, network.people)
    return Load(people, initial_records(people))


async def fill(network: NetworkFile, state: Path, doors: Doors, load: Load, progress: Progress) -> None:
    """Load everyone.

    Raises:
        LinkageError: a party refused something; nothing is hidden by going on.
    """
    began = time.monotonic()
    people, records = load.people, load.records
    await fill_tray(state, network.seed, people)
    await _register(doors, people, progress)
    _LOG.debug("people numbered after %.2f s", time.monotonic() - began)
    counted = _Counted(progress, network.extra["kinds"])
    counted.expect({code: len(requests) for code, requests in records.items()})
    await asyncio.gather(*(_load(doors, code, requests, counted) for code, requests in records.items()))
    _LOG.debug("agencies filled after %.2f s", time.monotonic() - began)
    await _note_deaths(doors, people)


async def _register(doors: Doors, people: list[Person], progress: Progress) -> None:
    stub = numbering_pb2_grpc.RegisterServiceStub(doors.simulator("numbering"))

    async def requests() -> AsyncIterator[numbering_pb2.RegisterRequest]:
        for person in people:
            yield numbering_pb2.RegisterRequest(
                institution="simulator",
                reference=person.person,
                basic_items=basic_items(person),
                resident_code=person.resident_code,
            )

    done = 0
    async for answer in stub.Register(requests()):
        if answer.HasField("error"):
            raise LinkageError.from_failure(answer.error)
        done += 1
        progress("numbering", done, len(people))


async def _load(
    doors: Doors, institution: str, requests: Iterable[agency_pb2.RecordRequest], counted: _Counted
) -> None:
    async for answer in Clerk(doors, institution).stream(requests):
        if answer.HasField("error"):
            raise LinkageError.from_failure(answer.error)
        counted.one(institution)


async def _note_deaths(doors: Doors, people: Iterable[Person]) -> None:
    stub = numbering_pb2_grpc.RegisterServiceStub(doors.simulator("numbering"))
    for person in people:
        if person.death_date is not None:
            await stub.NoteDeath(
                numbering_pb2.NoteDeathRequest(
                    institution="simulator", basic_items=basic_items(person), died_on=person.death_date.isoformat()
                )
            )


class _Counted:
    """Progress by kind of agency."""

    def __init__(self, progress: Progress, kinds: dict[str, str]) -> None:
        self._progress, self._kinds = progress, kinds
        self._done: Counter[str] = Counter()
        self._of: Counter[str] = Counter()

    def expect(self, counts: dict[str, int]) -> None:
        for institution, count in counts.items():
            self._of[self._kinds[institution]] += count

    def one(self, institution: str) -> None:
        kind = self._kinds[institution]
        self._done[kind] += 1
        self._progress(kind, self._done[kind], self._of[kind])
