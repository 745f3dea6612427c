"""What a party is to the process that runs it: `build(context)` returns a `Party`, `run(folder, build)` serves it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc

from warifu.control.v1 import control_pb2
from warifu.kernel.clock import Clock
from warifu.kernel.config import Config

if TYPE_CHECKING:
    from warifu.kernel.faults import Faults
    from warifu.kernel.peers import Peers
    from warifu.kernel.trust import Trust


@dataclass(frozen=True, slots=True)
class Service:
    """One gRPC service of a party."""

    name: str
    """Full name, such as "warifu.linkage.v1.LinkageService"."""
    add: Callable[[Any, grpc.aio.Server], None]
    """The generated `add_…Servicer_to_server`."""
    servicer: Any
    """An instance of the generated `…Servicer`; handlers raise `LinkageError`."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a party is built with."""

    config: Config
    clock: Clock
    peers: Peers
    """Channels to other parties."""
    trust: Trust
    """Root certificate, revocations and signed law book, read from the folder's `trust/` and re-read when they change."""
    faults: Faults | None = None
    """What is planted here, in a simulation: for the wrappers of ports that the party puts in place."""
    lazily: bool = False
    """What nobody asks for need not be opened: of a test kit, which has all that lies here laid back together again and again.

    Wherever a party serves, everything is opened at its start, so that one which cannot be read keeps it from serving at all.
    """


@dataclass(slots=True)
class Party:
    """A built party."""

    services: Sequence[Service]
    jobs: Mapping[str, Callable[[], Awaitable[int]]] = field(default_factory=dict)
    """Periodic jobs by name: each runs once a second, and at once when `Settle` is called; returns how much it did."""
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    """Health checks by store or resource name; each raises when it is not well. Run every second."""
    view: Callable[[str], Sequence[control_pb2.Holding]] = lambda _request_id: ()
    """All that the party holds and received for one exchange."""
    start: Callable[[], Awaitable[None]] | None = None
    """Called once the ports are open; other parties may not be up yet."""
    close: Callable[[], Awaitable[None]] | None = None
    """Called after the last RPC has drained."""
    gauges: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    """Numbers for an operator's monitoring, of those that `warifu.kernel.metrics` knows; each is read when it is asked for."""
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Counts by "OK" or reason for the same, of those that `warifu.kernel.metrics` knows."""
    web: Any = None
    """An ASGI application for the web face, where `config.web` is set."""
    everywhere: Sequence[str] = ()
    """Names of checks that fail in every process of this party alike, so that callers need not turn to another."""
    asking: Sequence[str] = ()
    """Names of the jobs that ask another party for news: they run less often while there is none (`warifu.kernel.jobs`)."""


Build = Callable[[Context], Awaitable[Party]]
