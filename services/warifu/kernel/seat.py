"""The seat from which a process serves a party: the party in it can give way to one built anew, on the same ports, channels and stores.

A process of an agency sits down once. A test kit, which puts a network back between two tests, leaves the seats free, and whoever is called
sits down then: a party that nobody calls is not built at all.
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
    """Handlers by full method: those of whoever sits here now. A service's are made when it is first called."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        """By name, whose handlers are not made yet."""
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See `grpc.GenericRpcHandler`."""
        method = handler_call_details.method
        if (called := self._services.pop(method[1:].partition("/")[0], None)) is not None:
            found = _Collected()
            called.add(called.servicer, found)  # type: ignore[arg-type]
            self._handlers |= found.handlers
        return self._handlers.get(method)

    def lead_to(self, services: Sequence[Service], state: health.Health) -> None:
        """Have calls go to these from now on."""
        well = Service(health.SERVICE, health_pb2_grpc.add_HealthServicer_to_server, health.HealthServicer(state))
        self._services, self._handlers = {one.name: one for one in (*services, well)}, {}

    def lead_nowhere(self) -> None:
        """Have no call go anywhere."""
        self._services, self._handlers = {}, {}


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


class GoneError(LookupError):
    """Nobody sits there any more."""


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
            raise GoneError("this party has gone")
        return self._peers


@dataclass(slots=True)
class Sitting:
    """One party in the seat, and what runs for it."""

    context: Context
    party: Party
    jobs: Jobs
    state: health.Health
    looking: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Its ports are open."""
        if self.party.start is not None:
            await self.party.start()
        self.state.look()

    def work(self) -> None:
        """From now on it does by itself what is due, and looks after its health."""
        self.jobs.start()
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
        self._coming: asyncio.Task[Sitting] | None = None
        self._resting = False

    @property
    def now(self) -> Sitting:
        """Who sits there. Somebody always does once `take` has returned, unless the seat was left free."""
        assert self._now is not None
        return self._now

    @property
    def clock(self) -> Clock:
        """Of who sits there, or will."""
        return self._context.clock

    @property
    def is_free(self) -> bool:
        """Nobody sits there, nor is about to."""
        return self._now is None and self._coming is None

    async def take(self, *, lazily: bool = False) -> Sitting:
        """Build a party and lead calls to it; it has not begun. One that sat there must have ended. `lazily`: see `Context`.

        Raises whatever building raises.
        """
        context = replace(self._context, peers=Borrowed(self._context.peers), lazily=lazily)
        party = await self._build(context)
        self._access.require_rows(service.name for service in party.services)
        checks = {"certificates": self._dates.check, "trust": context.trust.refresh, **party.checks}
        state = health.Health([service.name for service in party.services], checks, party.everywhere)
        self._now = Sitting(context, party, Jobs(party.jobs, party.asking), state)
        self.routes.lead_to(party.services, state)
        return self._now

    def free(self, clock: Clock) -> None:
        """Who sat there has ended; whoever is looked for by `present` next is built then, lazily, and lives by this clock."""
        self._context = replace(self._context, clock=clock)
        self._now, self._resting = None, False
        self.routes.lead_nowhere()

    async def present(self) -> Sitting:
        """Who sits there. In a free seat a party sits down first, once for all who look for it meanwhile, and has begun on return.

        Raises:
            GoneError: the party has gone, and the seat is not free yet.
            Whatever building raises; then the seat is free again.
        """
        if self._coming is None:
            if self._now is not None:
                return self._now
            if self._resting:
                raise GoneError
            self._coming = asyncio.create_task(self._come())
        return await asyncio.shield(self._coming)

    async def leave(self) -> None:
        """Callers are told that this process ends."""
        if self._now is not None:
            await self._now.state.leave()

    async def rest(self) -> None:
        """See `Sitting.rest`. A free seat stays empty from now on; who is about to sit down does so first."""
        self._resting = True
        if self._coming is not None:
            await asyncio.gather(self._coming, return_exceptions=True)
        if self._now is not None:
            await self._now.rest()

    async def end(self) -> None:
        """See `Sitting.end`."""
        if self._now is not None:
            await self._now.end()

    async def view(self, request_id: str) -> Sequence[control_pb2.Holding]:
        """What who sits there holds of an exchange."""
        return (await self.present()).party.view(request_id)

    async def _come(self) -> Sitting:
        try:
            sitting = await self.take(lazily=True)
            try:
                await sitting.begin()
            except BaseException:
                self._now = None
                self.routes.lead_nowhere()
                await sitting.end()
                raise
            return sitting
        finally:
            self._coming = None
