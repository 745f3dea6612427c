"""The requester's process: `python -m warifu.simulator.bench.requester FOLDER PROVIDER PEOPLE BULK`.

An agency's interim server with its keys, store and certificate, confined to its folder as every party is; the load is made inside it, where
a business system would call.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from warifu.interim.host import InterimHost
from warifu.interim.institution import Interim
from warifu.interim.institution import _sample_key as sample_key  # as the provider of a simulation draws it
from warifu.kernel import interpreter
from warifu.kernel.config import Config
from warifu.kernel.confine import confine
from warifu.kernel.log import open_log
from warifu.kernel.party import Context, Party
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.linkage.v1 import linkage_pb2_grpc
from warifu.simulator.bench.calls import Calls, Question, unsampled
from warifu.simulator.bench.plain import Plain
from warifu.simulator.bench.worker import work


async def requester(config: Config, question: Question) -> None:
    """Serve the interim server and make load by it, until the input closes."""
    hosts: list[InterimHost] = []

    async def build(context: Context) -> Party:
        hosts.append(host := InterimHost(context))
        return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)

    async with serve(config.folder, build) as running:
        interim = hosts[0].interim(question.requester)
        await running.context.peers.channel("gateway", question.requester).channel_ready()
        await _load(running, interim, question)


async def _load(running: Running, interim: Interim, question: Question) -> None:
    folder = running.context.config.folder
    own = folder / "identities" / question.requester
    root, certificate, key = (
        path.read_bytes() for path in (folder / "trust" / "ca.pem", own / "cert.pem", own / "key.pem")
    )
    async with open_channel(running.context.config.addresses["gateway"], "gateway", root, certificate, key) as channel:
        await channel.channel_ready()
        ids = unsampled(sample_key(running.context.config, question.provider))
        plain = Plain(interim.ground, folder, linkage_pb2_grpc.LinkageServiceStub(channel))
        calls = Calls(interim, plain, question, ids)
        interpreter.settle()  # as a served party does
        await work({"unary": calls.unary, "connector": calls.connector, "bulk": calls.bulk, "stubborn": calls.stubborn})
        plain.close()


def main(folder: Path, provider: str, people: int, bulk: int) -> None:
    """As a party's process begins and ends (`warifu.kernel.server.run`)."""
    config = Config.load(folder)
    handler = open_log(folder, config.party)
    confine(folder)
    (institution,) = config.institutions
    try:
        _run(config, Question(institution, provider, people, bulk))
    finally:
        handler.close()


def _run(config: Config, question: Question) -> None:
    try:
        import uvloop  # noqa: PLC0415 - where there is one
    except ImportError:
        asyncio.run(requester(config, question))
    else:
        uvloop.run(requester(config, question))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
