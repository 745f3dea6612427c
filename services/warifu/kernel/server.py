"""A party's process: `run(folder, build)` confines it, opens its ports and serves until SIGTERM, then drains (docs/ARCHITECTURE.md §3).

`serve` is the same without the process: a party inside a test, on its own folder.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.kernel import health, interpreter, limits
from warifu.kernel.access import Access
from warifu.kernel.clock import Clock, SimulatedClock, SystemClock
from warifu.kernel.config import Config
from warifu.kernel.confine import confine
from warifu.kernel.control import ControlServicer, start_control
from warifu.kernel.durations import Durations
from warifu.kernel.faults import Faults
from warifu.kernel.interceptor import Admission, Interceptor
from warifu.kernel.jobs import Jobs
from warifu.kernel.log import open_log
from warifu.kernel.party import Build, Context, Party
from warifu.kernel.peers import Peers
from warifu.kernel.seat import Seat, Sitting
from warifu.kernel.tls import server_credentials
from warifu.kernel.traces import Traces
from warifu.kernel.trust import Trust
from warifu.kernel.watch import Watch

_LOG: Final = logging.getLogger(__name__)
_PR_SET_PDEATHSIG: Final = 1
REFLECTION: Final = "grpc.reflection.v1alpha.ServerReflection"


class AddressOccupiedError(RuntimeError):
    """The party's port is taken by another program."""


PINGS_APART: Final = 5_000
"""Milliseconds: who asks more often whether we live is told to calm down (HTTP/2 ENHANCE_YOUR_CALM)."""


@dataclass(frozen=True, slots=True)
class Running:
    """A party that serves."""

    address: str
    """Where its mTLS port listens, with the real port number."""
    context: Context
    seat: Seat
    interceptor: Interceptor
    faults: Faults | None

    @property
    def party(self) -> Party:
        """The party that serves now."""
        return self.seat.now.party

    @property
    def health(self) -> health.Health:
        """What it knows of its own health."""
        return self.seat.now.state

    @property
    def jobs(self) -> Jobs:
        """Its periodic jobs."""
        return self.seat.now.jobs

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Calls by (full method, "OK" or reason)."""
        return self.interceptor.counts


def run(folder: Path, build: Build, *, die_with_parent: bool = False) -> None:
    """Serve the party in `folder` until SIGTERM or SIGINT. The entry of every party's process; returns after draining.

    Args:
        folder: the party's folder, with `party.json`.
        build: makes the party.
        die_with_parent: end when the process that started this one ends, however it ends.

    Raises:
        ValueError, OSError, TrustError, AccessError, AddressOccupiedError: the party must not or cannot serve; the message says why.
    """
    if die_with_parent:
        _follow_parent()
    config = Config.load(folder)
    config.folder.chmod(0o700)
    handler = open_log(config.own, config.party, console=config.telemetry.console)
    try:
        confined = confine(config.folder)
        _LOG.info("starting", extra={"party": config.party, "confined": confined})
        _run_loop(_until_signalled(config, build))
    except BaseException as error:
        _LOG.critical("ended by an error", exc_info=error)
        raise
    finally:
        handler.close()


@asynccontextmanager
async def serve(folder: Path, build: Build, *, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Serve the party in `folder` inside this process while the block lasts; unconfined. For tests and tools.

    With `listen` "127.0.0.1:0" the port is chosen; `Running.address` tells it.
    """
    config = Config.load(folder)
    async with _serve(config, build, clock or clock_of(config)) as running:
        yield running


def clock_of(config: Config) -> Clock:
    """The clock that the configuration asks for."""
    if config.simulation is None:
        return SystemClock()
    return SimulatedClock(config.simulation.start(SystemClock().machine()), stopped=config.simulation.stopped)


async def _until_signalled(config: Config, build: Build) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if (
            signal.getsignal(number) is not signal.SIG_IGN
        ):  # a launcher that handles Ctrl-C itself has parties ignore it
            loop.add_signal_handler(number, stop.set)
    async with _serve(config, build, clock_of(config)) as running:
        _LOG.info("serving", extra={"address": running.address})
        interpreter.settle()
        await stop.wait()
        calls = {f"{method} {reason}": number for (method, reason), number in sorted(running.counts.items())}
        _LOG.info("draining", extra={"calls": calls})


@asynccontextmanager
async def _serve(config: Config, build: Build, clock: Clock) -> AsyncIterator[Running]:
    """Open everything in order; the stack closes it in the opposite order: refuse new calls, drain, stop jobs, party, channels."""
    trust = Trust(config.folder, clock)
    access = Access.load(config.institutions)
    async with AsyncExitStack() as stack:
        watch = _watch(stack, config)
        peers = Peers(config, () if watch is None or watch.traces is None else watch.traces.client)
        stack.push_async_callback(peers.close)
        dates = health.CertificateDates(config.folder, clock)
        faults = Faults(config.party, config.simulation.seed) if config.simulation is not None else None
        seat = Seat(Context(config, clock, peers, trust, faults), build, access, dates)
        await seat.take()
        stack.push_async_callback(seat.end)
        stack.push_async_callback(seat.rest)
        interceptor = Interceptor(config.party, Admission(access, trust, clock), faults, watch, seat.present)
        server = grpc.aio.server(interceptors=[interceptor], options=server_options())
        _register(server, seat, reflection=config.reflection)
        address = _listen(server, config)
        stack.push_async_callback(server.stop, float(limits.DRAIN))
        await server.start()
        await _open_control(stack, seat, faults)
        await _open_web(stack, config, seat, faults, interceptor)
        if watch is not None and watch.durations is not None:
            await _open_metrics(stack, config, interceptor, watch.durations, seat.now, dates)
        stack.push_async_callback(seat.leave)
        await seat.now.begin()
        seat.now.work()
        yield Running(address, _at(seat.now.context, address), seat, interceptor, faults)


def server_options() -> list[tuple[str, Any]]:
    """Options of every party's server."""
    return [
        ("grpc.so_reuseport", 0),  # an occupied port is an error, not a shared one
        ("grpc.max_send_message_length", int(limits.TRANSPORT_BYTES)),
        ("grpc.max_receive_message_length", int(limits.TRANSPORT_BYTES)),
        ("grpc.max_concurrent_streams", int(limits.STREAMS)),
        # Else gRPC counts calls that have just ended as well, and refuses what a client begins in their place, where it should wait. It is
        # meant against strangers who begin and cancel without end: nobody comes in here without a certificate.
        ("grpc.http.overload_protection", 0),
        ("grpc.max_connection_age_ms", int(limits.CONNECTION_AGE) * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", PINGS_APART),
    ]


def _at(context: Context, address: str) -> Context:
    return replace(context, config=replace(context.config, listen=address))


def _watch(stack: AsyncExitStack, config: Config) -> Watch | None:
    """What the configuration wants watched; mostly nothing, and then no call is wrapped."""
    wanted = config.telemetry
    if wanted.metrics is None and wanted.otlp is None:
        return None
    traces = None
    if wanted.otlp is not None:
        traces = Traces.open(config.party, version("warifu"), wanted.otlp, wanted.sampled, within=config.within)
        stack.callback(traces.close)
    return Watch(None if wanted.metrics is None else Durations(), traces)


async def _open_metrics(
    stack: AsyncExitStack,
    config: Config,
    interceptor: Interceptor,
    durations: Durations,
    sitting: Sitting,
    dates: health.CertificateDates,
) -> None:
    from warifu.kernel import metrics, scrape  # noqa: PLC0415 - two megabytes that only parties with metrics load

    assert config.telemetry.metrics is not None
    sources = metrics.Sources(
        config.party,
        version("warifu"),
        interceptor.counts,
        durations,
        sitting.jobs,
        sitting.state,
        dates,
        sitting.party.gauges,
        sitting.party.reasons,
    )
    listener = scrape.serve_metrics(config.telemetry.metrics, metrics.Metrics(sources).render, metrics.CONTENT_TYPE)
    address = await stack.enter_async_context(listener)
    _LOG.info("metrics", extra={"address": address})


def _register(server: grpc.aio.Server, seat: Seat, *, reflection: bool) -> None:
    server.add_generic_rpc_handlers((seat.routes,))
    if reflection:
        from grpc_reflection.v1alpha import reflection as grpc_reflection  # noqa: PLC0415 - loaded only on request

        names = [*(service.name for service in seat.now.party.services), health.SERVICE, REFLECTION]
        grpc_reflection.enable_server_reflection(names, server)


def _listen(server: grpc.aio.Server, config: Config) -> str:
    host, _, wanted = config.listen.rpartition(":")
    try:
        port = server.add_secure_port(config.listen, server_credentials(config.folder))
    except RuntimeError as error:
        raise AddressOccupiedError(
            f"{config.party} cannot listen on {config.listen}: the port is taken or the address is not ours"
        ) from error
    assert wanted in {"0", str(port)}
    return f"{host}:{port}"


async def _open_control(stack: AsyncExitStack, seat: Seat, faults: Faults | None) -> None:
    if faults is None:
        return
    config = seat.now.context.config
    control = await start_control(config.own, config.party, ControlServicer(seat, config.own, faults))
    stack.push_async_callback(control.stop, 0.0)


async def _open_web(
    stack: AsyncExitStack, config: Config, seat: Seat, faults: Faults | None, interceptor: Interceptor
) -> None:
    if seat.now.party.web is None or config.web is None:
        return
    from warifu.kernel.web import serve_web  # noqa: PLC0415 - only parties with a face load the web server

    async def face(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":  # it begins or ends, which is no call
            await (await seat.present()).party.web(scope, receive, send)
            return
        calls = await interceptor.admitted()
        task = calls.begin()
        try:
            await (await seat.present()).party.web(scope, receive, send)
        finally:
            calls.end(task)

    await stack.enter_async_context(serve_web(face if faults is None else faults.web(face), config.web))


def _run_loop(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - a third less CPU a call, where there is one
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def _follow_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended in between
        sys.exit(0)
