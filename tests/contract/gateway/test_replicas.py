"""Several processes of one gateway on one store: one log, one outcome an exchange, whichever of them stops when."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from contract.gateway_world import PERSON, REQUESTER, WAIT, expected_code, inquire, reason_of

from warifu.exchange import event as events
from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.log import entries, heads
from warifu.gateway.log.lease import LeaseLostError
from warifu.gateway.log.sequencer import Sequencer
from warifu.kernel.errors import Reason
from warifu.kernel.limits import MERGE_DELAY, RETENTION, WITNESS_SILENCE
from warifu.kernel.months import month_of
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.tlog.checkpoint import Trust, read_checkpoint
from warifu.tlog.merkle import Tree, leaf_hash


@pytest.fixture
async def other(world):
    """A second process."""
    async with world.replica() as running:
        yield running


def log_of(running):
    """The log of a process."""
    return running.party.jobs["log"].__self__


def stub_of(world, running):
    """The exchange's face of one process."""
    return linkage_pb2_grpc.LinkageServiceStub(world.channel("health_insurance", REQUESTER, running))


async def ask(world, running, call):
    """What one process says of an inquiry."""
    return (await stub_of(world, running).Inquire(call, timeout=WAIT)).exchange


def head_of(running):
    """The stored head, its signature and root checked against every leaf that is stored."""
    store = log_of(running)._store
    head = store.read(heads.read)
    keys = LogKeys.load(running.context.config.folder)
    signed = read_checkpoint(head.checkpoint, Trust(ORIGIN, keys.log)).checkpoint
    assert signed.size == head.size
    leaves = store.read(lambda connection: entries.leaves(connection, 0, head.size))
    assert len(leaves) == head.size
    assert Tree([leaf_hash(one) for one in leaves]).root == signed.root
    return head


def end_terms(world):
    """Whoever leads has been silent for a term, by the database's clock."""
    world.in_store("UPDATE log_lease SET expires_at = 0")


class Paused:
    """A leader that stands still when it is about to place entries, as if its process had been stopped there, and tries to when it wakes."""

    def __init__(self, running, monkeypatch):
        self.reached, self.wake, self.failed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._sequencer, self._store = log_of(running)._sequencer, log_of(running)._store
        monkeypatch.setattr(self._sequencer, "_place", self._stopped)

    async def _stopped(self):
        self.reached.set()
        await self.wake.wait()
        if not self.failed.is_set():
            with pytest.raises(LeaseLostError):
                await self._store.write(self._sign)
            self.failed.set()
        return await Sequencer._place(self._sequencer)

    def _sign(self, connection):
        """With something that waits, whatever others have placed by then."""
        entries.add(connection, b"waited".rjust(32, b"-"), 0)
        return self._sequencer._integrate(connection)


async def test_a_leader_that_sleeps_past_its_term_forks_nothing(world, subject, monkeypatch):
    """While it sleeps exchanges stop; when another was elected they go on there; woken, it signs nothing over what followed and serves again."""
    first = world.running["gateway"]
    await inquire(world, world.ask(subject))
    await world.settle()
    before = head_of(first)
    assert before.fence == 1
    paused = Paused(first, monkeypatch)
    await inquire(world, world.ask(subject))
    await asyncio.wait_for(paused.reached.wait(), WAIT)
    world.clock.offset = world.provider.clock.offset = timedelta(milliseconds=MERGE_DELAY + 1000)
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_LOG_UNAVAILABLE
    end_terms(world)
    async with world.replica() as second:
        await log_of(second).integrate()
        assert (await ask(world, second, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
        await log_of(second).integrate()
        elected = head_of(second)
        assert elected.fence == 2
        assert elected.size > before.size
        paused.wake.set()
        await asyncio.wait_for(paused.failed.wait(), WAIT)
        assert head_of(first).size == elected.size
        assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
        await log_of(first).integrate()
        after = head_of(first)
        assert after.size > elected.size
        assert after.fence >= elected.fence
        await first.party.jobs["witness"]()
        await second.party.jobs["witness"]()
        assert (await ask(world, second, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_a_requester_that_retries_at_the_other_gets_the_one_outcome(world, subject, other, patient):
    """The first process still waits for the provider when the second is asked the same; both tell one answer, looked up once, recorded once."""
    leaving, held = asyncio.Event(), asyncio.Event()

    async def hold():
        if not held.is_set():
            held.set()
            await leaving.wait()

    world.provider.leaving = hold
    call = world.ask(subject)
    first = asyncio.ensure_future(inquire(world, call))
    await asyncio.wait_for(held.wait(), WAIT)
    second = await ask(world, other, call)
    assert not first.done()
    leaving.set()
    assert await first == second
    assert second.outcome == pb.OUTCOME_ANSWERED
    assert (world.provider.look_ups, len(await world.records())) == (1, 2)


async def test_what_a_process_left_open_the_other_ends(world, subject, other):
    """An exchange whose provider was out of reach for one process comes to its outcome at the other, though nobody asks again."""
    await world.down("tax")
    call = world.ask(subject)
    assert await reason_of(ask(world, other, call)) in {Reason.PROVIDER_UNAVAILABLE, Reason.PROVIDER_TIMEOUT}
    await world.up("tax")
    end_terms(world)
    await world.settle()
    assert world.provider.look_ups == 1
    assert (await ask(world, other, call)).outcome == pb.OUTCOME_ANSWERED


async def test_what_is_published_or_claimed_at_one_is_there_at_the_other(world, other):
    """Directory and codes lie in the store: no process keeps any of its own."""
    await world.publish("health_insurance", REQUESTER, world.keys[REQUESTER], version=2)
    request = linkage_pb2.GetEntryRequest(owner=REQUESTER)
    stub = linkage_pb2_grpc.DirectoryServiceStub(world.channel("health_insurance", REQUESTER, other))
    found = (await stub.GetEntry(request, timeout=WAIT)).entry
    assert pb.DirectoryEntry.FromString(found.entry).version == 2
    assert await world.code(REQUESTER, "health_insurance", PERSON) == expected_code(world, REQUESTER)


async def test_a_process_hears_of_the_witness_by_the_other(world, subject, other, monkeypatch):
    """What the witness answered one of them keeps both open, also past its silence towards the other."""

    async def unreachable(_head):
        raise LookupError

    monkeypatch.setattr(log_of(other)._witness, "_cosigned", unreachable)
    await log_of(other).integrate()
    for seconds in (WITNESS_SILENCE - 60, 2 * WITNESS_SILENCE - 120):
        world.clock.offset = world.provider.clock.offset = timedelta(seconds=seconds)
        await world.running["gateway"].party.jobs["witness"]()
        await other.party.jobs["witness"]()
    assert (await ask(world, other, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_a_head_that_the_other_moved_meanwhile_is_no_refusal(world, subject, other, monkeypatch):
    """The witness knows a later head than the one that is shown to it: the process looks again, and exchanges nothing the less."""
    await ask(world, other, world.ask(subject))
    await log_of(other).integrate()
    caller = log_of(other)._witness
    cosigned = caller._cosigned

    async def late(head):
        await inquire(world, world.ask(subject))
        await log_of(world.running["gateway"]).integrate()
        while not await world.running["gateway"].party.jobs["witness"]():
            end_terms(world)
        return await cosigned(head)

    monkeypatch.setattr(caller, "_cosigned", late)
    monkeypatch.setattr(caller, "_answered_once", False)
    assert await caller.run() == 0
    monkeypatch.setattr(caller, "_cosigned", cosigned)
    assert (await ask(world, other, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_both_forget_what_is_over_and_the_log_says_so_once(world, subject, other):
    """Each process destroys its keys; the erasure is one entry."""
    await inquire(world, world.ask(subject))
    await world.settle()
    world.clock.set(world.clock.network() + timedelta(days=365 * 7 + 62), stopped=True)
    await asyncio.gather(world.settle(), other.jobs.settle())
    first = month_of(world.clock.today()) - RETENTION
    assert [
        running.party.jobs["retention"].__self__._books.vault.first for running in (world.running["gateway"], other)
    ] == [first, first]
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main", other))
    listed = (await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)).records
    told = [events.check(one.event) for one in listed if one.HasField("event")]
    assert [one.erased.records for one in told if one.WhichOneof("event") == "erased" and one.erased.records] == [2]


async def test_the_page_says_of_every_job_where_it_runs(world):
    """docs/SCALE.md §3 lists each periodic job of a gateway once, and none that does not exist."""
    page = (Path(__file__).parents[3] / "docs" / "SCALE.md").read_text(encoding="utf-8")
    table = page.partition("| job | runs at | why |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines() if line for name in re.findall(r"`([a-z-]+)`", line.split("|")[1])]
    assert sorted(named) == sorted(world.running["gateway"].party.jobs)
