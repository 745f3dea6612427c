"""A network under test that is served until somebody has had enough: for the child process and for `warifu serve`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from warifu.kernel import interpreter
from warifu.simulator.face.serving import known
from warifu.simulator.launcher.ports import is_free, taken
from warifu.simulator.testing.linkage import AsyncLinkage, Face, Linkage
from warifu.simulator.testing.service import serve_control
from warifu.simulator.testing.switch import Switch
from warifu.simulator.testing.where import HERE, Where


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is, and what to show there."""

    address: str
    """Of `warifu.testing.v1.TestNetworkService`: gRPC, without TLS."""
    token: str
    """For `authorization: Bearer …`."""
    state: str
    ready_seconds: float
    urls: Mapping[str, str] = field(default_factory=dict)
    """Of web faces, by party."""
    faces: Sequence[Face] = ()
    onboarded: Sequence[Mapping[str, Any]] = ()
    """What systems are to be configured with that serve institutions in the network's place (docs/ONBOARD.md)."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@asynccontextmanager
async def served(
    people: int,
    seed: int,
    *,
    where: Where = HERE,
    token: str | None = None,
    faces: Sequence[str] = (),
    elsewhere: Mapping[str, str] | None = None,
    listed: bool = False,
) -> AsyncIterator[Served]:
    """Serve while the block lasts; `listed`: among the networks that verbs without --state find. `elsewhere`: see `Engine.run`.

    `token`: for the control service, instead of a new one.

    Raises:
        StateError: a party does not become healthy.
        PortError: a port is taken.
        OnboardError: one of `elsewhere` is no institution, or its address is none.
        FaceError: one of `faces` is no institution.
    """
    if where.port and not is_free(where.port):  # before seconds are spent on a network
        raise taken(where.port)
    async with (
        Switch.run(people, seed, elsewhere=elsewhere, where=where, listed=listed) as switch,
        serve_control(switch, token) as (address, shown),
    ):
        for one in faces:
            known(switch.engine.file, one)
        opened = []
        if faces:
            linkage = Linkage(f"{where.near}:{address.rpartition(':')[2]}", shown)
            opened = [await AsyncLinkage(linkage).face(one) for one in faces]
            linkage.close()
        interpreter.settle()
        engine = switch.engine
        yield Served(
            address, shown, str(engine.state), engine.ready_seconds, dict(engine.file.urls), opened, engine.handed
        )


def places(words: Iterable[str]) -> dict[str, str]:
    """Institutions and where they are served, of words such as "tax-480011=127.0.0.1:9000"; without an address it is chosen."""
    return {institution: address for institution, _, address in (word.partition("=") for word in words)}


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
