"""The network around a requester while a run lasts: gateway and numbering body, which we play in this process, and the requester itself if we are to start it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from warifu.kernel.server import AddressOccupiedError, serve
from warifu.simulator.conformance.entries import Register
from warifu.simulator.conformance.folder import ConformanceError, check_address
from warifu.simulator.conformance.lines import Speaker
from warifu.simulator.conformance.requester_bench import RequesterBench
from warifu.simulator.conformance.requester_enrolment import PlayedEnrolment
from warifu.simulator.conformance.requester_folder import IMPOSTOR, NUMBERING, PreparedRequester
from warifu.simulator.conformance.requester_gateway import PlayedGateway

_AGAIN = 0.05
"""Seconds between two looks whether its keys have come."""


@asynccontextmanager
async def opened_requester(
    prepared: PreparedRequester, *, address: str = "", command: Sequence[str] = (), patience: float = 60.0
) -> AsyncIterator[RequesterBench]:
    """A bench for a requester, once it has published its keys.

    Args:
        prepared: the folder.
        address: where a requester that runs already takes questions, "host:port".
        command: starts one that takes them by its standard input; then it is killed and started again where a requirement is about that.
        patience: seconds for which its keys are waited for.

    Raises:
        ConformanceError: it cannot be reached, its keys do not come, or a port of ours is taken.
    """
    if bool(command) == bool(address):
        raise ConformanceError(
            "--command か --target のどちらか一つを指定してください。", "give either --command or --target."
        )
    if address:
        check_address(address)
    enrolment = PlayedEnrolment()
    gateway, speaker = PlayedGateway(beside=[enrolment.at_gateway()]), Speaker(command, address)
    register = Register(prepared.root, prepared.institution, published=gateway.published)
    register.add("gateway", "main", "gateway")
    for provider in prepared.providers:
        register.add("tax", provider, provider)
    gateway.entries |= {owner: register.entry(owner) for owner in register.keys}
    serving = _Serving(prepared.root, gateway)
    async with AsyncExitStack() as stack:
        await _place(stack, serving, "gateway", prepared.gateway)
        await _place(stack, serve(prepared.root / NUMBERING, enrolment.build), NUMBERING, prepared.numbering)
        stack.push_async_callback(speaker.kill)
        await speaker.start()
        await _published(prepared, gateway, patience)
        yield RequesterBench(prepared, gateway, speaker, register, enrolment, impostor=serving.replaced)


async def _place(stack: AsyncExitStack, party: AbstractAsyncContextManager[object], name: str, address: str) -> None:
    """Have a party that we play serve at its address until the stack closes.

    Raises:
        ConformanceError: another program has it.
    """
    try:
        await stack.enter_async_context(party)
    except AddressOccupiedError as error:
        who = {"gateway": "ゲートウェイ", NUMBERING: "住基ネット役"}[name]
        raise ConformanceError(
            f"{who}のアドレス {address} は使われています。prepare の --{name} で別のアドレスを選んでください。",
            f"the address {address} of {name} is taken; choose another with --{name} of prepare.",
        ) from error


class _Serving:
    """Our gateway, which can give its place away for a while."""

    def __init__(self, root: Path, gateway: PlayedGateway) -> None:
        self._root, self._gateway, self._stack = root, gateway, AsyncExitStack()

    async def __aenter__(self) -> None:
        await self._stack.enter_async_context(serve(self._root / "gateway", self._gateway.build))

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def replaced(self) -> AsyncIterator[None]:
        """The same gateway under the server certificate of a provider's party."""
        await self._stack.aclose()
        try:
            async with serve(self._root / IMPOSTOR, self._gateway.build):
                yield
        finally:
            await self.__aenter__()


async def _published(prepared: PreparedRequester, gateway: PlayedGateway, patience: float) -> None:
    """Wait until the requester's keys are in the directory (PROTO-11.5)."""
    end = time.monotonic() + patience
    while not gateway.published:
        if time.monotonic() > end:
            raise ConformanceError(
                f"{prepared.institution} の鍵が {patience:g} 秒以内に名簿に公開されません。ゲートウェイは {prepared.gateway} です。",
                f"{prepared.institution} did not publish its keys in the directory within {patience:g} s; the gateway is at {prepared.gateway}.",
            )
        await asyncio.sleep(_AGAIN)
