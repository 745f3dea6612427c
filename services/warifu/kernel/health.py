"""Standard gRPC health, per service and overall (grpc.health.v1), from what the party itself finds out every second.

A store that cannot be read, a certificate out of date, a revocation list that cannot be verified: each turns every service of the party to
NOT_SERVING within two seconds. So does the beginning of its end.

Callers of a party of several processes watch one more name, `PROCESS`: whether calls should rather go to another one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc

from warifu.kernel import limits
from warifu.kernel.clock import Clock
from warifu.kernel.tls import Stamp

_LOG: Final = logging.getLogger(__name__)
SERVICE: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
PROCESS: Final = "warifu.process"
"""Not serving while this process is worse off than the party's others may be."""
HANDOVER: Final = 0.2
"""Seconds between the word that a process ends and its end, for those who watch: until then their calls are still on their way here."""
Check = Callable[[], None]


class Health:
    """What a party knows of its own health. Starts as not serving, and ends so."""

    def __init__(self, services: Iterable[str], checks: Mapping[str, Check], everywhere: Iterable[str] = ()) -> None:
        """For `services` by full name; each of `checks` raises when what it is named after is not well.

        `everywhere`: names of those that fail in every process of the party alike.
        """
        self.services: Final = frozenset({"", PROCESS, *services})
        self.watchers = 0
        """Callers who are told at once when their calls should go elsewhere."""
        self._everywhere = frozenset(everywhere)
        self.ill: frozenset[str] = frozenset({"starting"})
        """Names of the checks that failed last, or "starting", "stopping"."""
        self._checks = checks
        self._changed = asyncio.Event()

    @property
    def status(self) -> Any:
        """The status of every service: they share certificate and stores."""
        return NOT_SERVING if self.ill else SERVING

    def status_of(self, service: str) -> Any:
        """The status of one of `services`."""
        if service == PROCESS:
            return NOT_SERVING if self.ill - self._everywhere else SERVING
        return self.status

    @property
    def checks(self) -> Iterable[str]:
        """Names of the checks."""
        return self._checks.keys()

    @property
    def stopping(self) -> bool:
        """The party is draining."""
        return "stopping" in self.ill

    def look(self) -> None:
        """Run the checks once."""
        if not self.stopping:
            self._become(frozenset(name for name, check in self._checks.items() if not self._well(name, check)))

    def stop(self) -> None:
        """Say NOT_SERVING from now on, and let watchers go."""
        self._become(frozenset({"stopping"}))

    async def leave(self) -> None:
        """`stop`, and wait until watchers have heard it."""
        watched = self.watchers > 0
        self.stop()
        if watched:
            await asyncio.sleep(HANDOVER)

    async def run(self) -> None:
        """Look every second until cancelled, a second from now for the first time."""
        while True:
            await asyncio.sleep(limits.HEALTH_INTERVAL / 1000)
            self.look()

    def change(self) -> Awaitable[object]:
        """Done when the status may have changed since this call: a change between the call and its await is not missed."""
        return self._changed.wait()

    def _well(self, name: str, check: Check) -> bool:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - whatever a check raises, it is not well
            if name not in self.ill:  # once, not every second
                _LOG.warning("check failed", extra={"check": name}, exc_info=error)
            return False
        return True

    def _become(self, ill: frozenset[str]) -> None:
        if ill != self.ill:
            _LOG.info("health", extra={"ill": sorted(ill)})
            self.ill = ill
            self._changed.set()
            self._changed = asyncio.Event()


class HealthServicer(health_pb2_grpc.HealthServicer):
    """The standard service. Unlike grpcio's own it lets watchers go when the party drains, so that they do not hold it up."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def Check(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """One service's status; NOT_FOUND for a service that is not here (gRPC health checking protocol)."""
        if request.service not in self._health.services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health_pb2.HealthCheckResponse(status=self._health.status_of(request.service))

    async def List(  # noqa: N802 - see Check
        self, request: Any, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Any:
        """Every service's status, as a HealthListResponse; its published types do not know it yet."""
        del request, context
        statuses = {
            name: health_pb2.HealthCheckResponse(status=self._health.status_of(name)) for name in self._health.services
        }
        return health_pb2.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined]

    async def Watch(  # noqa: N802 - see Check
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status now and whenever it changes, until the party stops."""
        del context
        self._health.watchers += request.service == PROCESS
        try:
            async for status in self._changes(request.service):
                yield status
        finally:
            self._health.watchers -= request.service == PROCESS

    async def _changes(self, service: str) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        known = service in self._health.services
        told = None
        while not self._health.stopping or told is None:
            changed = asyncio.ensure_future(self._health.change())
            now = self._health.status_of(service) if known else health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            try:
                if now != told:
                    told = now
                    yield health_pb2.HealthCheckResponse(status=now)
                await changed
            finally:
                changed.cancel()
        if known and told != NOT_SERVING:
            yield health_pb2.HealthCheckResponse(status=NOT_SERVING)


class CertificateDates:
    """Checks that the certificates of a party are in date; a file is parsed again only when it was replaced."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._server = os.fspath(folder / "tls" / "server.pem")
        self._folder = os.fspath(folder / "identities")
        self._paths: dict[str, Path] = {}
        self._dates: dict[Path, tuple[Stamp, datetime, datetime]] = {}

    def check(self) -> None:
        """Look at the server certificate and those of all identities.

        Raises:
            ValueError: one is out of date or not a certificate; the message names the file.
            OSError: one is missing.
        """
        now = self._clock.machine()
        for name in (self._server, *self._identities()):
            path = self._paths.get(name) or self._paths.setdefault(name, Path(name))
            first, last = self._read(path)
            if not first <= now < last:
                raise ValueError(f"{path} is valid from {first.isoformat()} to {last.isoformat()} only")

    def known(self) -> Mapping[Path, tuple[datetime, datetime]]:
        """The dates of the certificates that the last check looked at: the first moment and the one after the last."""
        return {path: (first, last) for path, (_, first, last) in self._dates.items()}

    def _identities(self) -> list[str]:
        """Looked for every second: a `Path` for each would cost more than the look."""
        if not os.path.isdir(self._folder):  # noqa: PTH112
            return []
        names = sorted(os.listdir(self._folder))  # noqa: PTH208
        return [name for one in names if os.path.exists(name := f"{self._folder}{os.sep}{one}{os.sep}cert.pem")]  # noqa: PTH110

    def _read(self, path: Path) -> tuple[datetime, datetime]:
        stamp = Stamp.of(path)
        known = self._dates.get(path)
        if known is None or known[0] != stamp:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            known = self._dates[path] = (stamp, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        return known[1], known[2]
