"""What the tests of bad input share: a citizen about whom one may ask, and ways to hurt a party's process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import psutil
from e2e.conftest import Running

from warifu.interim.v1 import interim_pb2
from warifu.simulator.clerk import Question
from warifu.simulator.doors import doors
from warifu.simulator.people import Person
from warifu.simulator.scenarios.stage import Stage, tax_year

SCRIPT = "<script>alert(1)</script>"


@dataclass(frozen=True, slots=True)
class Case:
    """A citizen about whom an insurer may ask a tax office."""

    person: Person
    requester: str
    addressee: str
    provider: str


@asynccontextmanager
async def stage_of(network: Running) -> AsyncIterator[Stage]:
    """A stage on the network."""
    async with doors(network.file) as opened:
        yield Stage(network.file, network.state, opened)


def known(stage: Stage) -> Iterable[tuple[Person, str, str]]:
    """People insured by one city and taxed by another, from the end: the scenarios' people stand at the beginning."""
    for person in reversed(stage.people.all()):
        taxed, insured = person.assessed(2025), person.insured_on(stage.people.start)
        if taxed is None or insured is None or not insured.institution.startswith("nhi-"):
            continue
        if insured.institution.removeprefix("nhi-") != taxed.municipality:
            yield person, insured.institution, f"tax-{taxed.municipality}"


async def case_of(stage: Stage) -> Case:
    """The first of them."""
    person, requester, provider = next(iter(known(stage)))
    addressee = await stage.clerk(requester).find(stage.people.items(person.person))
    assert addressee is not None
    return Case(person, requester, addressee, provider)


def question(stage: Stage, case: Case, **more: object) -> Question:
    """What row P07 lets the insurer ask."""
    return stage.question("P07", case.provider, tax_year(2025), **more)


def inquiry(case: Case, asked: Question) -> interim_pb2.InquireRequest:
    """The question as the interim server takes it."""
    return interim_pb2.InquireRequest(
        institution=case.requester,
        addressee_no=case.addressee,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        span=asked.span,
        office=asked.office,
        clerk=asked.clerk,
    )


def pids(network: Running) -> dict[str, int]:
    """Process ids of the parties, by their working directory."""
    folders = {str(network.state / party.name): party.name for party in network.file.parties}
    found = {}
    for process in psutil.Process(network.process.pid).children(recursive=True):
        try:
            if (name := folders.get(process.cwd())) is not None:
                found[name] = process.pid
        except psutil.Error:
            continue
    return found


async def kill(network: Running, stage: Stage, party: str) -> None:
    """`kill -9` a party and wait until it serves again."""
    before = pids(network)[party]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(60):
        while pids(network).get(party, before) == before or not await stage.doors.healthy(party):  # noqa: ASYNC110 - another process's health has no event here
            await asyncio.sleep(0.05)


@contextmanager
def full_disk(network: Running, party: str) -> Iterator[None]:
    """The party's process can write to no file, as on a disk without room."""
    process = psutil.Process(pids(network)[party])
    _, most = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (most, most))
