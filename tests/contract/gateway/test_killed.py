"""A gateway that is killed, or loses its database, in the middle of exchanges: its log afterwards continues what was shown before."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from contract.gateway_world import REQUESTER, WAIT, World

from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import LinkageError
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.linkage.v1.linkage_pb2_grpc import LinkageServiceStub
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.checkpoint import Checkpoint, Trust, read_checkpoint
from warifu.tlog.merkle import Tree, leaf_hash
from warifu.tlog.tiles import bundles_of, decode_entries

SEED, CALLERS, MANY, BLOWS, DONE_WITHIN = 20260407, 6, 5, 4, 240.0
GATEWAY = """
import sys
from pathlib import Path
from warifu.gateway.party import build
from warifu.kernel.server import run
run(Path(sys.argv[1]), build, die_with_parent=True)
"""


@dataclass
class Watching:
    """Callers that go on asking, and an observer who keeps every head that was shown."""

    world: World
    subject: pb.SubjectReference
    told: list[pb.Receipt] = field(default_factory=list)
    """Receipts of what was answered."""
    heads: dict[int, Checkpoint] = field(default_factory=dict)
    going: bool = True

    async def ask(self) -> None:
        """One caller: each inquiry until it is answered."""
        stub = LinkageServiceStub(self.world.channel("health_insurance", REQUESTER))
        while self.going:
            call = self.world.ask(self.subject)
            while (state := await self._once(stub, call)) is None:  # noqa: ASYNC110 - whether it can be asked again has no event here
                await asyncio.sleep(0.02)
            assert state.outcome == pb.OUTCOME_ANSWERED
            self.told.append(state.receipt)

    async def ask_many(self) -> None:
        """One caller of many at once: each inquiry until it is answered."""
        stub = LinkageServiceStub(self.world.channel("health_insurance", REQUESTER))
        while self.going:
            call = self.world.ask_many(self.subject, MANY)
            told: dict[str, linkage_pb2.ExchangeState] = {}
            while len(told) < MANY:
                told |= await self._answered(stub, call)
                await asyncio.sleep(0.02)
            self.told += [state.receipt for state in told.values()]

    async def _answered(
        self, stub: LinkageServiceStub, call: linkage_pb2.InquireManyRequest
    ) -> dict[str, linkage_pb2.ExchangeState]:
        try:
            results = (await stub.InquireMany(call, timeout=WAIT)).results
        except grpc.aio.AioRpcError as error:
            told = LinkageError.from_rpc(error, party="gateway")
            assert told.retryable, told.reason
            return {}
        failed = [LinkageError.from_failure(one.failure, party="gateway") for one in results if one.HasField("failure")]
        assert all(one.retryable for one in failed), failed
        states = [one.exchange for one in results if one.HasField("exchange")]
        assert {state.outcome for state in states} <= {pb.OUTCOME_ANSWERED}
        return {state.request_id: state for state in states}

    async def _once(
        self, stub: LinkageServiceStub, call: linkage_pb2.InquireRequest
    ) -> linkage_pb2.ExchangeState | None:
        try:
            return (await stub.Inquire(call, timeout=WAIT)).exchange
        except grpc.aio.AioRpcError as error:
            told = LinkageError.from_rpc(error, party="gateway")
            assert told.retryable, told.reason
            return None

    async def look(self) -> None:
        """Keep the newest heads; two of one size must be one, and none is smaller than one shown before."""
        largest = {False: 0, True: 0}
        keys = LogKeys.load(self.world.state / "health_insurance")
        stub = log_pb2_grpc.LogServiceStub(self.world.channel("health_insurance", REQUESTER))
        while self.going:
            try:
                shown = await stub.GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)
                continue
            for witnessed, note, trust in (
                (False, shown.committed, Trust(ORIGIN, keys.log)),
                (True, shown.witnessed, Trust(ORIGIN, keys.log, (keys.witness,), 1)),
            ):
                if note:
                    head = read_checkpoint(note, trust).checkpoint
                    assert self.heads.setdefault(head.size, head).root == head.root
                    assert head.size >= largest[witnessed]
                    largest[witnessed] = head.size
            await asyncio.sleep(0)

    async def grown(self, by: int) -> None:
        """Until the log has so many more entries, and so many more exchanges were answered."""
        size, told = max(self.heads, default=0), len(self.told)
        while max(self.heads, default=0) < size + by or len(self.told) < told + by:  # noqa: ASYNC110 - what another process does has no event here
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watching(world: World, subject: pb.SubjectReference):
    """Traffic while the block lasts; at the end every caller has its answer."""
    watch = Watching(world, subject)
    async with asyncio.timeout(DONE_WITHIN + WAIT), asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(watch.ask())
        tasks.create_task(watch.ask_many())
        tasks.create_task(watch.look())
        await watch.grown(1)
        yield watch
        await watch.grown(CALLERS)
        watch.going = False


async def check(world: World, watch: Watching) -> None:
    """The log holds what was told, once, and each head ever shown is the head of its first leaves."""
    await world.settle()
    stub = log_pb2_grpc.LogServiceStub(world.channel("health_insurance", REQUESTER))
    shown = await stub.GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=WAIT)
    keys = LogKeys.load(world.state / "health_insurance")
    top = read_checkpoint(shown.witnessed, Trust(ORIGIN, keys.log, (keys.witness,), 1)).checkpoint
    leaves: list[bytes] = []
    for bundle in bundles_of(top.size):
        content = (await stub.GetTile(log_pb2.GetTileRequest(path=bundle.path), timeout=WAIT)).content
        leaves += decode_entries(content, bundle.width)
    assert len(set(leaves)) == len(leaves) == top.size
    for head in (*watch.heads.values(), top):
        assert Tree([leaf_hash(leaf) for leaf in leaves[: head.size]]).root == head.root, f"fork at {head.size}"
    assert {receipt.commitment for receipt in watch.told} <= set(leaves)
    audit = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main"))
    kept, after = [], 0
    while True:
        page = await audit.ListRecords(linkage_pb2.ListRecordsRequest(after=after), timeout=WAIT)
        kept += page.records
        if not page.HasField("next"):
            break
        after = page.next
    placed = sorted(one.leaf_index for one in kept)
    assert placed[: top.size] == list(range(top.size))  # what came after that head is no part of it
    assert world.provider.look_ups == sum(_is_outcome(one) for one in kept) >= len(watch.told)


def _is_outcome(listed: linkage_pb2.PositionedRecord) -> bool:
    return pb.AccessRecord.FromString(listed.record.record).kind == pb.RECORD_KIND_OUTCOME


async def test_a_gateway_that_is_killed_goes_on_with_the_same_log(world, subject):
    """After each kill -9 the log continues every head that anyone was shown, with all that was told and nothing twice."""
    await world.down("gateway")
    dice = random.Random(SEED)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", GATEWAY, str(world.state / "gateway")])

    process = start()
    try:
        async with watching(world, subject) as watch:
            for _ in range(BLOWS):
                await watch.grown(dice.randint(1, 12))
                process.kill()
                await asyncio.to_thread(process.wait)
                process = start()
    finally:
        process.kill()
        process.wait()
    await world.up("gateway")
    await check(world, watch)


async def test_a_gateway_whose_database_connections_are_cut_goes_on(world, subject, request):
    """Connections ended by an operator's hand in the middle cost a retry, no record and no head."""
    server = request.getfixturevalue("postgres_server")
    dice = random.Random(SEED)
    async with watching(world, subject) as watch:
        for _ in range(2 * BLOWS):
            await watch.grown(dice.randint(1, 6))
            assert await asyncio.to_thread(server.terminate, world.store_url.database)
    await check(world, watch)
