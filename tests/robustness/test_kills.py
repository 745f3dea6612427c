"""Kills parties at random, over and over, while clerks ask; then reads everyone's records (PROTO §7, design §7)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from e2e.conftest import Running, start, stop

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.simulator.clerk import Clerk, Question
from warifu.simulator.doors import Doors, doors, identity_channel
from warifu.simulator.scenarios.stage import Stage, tax_year

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SEED = 20260406
KILLS, WHILE_BUSY = 200, 50
CLERKS = 8
OUTCOME = exchange_pb2.RECORD_KIND_OUTCOME
ANSWERED, PENDING = exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING
UNFINISHED = {exchange_pb2.OUTCOME_UNSPECIFIED, PENDING}
Records = dict[str, list[exchange_pb2.AccessRecord]]
"""Access records of one institution's side or of the gateway, by request id."""


@pytest.fixture
def own_network(tmp_path: Path) -> Iterator[Running]:
    """A network that the test may hurt."""
    running = start(tmp_path / "state", "--people", "100", "--seed", "7")
    yield running
    if running.process.poll() is None:
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
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Subject:
    """Someone about whom a clerk may ask."""

    person: str
    requester: str
    addressee_no: str
    question: Question


class Traffic:
    """Clerks that go on asking, each time under an id of its own, until told to stop; a lost connection is no reason to give up."""

    def __init__(self, opened: Doors, subjects: list[Subject]) -> None:
        self._doors, self._subjects = opened, subjects
        self.asked: dict[str, Subject] = {}
        self.seen: dict[str, interim_pb2.InquiryState] = {}
        """What the clerks were shown last."""
        self.in_flight = 0
        self._going = True

    def stop(self) -> None:
        """No new questions."""
        self._going = False

    async def ask(self, worker: int) -> None:
        """One clerk."""
        dice, number = random.Random(SEED + worker), 0
        while self._going:
            number += 1
            request_id = f"00000000-0000-4000-8000-{worker:04d}{number:08d}"
            self.asked[request_id] = subject = dice.choice(self._subjects)
            self.in_flight += 1
            await self._until_told(subject, request_id)
            self.in_flight -= 1
            await asyncio.sleep(dice.uniform(0.05, 0.3))

    async def _until_told(self, subject: Subject, request_id: str) -> None:
        clerk = Clerk(self._doors, subject.requester)
        while not self._has_outcome(request_id):
            try:
                exchange = await clerk.inquire(subject.addressee_no, subject.question, request_id)
            except grpc.aio.AioRpcError as error:
                told = LinkageError.from_rpc(error)
                assert told.retryable, f"{request_id}: {told.reason}"
                await asyncio.sleep(0.05)
            else:
                self.seen[request_id] = exchange.state

    def _has_outcome(self, request_id: str) -> bool:
        return request_id in self.seen and self.seen[request_id].outcome != exchange_pb2.OUTCOME_UNSPECIFIED


async def subjects(stage: Stage) -> list[Subject]:
    """Questions that the table allows: a municipal insurer asks another city's tax office about people it knows."""
    found = []
    people = stage.people
    for person in people.all():
        insured = person.insured_on(people.start)
        if insured is None or not insured.institution.startswith("nhi-"):
            continue
        for assessment in person.assessments:
            if assessment.municipality == insured.institution.removeprefix("nhi-") or assessment.tax_year > 2025:
                continue
            addressee = await stage.clerk(insured.institution).find(people.items(person.person))
            assert addressee is not None
            question = stage.question("P07", f"tax-{assessment.municipality}", tax_year(assessment.tax_year))
            found.append(Subject(person.person, insured.institution, addressee, question))
    return found


async def release_all(opened: Doors, institutions: set[str]) -> int:
    """Have every answer that waits for a clerk provided; how many there were."""
    released = 0
    for institution in sorted(institutions):
        clerk = Clerk(opened, institution)
        waiting = await clerk.interim.ListReviews(interim_pb2.ListReviewsRequest(institution=institution), timeout=15)
        for review in waiting.reviews:
            await clerk.review(review.permit_id, interim_pb2.REVIEW_DECISION_PROVIDE)
            released += 1
    return released


async def kill_and_ask(running: Running, opened: Doors, traffic: Traffic) -> tuple[int, int]:
    """Kill until there were enough; how many, and how many of them while an exchange was under way."""
    dice, kills, busy = random.Random(SEED), 0, 0
    clerks = [asyncio.create_task(traffic.ask(worker)) for worker in range(CLERKS)]
    try:
        while kills < KILLS or busy < WHILE_BUSY:
            await asyncio.sleep(dice.uniform(0.02, 0.4))
            pids = party_pids(running)
            for name in dice.sample(sorted(pids), min(dice.randint(1, 6), len(pids))):
                os.kill(pids[name], signal.SIGKILL)
                kills, busy = kills + 1, busy + (traffic.in_flight > 0)
            await until_healthy(opened)
            for clerk in clerks:
                assert not clerk.done(), clerk.exception()
    finally:
        traffic.stop()
    await asyncio.wait_for(asyncio.gather(*clerks), 120)
    return kills, busy


async def finish(running: Running, opened: Doors, traffic: Traffic) -> None:
    """Every request comes to a final outcome, shown to its clerk."""
    providers = {subject.question.provider for subject in traffic.asked.values()}
    async with asyncio.timeout(120):
        while open_ones := [request_id for request_id, state in traffic.seen.items() if state.outcome in UNFINISHED]:
            await release_all(opened, providers)
            await opened.settle()
            for request_id in open_ones:
                traffic.seen[request_id] = await Clerk(opened, traffic.asked[request_id].requester).collect(request_id)


async def delivered(running: Running, opened: Doors) -> None:
    """Everything that is to be shown has left the gateway, whose channel to a portal that was killed pauses before it tries again."""
    database = f"file:{running.state / 'gateway' / 'gateway.db'}?mode=ro"
    async with asyncio.timeout(120):
        with closing(sqlite3.connect(database, uri=True)) as connection:
            while connection.execute("SELECT count(*) FROM outbox").fetchone() != (0,):
                await opened.settle()
                await asyncio.sleep(0.1)


async def listed(running: Running) -> dict[str, list[linkage_pb2.PositionedRecord]]:
    """All that the gateway and each institution tell the supervisor's inspector; by "gateway" and institution code."""
    file, kinds = running.file, running.file.extra["kinds"]
    channels = {
        party: identity_channel(file.party(party), Path(file.ca), file.inspector)
        for party in {"gateway", *kinds.values()}
    }
    audit = linkage_pb2_grpc.GatewayAuditServiceStub(channels["gateway"])
    found = {"gateway": await _pages(audit.ListRecords, linkage_pb2.ListRecordsRequest())}
    for code, kind in kinds.items():
        own = interim_pb2_grpc.InterimAuditServiceStub(channels[kind])
        found[code] = await _pages(own.ListRecords, interim_pb2.ListRecordsRequest(institution=code))
    await asyncio.gather(*(channel.close() for channel in channels.values()))
    return found


async def _pages(
    call: Callable[..., Awaitable[Any]], request: linkage_pb2.ListRecordsRequest | interim_pb2.ListRecordsRequest
) -> list[linkage_pb2.PositionedRecord]:
    found: list[linkage_pb2.PositionedRecord] = []
    while True:
        page = await call(request, timeout=60)
        found += page.records
        if not page.HasField("next"):
            return found
        request.after = page.next


def by_request(entries: Iterable[linkage_pb2.PositionedRecord], role: str = "", code: str = "") -> Records:
    """The access records among them, each with the commitment that fits it; of the exchanges alone in which `code` had this role."""
    found: Records = defaultdict(list)
    for entry in entries:
        if entry.HasField("record"):
            told = record.check(entry.record)
            if not role or getattr(told, role) == code:
                found[told.request_id].append(told)
    return found


async def test_nothing_is_lost_and_nothing_unlogged_under_kill_9(own_network: Running, record_property) -> None:
    """After 200 kills each answer that a clerk saw is in all three records and in the citizen's history, and each request came to an end."""
    async with doors(own_network.file) as opened:
        stage = Stage(own_network.file, own_network.state, opened)
        traffic = Traffic(opened, await subjects(stage))
        began = asyncio.get_running_loop().time()
        kills, busy = await kill_and_ask(own_network, opened, traffic)
        seconds = asyncio.get_running_loop().time() - began
        await finish(own_network, opened, traffic)
        await delivered(own_network, opened)
        shown = {
            person: {entry["request_id"] for entry in await stage.history(person)}
            for person in {subject.person for subject in traffic.asked.values()}
        }
        entries = await listed(own_network)
    stop(own_network)
    told = {"kills": kills, "while busy": busy, "exchanges": len(traffic.seen), "seconds": round(seconds)}
    for name, value in told.items():
        record_property(name, value)
    sys.stderr.write(f"\n{told}\n")

    assert set(traffic.seen) == set(traffic.asked)
    outcomes = {state.outcome for state in traffic.seen.values()}
    assert not outcomes & UNFINISHED
    assert sum(state.outcome == ANSWERED for state in traffic.seen.values()) > len(traffic.seen) / 2
    _check_records(entries, traffic)
    _check_log(entries["gateway"])
    _check_files(own_network)
    missing = [
        r for r, state in traffic.seen.items() if r not in shown[traffic.asked[r].person] and state.outcome == ANSWERED
    ]
    assert missing == []


def _check_records(entries: dict[str, list[linkage_pb2.PositionedRecord]], traffic: Traffic) -> None:
    gateway = by_request(entries["gateway"])
    at = {
        (role, code): by_request(entries[code], role, code)
        for code in entries if code != "gateway" for role in ("requester", "provider")
    }  # fmt: skip
    for request_id, state in traffic.seen.items():
        subject = traffic.asked[request_id]
        sides = [at["requester", subject.requester], gateway]
        if state.outcome == ANSWERED:
            sides.append(at["provider", subject.question.provider])
        told = [[r for r in side[request_id] if r.kind == OUTCOME] for side in sides]
        assert [len(records) for records in told] == [1] * len(sides), request_id
        assert {records[0].outcome for records in told} == {state.outcome}, request_id
        assert {records[0].fine_outcome for records in (told[0], *told[2:])} == {state.fine_outcome}, request_id
        assert len({records[0].requested_at.ToNanoseconds() for records in told}) == 1, request_id
    assert set(gateway) <= set(traffic.seen), "the gateway recorded nothing that no clerk asked"


def _check_log(entries: list[linkage_pb2.PositionedRecord]) -> None:
    """Every entry has a place in the log, each place one entry, in the order of commitment."""
    assert [entry.leaf_index for entry in entries] == list(range(len(entries)))
    assert all(entry.HasField("leaf_index") for entry in entries)


def _check_files(running: Running) -> None:
    """No database is damaged, and the watchdog, killed like the others, has found nothing wrong and cosigned the last head."""
    for database in sorted(running.state.glob("*/*.db")):
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), database
    with closing(sqlite3.connect(running.state / "watchdog" / "watchdog.db")) as watchdog:
        assert watchdog.execute("SELECT kind, detail_en FROM finding").fetchall() == []
        (cosigned,) = watchdog.execute("SELECT size FROM head").fetchone()
    with closing(sqlite3.connect(running.state / "gateway" / "gateway.db")) as gateway:
        assert gateway.execute("SELECT size FROM log_head").fetchone() == (cosigned,)
