"""The network around the provider while a run lasts: a real gateway in this process for directory and rulings, and the provider itself if we are to start it."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from warifu.exchange.directory import VerifiedEntry, verify_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.peers import open_channel
from warifu.kernel.server import AddressOccupiedError, serve
from warifu.kernel.trust import Trust
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.simulator.conformance.bench import GATEWAY, Bench, Decide, Target
from warifu.simulator.conformance.directory import REQUESTERS_PARTY, gateway, publish, to_gateway
from warifu.simulator.conformance.folder import PORTAL, ConformanceError, Prepared, check_address
from warifu.simulator.conformance.frame import WAIT
from warifu.simulator.conformance.lines import cannot_run
from warifu.simulator.conformance.outcome import Text, UnmetError, plain

PROVISION: Final = "warifu.provision.v1.ProvisionService"
_AGAIN = 0.2
"""Seconds between two looks whether the provider is there."""


@asynccontextmanager
async def opened(
    prepared: Prepared,
    address: str,
    *,
    command: Sequence[str] = (),
    clerk: Decide | None = None,
    patience: float = 60.0,
) -> AsyncIterator[Bench]:
    """A bench for the provider at an address, once it serves and its keys are in the directory.

    Args:
        prepared: the folder.
        address: where the provider listens, "host:port".
        command: starts the provider; then it is killed and started again where a requirement is about that, and ended at the end.
        clerk: has a clerk of the provider decide on an answer that waits.
        patience: seconds for which the provider is waited for.

    Raises:
        ConformanceError: it did not come, or our gateway's port is taken.
    """
    check_address(address)
    target = Target(prepared.institution, prepared.party, address, prepared.other)
    child = _Child(command)
    relayed: dict[str, exchange_pb2.SignedDirectoryEntry] = {}
    try:
        async with serve(prepared.root / "gateway", gateway(relayed)):
            keys = {code: await _published(prepared.root, party, code) for party, code in _ours(prepared)}
            await child.start()
            await _served(prepared, target, child, patience)
            entry = await _entry(prepared, patience)
            own = InstitutionKeys.load_or_create(prepared.root / "gateway" / "secrets", "gateway")
            bench = Bench(prepared.root, target, prepared.requester, entry, keys, own, decide=clerk, relayed=relayed)

            async def again() -> None:
                await child.kill()
                await child.start()
                await _served(prepared, target, child, patience)
                bench.entry = await _entry(prepared, patience)
                await lines.aclose()
                bench.line = await lines.enter_async_context(bench.channel(*GATEWAY))

            bench.restart = again if command else None
            async with AsyncExitStack() as lines:
                bench.line = await lines.enter_async_context(bench.channel(*GATEWAY))
                yield bench
    except AddressOccupiedError as error:
        raise ConformanceError(
            f"ゲートウェイのアドレス {prepared.gateway} は使われています。prepare の --gateway で別のアドレスを選んでください。",
            f"the gateway's address {prepared.gateway} is taken; choose another with --gateway of prepare.",
        ) from error
    finally:
        await child.kill()


def clerk_by(command: Sequence[str]) -> Decide:
    """A clerk who decides by a command, which is given the permit id and "provide" or "withhold" as its last two words.

    The function raises UnmetError when the command does not end well.
    """

    async def decide(permit_id: str, decision: str) -> None:
        words = [*command, permit_id, decision]
        try:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            said, told = shlex.join(words), cannot_run(words, error)
            raise UnmetError(Text(f"{said} が動くこと", f"that {said} runs"), Text(told.ja, told.en)) from error
        if code := await process.wait():
            said = shlex.join(words)
            raise UnmetError(Text(f"{said} が終わること", f"that {said} ends well"), plain(f"exit code {code}"))

    return decide


class _Child:
    """The provider as a process of ours, if we are to start it."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        if not self.command:
            return
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            raise cannot_run(self.command, error) from error

    async def kill(self) -> None:
        """End it without a word, as a crash does."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def check(self) -> None:
        if self.process is not None and self.process.returncode is not None:
            code = self.process.returncode
            raise ConformanceError(
                f"提供機関が終了コード {code} で終わりました：{shlex.join(self.command)}",
                f"the provider ended with exit code {code}: {shlex.join(self.command)}",
            )


def _ours(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    """Parties and codes of those who ask."""
    return (REQUESTERS_PARTY, prepared.requester), ("portal", PORTAL)


async def _published(root: Path, party: str, code: str) -> InstitutionKeys:
    """The keys of one of ours, made when there are none, and published."""
    keys = InstitutionKeys.load_or_create(root / party / "secrets", code)
    await publish(root, (party, code), keys)
    return keys


async def _served(prepared: Prepared, target: Target, child: _Child, patience: float) -> None:
    """Wait until the provider says that it serves (PROTO-1.10)."""
    last = "UNAVAILABLE"
    for _ in _looks(patience):
        child.check()
        try:
            async with _channel(prepared.root, ("gateway", "main"), target.address, target.party) as channel:
                answer = await health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]  # its stubs leave the methods out
                    health_pb2.HealthCheckRequest(service=PROVISION), timeout=2.0
                )
            last = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
        except grpc.aio.AioRpcError as error:
            last = f"{error.code().name}: {error.details()}"
        await asyncio.sleep(_AGAIN)
    raise ConformanceError(
        f"{target.address} の提供機関が {patience:g} 秒以内に応じません（grpc.health.v1、{PROVISION}）：{last}。{prepared.theirs} で設定して起動してください。",
        f"the provider at {target.address} does not serve within {patience:g} s (grpc.health.v1, {PROVISION}): {last}. Configure it with {prepared.theirs} and start it.",
    )


async def _entry(prepared: Prepared, patience: float) -> VerifiedEntry:
    """The provider's directory entry, once it is published (PROTO-11.5)."""
    trust = Trust(prepared.root / "gateway")
    request = linkage_pb2.GetEntryRequest(owner=prepared.institution)
    async with to_gateway(prepared.root, (REQUESTERS_PARTY, prepared.requester)) as channel:
        stub = linkage_pb2_grpc.DirectoryServiceStub(channel)
        for _ in _looks(patience):
            try:
                relayed = await stub.GetEntry(request, timeout=WAIT)
                return verify_entry(relayed.entry, trust, datetime.now(tz=UTC))
            except grpc.aio.AioRpcError as error:
                if LinkageError.from_rpc(error, party="gateway").reason != Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                    raise
            await asyncio.sleep(_AGAIN)
    raise ConformanceError(
        f"{prepared.institution} の鍵が {patience:g} 秒以内に名簿に公開されません。ゲートウェイは {prepared.gateway} です。",
        f"{prepared.institution} did not publish its keys in the directory within {patience:g} s; the gateway is at {prepared.gateway}.",
    )


def _looks(patience: float) -> Iterator[None]:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        yield


def _channel(root: Path, identity: tuple[str, str], address: str, party: str) -> grpc.aio.Channel:
    folder = root / identity[0]
    own = folder / "identities" / identity[1]
    pair = (own / "cert.pem").read_bytes(), (own / "key.pem").read_bytes()
    return open_channel(address, party, (folder / "trust" / "ca.pem").read_bytes(), *pair)
