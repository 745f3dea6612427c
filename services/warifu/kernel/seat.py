"""The seat from which a process serves a party: the party in it can give way to one built anew, on the same ports, channels and stores.

A process of an agency sits down once. A test kit, which puts a network back between two tests, has every party sit down again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health_pb2_grpc

from warifu.control.v1 import control_pb2
from warifu.kernel import health
from warifu.kernel.access import Access
from warifu.kernel.clock import Clock
from warifu.kernel.jobs import Jobs
from warifu.kernel.party import Build, Context, Party, Service
from warifu.kernel.peers import Peers

S = TypeVar("S")


class Routes(grpc.GenericRpcHandler):
    """Handlers by full method: those of whoever sits here now."""

    def __init__(self) -> None:
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See `grpc.GenericRpcHandler`."""
        return self._handlers.get(handler_call_details.method)

    def lead_to(self, services: Sequence[Service], state: health.Health) -> None:
        """Have calls go to these from now on."""
        found = _Collected()
        for service in services:
            service.add(service.servicer, found)  # type: ignore[arg-type]
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(state), found)  # type: ignore[arg-type]
        self._handlers = found.handlers


class _Collected:
    """What generated code takes for a server."""

    def __init__(self) -> None:
        self.handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def add_generic_rpc_handlers(self, _handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same handlers as below, once more."""

    def add_registered_method_handlers(
        self, service: str, methods: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        for name, handler in methods.items():
            self.handlers[f"/{service}/{name}"] = handler


class Borrowed(Peers):
    """A process's channels for as long as one party sits there: what it left running can call nobody once it has gone."""

    def __init__(self, peers: Peers) -> None:
        self._peers: Peers | None = peers

    def channel(self, party: str, identity: str = "main") -> grpc.aio.Channel:
        """See `Peers.channel`."""
        return self._lent.channel(party, identity)

    def stub(self, factory: Callable[[grpc.aio.Channel], S], party: str, identity: str = "main") -> S:
        """See `Peers.stub`."""
        return self._lent.stub(factory, party, identity)

    def server_of(self, party: str, institution: str) -> str:
        """See `Peers.server_of`."""
        return self._lent.server_of(party, institution)

    async def close(self) -> None:
        """Give them back; they stay open."""
        self._peers = None

    @property
    def _lent(self) -> Peers:
        if self._peers is None:
            raise LookupError("this party has gone")
        return self._peers


@dataclass(slots=True)
class Sitting:
    """One party in the seat, and what runs for it."""

    context: Context
    party: Party
    jobs: Jobs
    state: health.Health
    looking: asyncio.Task[None] | None = None

    async def begin(self, jobs_after: float = 0.0) -> None:
        """Its ports are open; its jobs run in so many seconds for the first time."""
        if self.party.start is not None:
            await self.party.start()
        self.jobs.start(jobs_after)
        self.state.look()
        self.looking = asyncio.create_task(self.state.run())

    async def rest(self) -> None:
        """Nothing of it happens by itself any more."""
        if self.looking is not None:
            self.looking.cancel()
            await asyncio.gather(self.looking, return_exceptions=True)
            self.looking = None
        await self.jobs.stop()

    async def end(self) -> None:
        """It has drained: close what it opened."""
        if self.party.close is not None:
            await self.party.close()
        await self.context.peers.close()


class Seat:
    """Where one party at a time sits."""

    def __init__(self, context: Context, build: Build, access: Access, dates: health.CertificateDates) -> None:
        """`context`: with the process's own channels, and the clock of who sits there first."""
        self._context, self._build, self._access, self._dates = context, build, access, dates
        self.routes = Routes()
        self._now: Sitting | None = None

    @property
    def now(self) -> Sitting:
        """Who sits there. Somebody always does once `take` has returned."""
        assert self._now is not None
        return self._now

    async def take(self, clock: Clock | None = None) -> Sitting:
        """Build a party and lead calls to it; it has not begun. One that sat there must have ended.

        Raises whatever building raises.
        """
        context = replace(self._context, clock=clock or self._context.clock, peers=Borrowed(self._context.peers))
        party = await self._build(context)
        self._access.require_rows(service.name for service in party.services)
        checks = {"certificates": self._dates.check, "trust": context.trust.refresh, **party.checks}
        state = health.Health([service.name for service in party.services], checks, party.everywhere)
        self._now = Sitting(context, party, Jobs(party.jobs), state)
        self.routes.lead_to(party.services, state)
        return self._now

    async def leave(self) -> None:
        """Callers are told that this process ends."""
        await self.now.state.leave()

    async def rest(self) -> None:
        """See `Sitting.rest`, of who sits there then."""
        await self.now.rest()

    async def end(self) -> None:
        """See `Sitting.end`, of who sits there then."""
        await self.now.end()

    def view(self, request_id: str) -> Sequence[control_pb2.Holding]:
        """What who sits there holds of an exchange."""
        return self.now.party.view(request_id)
