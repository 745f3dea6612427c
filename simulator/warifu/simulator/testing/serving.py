"""A network under test that is served until somebody has had enough: for the child process and for `warifu serve`."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from warifu.kernel.server import COLLECTING
from warifu.simulator.state import registered
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.linkage import AsyncLinkage, Face, Linkage
from warifu.simulator.testing.service import serve_control


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is, and what to show there."""

    address: str
    """Of `warifu.testing.v1.TestNetworkService`: gRPC, without TLS, on loopback."""
    token: str
    """For `authorization: Bearer …`."""
    state: str
    ready_seconds: float
    faces: Sequence[Face] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@asynccontextmanager
async def served(
    people: int, seed: int, *, port: int = 0, faces: Sequence[str] = (), listed: bool = False
) -> AsyncIterator[Served]:
    """Serve while the block lasts; `listed`: among the networks that verbs without --state find.

    Raises:
        StateError: a party does not become healthy.
        LinkageTestError: one of `faces` is no institution.
    """
    async with Engine.run(people, seed) as engine, serve_control(engine, port) as (address, token):
        opened = []
        if faces:
            linkage = Linkage(address, token)
            opened = [await AsyncLinkage(linkage).face(one) for one in faces]
            linkage.close()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTING)
        with registered(engine.state) if listed else nullcontext():
            yield Served(address, token, str(engine.state), engine.ready_seconds, opened)


def until_signalled() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    return over


def run(work: Any) -> None:
    """Run a coroutine, on the quicker event loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - a third less CPU a call, where there is one
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)
