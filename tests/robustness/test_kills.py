"""Kills parties at random, over and over, while clerks ask; then reads everyone's records (PROTO §7, design §7)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from e2e.conftest import Running, start, stop
from warifu.simulator.people import People

from warifu.exchange.v1 import exchange_pb2
from warifu.simulator.clerk import Clerk, Question
from warifu.simulator.doors import Doors, doors
from warifu.simulator.scenarios.stage import Stage, tax_year

pytestmark = pytest.mark.slow

SEED = 20260406
ROUNDS = 70
PER_ROUND = 3
FINAL = {
    exchange_pb2.OUTCOME_ANSWERED,
    exchange_pb2.OUTCOME_DENIED,
    exchange_pb2.OUTCOME_ERROR,
    exchange_pb2.OUTCOME_EXPIRED,
}


@pytest.fixture
def own_network(tmp_path: Path) -> Iterator[Running]:
    """A network that the test may hurt."""
    running = start(tmp_path / "state", "--people", "100", "--seed", "7")
    yield running
    stop(running)


def party_pids(running: Running) -> dict[str, int]:
    """Process ids of the parties, by their working directory."""
    folders = {str(running.state / p.name): p.name for p in running.file.parties}
    found = {}
    for process in psutil.Process(running.process.pid).children(recursive=True):
        try:
            if (name := folders.get(process.cwd())) is not None:
                found[name] = process.pid
        except psutil.Error:
            continue
    return found


async def until_healthy(opened: Doors) -> None:
    """Wait until every party serves again."""
    async with asyncio.timeout(60):
        while not all((await opened.all_healthy()).values()):  # noqa: ASYNC110 - other processes' health has no event here
            await asyncio.sleep(0.05)


class Traffic:
    """Clerks that go on asking, each time with an id of its own, until told to stop; a lost connection is no reason to give up."""

    def __init__(self, opened: Doors, subjects: list[tuple[str, str, Question]]) -> None:
        self._doors = opened
        self._subjects = subjects
        self.sent: dict[str, tuple[str, str]] = {}
        self.seen: dict[str, int] = {}
        self.in_flight = 0
        self._going = True

    def stop(self) -> None:
        """No new questions."""
        self._going = False

    async def ask(self, worker: int) -> None:
        """One clerk."""
        dice, number = random.Random(worker), 0
        while self._going:
            number += 1
            requester, addressee, question = dice.choice(self._subjects)
            request_id = f"00000000-0000-4000-8000-{worker:04d}{number:08d}"
            self.in_flight += 1
            await self._until_final(requester, addressee, question, request_id)
            self.in_flight -= 1

    async def _until_final(self, requester: str, addressee: str, question: Question, request_id: str) -> None:
        clerk = Clerk(self._doors, requester)
        while self._going or request_id in self.sent:
            try:
                exchange = await clerk.inquire(addressee, question, request_id)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
                continue
            self.sent[request_id] = (requester, question.provider)
            if exchange.state.outcome:
                self.seen[request_id] = exchange.state.outcome
                return


async def subjects(stage: Stage, people: People) -> list[tuple[str, str, Question]]:
    """Questions that the table allows: a municipal insurer asks another city's tax office about people it knows."""
    found = []
    for person in people.all():
        assessment = person.assessed(2025)
        insured = person.insured_on(people.start)
        if assessment is None or insured is None or not insured.institution.startswith("nhi-"):
            continue
        if insured.institution.removeprefix("nhi-") == assessment.municipality:
            continue
        addressee = await stage.clerk(insured.institution).find(people.items(person.person))
        assert addressee is not None
        found.append(
            (insured.institution, addressee, stage.question("P07", f"tax-{assessment.municipality}", tax_year(2025)))
        )
    return found


async def test_nothing_is_lost_and_nothing_unlogged_under_kill_9(own_network: Running) -> None:
    """After more than 200 kills every answer that a clerk saw is in all three records, and every request came to an end."""
    dice = random.Random(SEED)
    async with doors(own_network.file) as opened:
        stage = Stage(own_network.file, own_network.state, opened)
        traffic = Traffic(opened, await subjects(stage, stage.people))
        clerks = [asyncio.create_task(traffic.ask(worker)) for worker in range(8)]
        kills = while_busy = 0
        for _ in range(ROUNDS):
            await asyncio.sleep(dice.uniform(0.02, 0.3))
            pids = party_pids(own_network)
            for name in dice.sample(sorted(pids), min(PER_ROUND, len(pids))):
                os.kill(pids[name], signal.SIGKILL)
                kills += 1
                while_busy += traffic.in_flight > 0
            await until_healthy(opened)
        traffic.stop()
        await asyncio.wait_for(asyncio.gather(*clerks), 120)
        await opened.settle()

        assert kills >= 200
        assert while_busy >= 50
        assert traffic.seen
        for request_id, outcome in traffic.seen.items():
            requester, provider = traffic.sent[request_id]
            state = await Clerk(opened, requester).collect(request_id)
            assert state.outcome in FINAL | {exchange_pb2.OUTCOME_PENDING}
            if outcome == exchange_pb2.OUTCOME_ANSWERED:
                assert state.fine_outcome != exchange_pb2.FINE_OUTCOME_UNSPECIFIED
            kinds = own_network.file.extra["kinds"]
            for party in {kinds[requester], "gateway", kinds[provider]}:
                assert await stage.view(party, request_id), f"{party} has no record of {request_id}"
