"""The kit's waiting, in a network of this process: what comes while somebody waits is heard of, not looked for again and again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import grpc
import pytest

from warifu.exchange.logkeys import log_signer
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.peers import open_channel
from warifu.simulator.state import NetworkFile
from warifu.simulator.testing.linkage import AsyncLinkage, Linkage
from warifu.simulator.testing.serving import served
from warifu.simulator.testing.waiting import Finding
from warifu.tlog.checkpoint import Checkpoint
from warifu.watchdog.v1 import watchdog_pb2, watchdog_pb2_grpc

WAIT = 20.0


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[bool]:
    """What each look for a finding saw: whether it was there."""
    looks: asyncio.Queue[bool] = asyncio.Queue()
    look = Finding.look

    async def noted(self: Finding) -> object:
        found = await look(self)
        looks.put_nowait(found is not None)
        return found

    monkeypatch.setattr(Finding, "look", noted)
    return looks


async def show_a_fork(state: Path, size: int) -> Reason:
    """Show the supervisor another tree of a size that it cosigned, signed by the log's own key; how that is refused."""
    file, folder = NetworkFile.load(state), state / "gateway"
    signer = log_signer(folder)
    forked = Checkpoint(signer.key.name, size, os.urandom(32)).signed(signer)
    own = folder / "identities" / "main"
    pair = (own / "cert.pem").read_bytes(), (own / "key.pem").read_bytes()
    root = (folder / "trust" / "ca.pem").read_bytes()
    async with open_channel(file.party("watchdog").address, "watchdog", root, *pair) as channel:
        stub = watchdog_pb2_grpc.WitnessServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.AddCheckpoint(
                watchdog_pb2.AddCheckpointRequest(old_size=size, checkpoint=forked.raw), timeout=WAIT
            )
    return LinkageError.from_rpc(refused.value).reason


async def test_a_finding_that_comes_while_it_is_waited_for_ends_the_wait(looked: asyncio.Queue[bool]) -> None:
    """Whoever waits for a finding looks once, hears of the supervisor's commit, and is told kind, party and text; until then nothing."""
    async with served(people=200, seed=1) as network:
        linkage = AsyncLinkage(Linkage(network.address, network.token))
        size = (await linkage.wait_for_log())["size"]
        waiting = asyncio.create_task(linkage.wait_for_finding("fork", within=WAIT))
        assert await asyncio.wait_for(looked.get(), WAIT) is False
        assert not waiting.done()

        assert await show_a_fork(Path(network.state), size) == Reason.CLIENT_CHECKPOINT_FORKED

        found = await waiting
        assert (found["kind"], found["party"]) == ("fork", "gateway")
        assert f"two different trees of {size} entries" in found["detail"]
        assert await linkage.wait_for_finding(within=WAIT) == found
        linkage.blocking.close()
