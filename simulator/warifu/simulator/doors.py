"""The front doors by which the simulator and the command line reach a running network: counters' certificates, web faces, control sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from warifu.control.v1 import control_pb2, control_pb2_grpc
from warifu.kernel.peers import balancing, target
from warifu.simulator.called import calling
from warifu.simulator.controls import Controls
from warifu.simulator.state import NetworkFile, PartyEntry, ProcessEntry

HEALTH_DEADLINE = 3.0
MAX_MESSAGE = 4 << 20
_SETTLE_SECONDS = 60
_CONTROL = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))
SETTLE_ROUNDS = 5
"""Work of one party can make work for another; a chain is at most this long."""


def identity_channel(
    entry: PartyEntry, ca: Path, identity: Mapping[str, str], interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
) -> grpc.aio.Channel:
    """An mTLS channel to a party under a certificate: `identity` holds the paths "cert" and "key"."""
    credentials = grpc.ssl_channel_credentials(
        ca.read_bytes(), Path(identity["key"]).read_bytes(), Path(identity["cert"]).read_bytes()
    )
    options = [
        ("grpc.ssl_target_name_override", entry.server_name),
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How long one attempt to connect may take, in spite of its name: on a busy machine a handshake takes more than 100 ms.
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.max_reconnect_backoff_ms", 1000),
        *balancing(entry.addresses),
    ]
    return grpc.aio.secure_channel(target(entry.addresses), credentials, options=options, interceptors=interceptors)


@dataclass(slots=True)
class Doors:
    """Open channels of one network; close with `close`. Use from one event loop."""

    network: NetworkFile
    _channels: dict[tuple[str, str], grpc.aio.Channel]
    interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
    """Of every channel but those to control sockets."""

    def counter(self, institution: str) -> grpc.aio.Channel:
        """A channel to the institution's server under its counter's certificate."""
        entry = self.network.server_of(institution)
        return self._channel_to(entry, f"{institution}@{entry.address}", self.network.counters[institution])

    def counter_at(self, party: str, institution: str) -> grpc.aio.Channel:
        """A channel to another party than its own under the institution's counter's certificate, such as to the supervisor."""
        return self._channel(party, f"counter/{institution}", self.network.counters[institution])

    def simulator(self, party: str) -> grpc.aio.Channel:
        """A channel to a party under the simulator's certificate."""
        return self._channel(party, "simulator", self.network.simulator)

    def control(self, party: str) -> control_pb2_grpc.ControlServiceAsyncStub:
        """The control face of a party, of all its processes if it has several; simulation only."""
        stubs = [self._control(one) for one in self.network.party(party).processes]
        return stubs[0] if len(stubs) == 1 else cast("control_pb2_grpc.ControlServiceAsyncStub", Controls(stubs))

    async def healthy(self, party: str) -> bool:
        """Whether the party answers SERVING for itself as a whole: of several processes, whether one does."""
        return await _serves(self.simulator(party))

    async def processes_healthy(self, party: str) -> list[bool]:
        """Whether each process of the party does, in the order of its entry."""
        entry = self.network.party(party)
        alone = [
            self._channel_to(
                replace(entry, address=one.address, replicas=[]), f"simulator/{one.address}", self.network.simulator
            )
            for one in entry.processes
        ]
        return list(await asyncio.gather(*map(_serves, alone)))

    async def all_healthy(self) -> Mapping[str, bool]:
        """`healthy` of every party."""
        names = [p.name for p in self.network.parties]
        return dict(zip(names, await asyncio.gather(*map(self.healthy, names)), strict=True))

    async def set_clock(self, now: datetime, *, stopped: bool) -> None:
        """Set every party's simulated clock.

        Raises:
            CallError: a party refused, since its clock is later already, or did not answer.
        """
        time = Timestamp()
        time.FromDatetime(now)
        request = control_pb2.SetClockRequest(now=time, stopped=stopped)

        async def set_one(party: str) -> None:
            with calling("SetClock", party):
                await self.control(party).SetClock(request, timeout=5)

        await asyncio.gather(*(set_one(p.name) for p in self.network.parties))

    async def clock(self) -> tuple[datetime, bool]:
        """The network's simulated time, as the gateway has it, and whether it stands still.

        Raises:
            CallError: the gateway did not answer.
        """
        with calling("GetClock", "gateway"):
            answer = await self.control("gateway").GetClock(control_pb2.GetClockRequest(), timeout=5)
        return answer.now.ToDatetime(tzinfo=UTC), answer.stopped

    async def settle(self, parties: Iterable[str] | None = None) -> tuple[str, ...]:
        """Run what is due at the parties (outboxes, reconciliation, daily jobs) until none has more to do.

        A party that has much to do is asked again where a minute was not enough; what it did by then stays done.

        Returns:
            The parties that still had to do in the last round: what they owe may be undone. None, as a rule.

        Raises:
            CallError: a party failed.
        """
        names = tuple(parties) if parties is not None else tuple(p.name for p in self.network.parties)
        busy = names
        for _ in range(SETTLE_ROUNDS):
            busy = tuple([name for name in names if await self._had_to_do(name)])
            if not busy:
                break
        return busy

    async def _had_to_do(self, party: str) -> bool:
        try:
            with calling("Settle", party):
                answer = await self.control(party).Settle(control_pb2.SettleRequest(), timeout=_SETTLE_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            return True
        return any(answer.done.values())

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, party: str, name: str, identity: Mapping[str, str]) -> grpc.aio.Channel:
        return self._channel_to(self.network.party(party), name, identity)

    def _channel_to(self, entry: PartyEntry, name: str, identity: Mapping[str, str]) -> grpc.aio.Channel:
        key = (entry.name, name)
        if key not in self._channels:
            self._channels[key] = identity_channel(entry, Path(self.network.ca), identity, self.interceptors)
        return self._channels[key]

    def _control(self, process: ProcessEntry) -> control_pb2_grpc.ControlServiceAsyncStub:
        key = (process.control, "control")
        if key not in self._channels:
            self._channels[key] = grpc.aio.insecure_channel(f"unix:{process.control}", options=_CONTROL)
        return control_pb2_grpc.ControlServiceStub(self._channels[key])


async def _serves(channel: grpc.aio.Channel) -> bool:
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(  # type: ignore[attr-defined]  # its stubs leave the methods out
            health_pb2.HealthCheckRequest(), timeout=HEALTH_DEADLINE
        )
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def doors(network: NetworkFile, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()) -> AsyncIterator[Doors]:
    """Doors of a network for the block's length; `interceptors` are of every channel but those to control sockets."""
    opened = Doors(network, {}, interceptors)
    try:
        yield opened
    finally:
        await opened.close()
