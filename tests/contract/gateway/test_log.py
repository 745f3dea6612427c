"""The gateway's log over the wire: what is entered, what stops exchanges, what a restored or restarted gateway does."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from contract.gateway_world import OTHER, REQUESTER, WAIT, reason_of, request_id_of

from warifu.exchange import event as events
from warifu.exchange import record as records
from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.limits import RETENTION, WITNESS_SILENCE
from warifu.kernel.months import month_of
from warifu.kernel.vault import Vault
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.checkpoint import Trust, read_checkpoint
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.proofs import TiledTree, check_inclusion


def log_of(world, code=REQUESTER, party="health_insurance"):
    """The log's face for an institution."""
    return log_pb2_grpc.LogServiceStub(world.channel(party, code))


async def head(world):
    """The newest witnessed head, checked by the pinned keys."""
    keys = LogKeys.load(world.state / "health_insurance")
    answer = await log_of(world).GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT)
    trust = Trust(ORIGIN, keys.log, (keys.witness,), 1)
    return read_checkpoint(answer.witnessed, trust).checkpoint


async def supervised(world):
    """Every entry that the supervisor sees."""
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main"))
    return list((await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)).records)


async def inquire(world, call):
    """Ask."""
    return (await world.linkage().Inquire(call, timeout=WAIT)).exchange


async def test_both_records_of_an_exchange_get_into_the_witnessed_log(world, subject):
    """Request and outcome are found by their commitments, and proved by tiles against a head with both signatures."""
    state = await inquire(world, world.ask(subject))
    await world.settle()
    entries = [one for one in await supervised(world) if one.HasField("record")]
    assert [pb.AccessRecord.FromString(one.record.record).kind for one in entries] == [1, 2]
    assert entries[0].record.commitment == state.receipt.commitment
    commitments = [one.record.commitment for one in entries]
    stub = log_of(world)
    found = await stub.FindLeaves(log_pb2.FindLeavesRequest(commitments=commitments), timeout=WAIT)
    top = await head(world)

    async def read(path):
        return (await stub.GetTile(log_pb2.GetTileRequest(path=path), timeout=WAIT)).content

    tree = TiledTree(read, top.size, top.root)
    for entry, leaf in zip(entries, found.leaves, strict=True):
        assert entry.leaf_index == leaf.index
        records.check(entry.record)
        hashed = leaf_hash(entry.record.commitment)
        check_inclusion(hashed, leaf.index, top.size, await tree.inclusion(leaf.index), top.root)


async def test_what_exchanges_are_decided_by_is_entered(world):
    """The log begins with the mode at start; the permission table, the rights and each published entry follow, for the supervisor to open."""
    await world.settle()
    told = [events.check(one.event) for one in await supervised(world) if one.HasField("event")]
    kinds = [one.WhichOneof("event") for one in told]
    assert kinds[0] == "started"
    assert told[0].started.simulation
    assert {"table", "rights", "directory"} <= set(kinds)
    owners = {one.directory.owner for one in told if one.WhichOneof("event") == "directory"}
    assert {"gateway", REQUESTER, OTHER} <= owners


async def test_an_institution_sees_no_events(world, subject):
    """Events are listed for the supervisor alone; institutions page through their own records."""
    await inquire(world, world.ask(subject))
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("health_insurance", REQUESTER))
    listed = (await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)).records
    assert len(listed) == 2
    assert not any(one.HasField("event") for one in listed)


@pytest.mark.parametrize("path", ["tile/0/001", "tile/entries/000", "tile/4/000", "tile/0/000.p/255"])
async def test_a_tile_that_is_not_there_yet_is_missing(world, path):
    """A log that is not that large says so; it never pads."""
    call = log_of(world).GetTile(log_pb2.GetTileRequest(path=path), timeout=WAIT)
    assert await reason_of(call) == Reason.CLIENT_TILE_UNKNOWN


@pytest.mark.parametrize("path", ["", "checkpoint", "tile/0/1", "tile/x/000", "../gateway.db", "tile/0/000.p/256"])
async def test_what_is_no_tile_is_refused(world, path):
    """Only paths of the tlog-tiles form are read."""
    call = log_of(world).GetTile(log_pb2.GetTileRequest(path=path), timeout=WAIT)
    assert await reason_of(call) == Reason.CLIENT_MALFORMED


async def test_a_restarted_gateway_exchanges_nothing_before_the_witness_has_answered(world, subject):
    """With the watchdog down the log is served and exchanges are refused; they go on by themselves once it answers."""
    await inquire(world, world.ask(subject))
    await world.settle()
    await world.down("gateway")
    await world.down("watchdog")
    await world.up("gateway", witnessed=False)
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_LOG_UNAVAILABLE
    assert (await log_of(world).GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT)).committed
    await world.up("watchdog")
    await world.running["gateway"].party.jobs["witness"]()
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_a_witness_that_is_silent_for_ten_minutes_stops_exchanges(world, subject):
    """Within them exchanges go on; after them both asking and collecting are refused; its word opens again."""
    call = world.ask(subject)
    await inquire(world, call)
    await world.settle()
    await world.down("watchdog")
    world.clock.offset = world.provider.clock.offset = timedelta(seconds=int(WITNESS_SILENCE) - 60)
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    await world.settle()  # what still waited for its place would seem to have waited for as long as the clock moves
    world.clock.offset = world.provider.clock.offset = timedelta(seconds=int(WITNESS_SILENCE) + 1)
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_LOG_UNAVAILABLE
    collect = world.linkage().Collect(linkage_pb2.CollectRequest(request_id=request_id_of(call)), timeout=WAIT)
    assert await reason_of(collect) == Reason.GATEWAY_LOG_UNAVAILABLE
    await world.up("watchdog")
    await world.running["gateway"].party.jobs["witness"]()
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_yesterday_s_copy_of_the_log_is_refused_by_the_witness(world, subject):
    """A gateway on an older copy of its database exchanges nothing: the witness knows a larger tree."""
    await inquire(world, world.ask(subject))
    await world.settle()
    database = world.state / "gateway" / "gateway.db"
    await world.down("gateway")
    shutil.copy(database, world.state / "yesterday.db")
    await world.up("gateway")
    await inquire(world, world.ask(subject))
    await world.settle()
    await world.down("gateway")
    shutil.copy(world.state / "yesterday.db", database)
    await world.up("gateway")
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_LOG_UNAVAILABLE


async def test_a_copy_that_grew_another_way_is_refused_too(world, subject):
    """An older copy that is brought past the witnessed size with other entries is a fork, and is not cosigned."""
    await inquire(world, world.ask(subject))
    await world.settle()
    database = world.state / "gateway" / "gateway.db"
    await world.down("gateway")
    shutil.copy(database, world.state / "yesterday.db")
    await world.up("gateway")
    await inquire(world, world.ask(subject))
    await world.settle()
    size = (await head(world)).size
    await world.down("gateway")
    shutil.copy(world.state / "yesterday.db", database)
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.executemany(
            "INSERT INTO log_entry (commitment, committed_at) VALUES (?, 0)", [(bytes([n]) * 32,) for n in range(size)]
        )
    await world.up("gateway")
    await world.settle()
    await world.running["gateway"].party.jobs["witness"]()
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_LOG_UNAVAILABLE


class TestRetention:
    """After seven years."""

    async def test_contents_are_gone_and_the_log_says_which(self, world, subject):
        """Rows and keys are gone, an event names the leaves, the commitments stay in the tree, and newer exchanges work."""
        call = world.ask(subject)
        state = await inquire(world, call)
        await world.settle()
        before = await head(world)
        files = [world.state / "gateway" / name for name in ("gateway.db", "gateway.db-wal")]
        old = b"".join(file.read_bytes() for file in files)
        world.clock.set(world.clock.network() + timedelta(days=365 * 7 + 62), stopped=True)
        await world.settle()
        entries = await supervised(world)
        bare = [one.leaf_index for one in entries if not one.HasField("record") and not one.HasField("event")]
        told = [events.check(one.event).erased for one in entries if one.HasField("event")]
        (erased,) = [one for one in told if one.records]
        assert (erased.month, erased.records) == ("2026-06", 2)
        assert [index for run in erased.leaves for index in range(run.first, run.first + run.count)] == bare
        found = await log_of(world).FindLeaves(
            log_pb2.FindLeavesRequest(commitments=[state.receipt.commitment]), timeout=WAIT
        )
        assert found.leaves[0].index < before.size
        assert not world.view(request_id_of(call))
        assert request_id_of(call).encode() not in b"".join(file.read_bytes() for file in files)
        assert request_id_of(call).encode() in old

    async def test_what_came_back_without_its_key_is_dropped_and_named(self, world, subject):
        """Rows of a backup whose months' keys are gone already go at the start, also unfinished ones, and an event names their leaves."""
        world.provider.outcome = pb.FINE_OUTCOME_PENDING
        call = world.ask(subject)
        await inquire(world, call)
        await world.settle()
        await world.down("gateway")
        world.clock.set(world.clock.network() + timedelta(days=365 * 7 + 62), stopped=True)
        vault = Vault.open(world.state / "gateway" / "secrets" / "gateway.months.json", 0)
        vault.forget_before(month_of(world.clock.today()) - RETENTION)
        await world.up("gateway")
        assert not world.view(request_id_of(call))
        await world.settle()
        entries = await supervised(world)
        bare = [one.leaf_index for one in entries if not one.HasField("record") and not one.HasField("event")]
        told = [events.check(one.event).erased for one in entries if one.HasField("event")]
        (erased,) = [one for one in told if one.records]
        assert [index for run in erased.leaves for index in range(run.first, run.first + run.count)] == bare != []

    async def test_what_was_in_force_meanwhile_stays(self, world, subject):
        """A month before its term is over nothing is erased."""
        call = world.ask(subject)
        await inquire(world, call)
        await world.settle()
        world.clock.set(world.clock.network() + timedelta(days=30 * (int(RETENTION) - 2)), stopped=True)
        await world.settle()
        assert world.view(request_id_of(call))

    async def test_no_content_is_plain_in_the_database(self, world, subject):
        """Institutions, codes and items of an exchange are not to be found in the file, only in what its keys open."""
        await inquire(world, world.ask(subject, office="canary-office", clerk="canary-clerk"))
        await world.settle()
        await world.down("gateway")
        with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as opened:
            rows = repr(
                [opened.execute(f"SELECT * FROM {name}").fetchall() for name in ("record", "exchange", "log_entry")]
            )
        for canary in (
            "canary-office",
            "canary-clerk",
            REQUESTER,
            "tax-480011",
            "JM90000000000101",
            "TM90000000000001",
        ):
            assert canary not in rows
        await world.up("gateway")


async def test_an_unknown_person_s_tile_request_needs_an_institution(world):
    """The log's gRPC face is for parties: the numbering body has no business there."""
    stub = log_pb2_grpc.LogServiceStub(world.channel("numbering", "main"))
    call = stub.GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT)
    assert await reason_of(call) == Reason.CLIENT_CALLER_NOT_ALLOWED
