"""Loads the population into a new network through its front doors, chunk by chunk: numbering first, then every agency at once.

A chunk is drawn while those before it are loaded. What is loaded is written down after each chunk (`warifu.simulator.places`), so that a
network that was interrupted goes on; a chunk that comes twice leaves nothing twice, since every party knows what it has recorded.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.agency.v1 import agency_pb2, agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.kernel.config import Config
from warifu.kernel.errors import LinkageError
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.simulator import places
from warifu.simulator.cards import tray
from warifu.simulator.doors import Doors
from warifu.simulator.launcher.chunks import Chunk, chunks
from warifu.simulator.population import START, Place
from warifu.simulator.state import NetworkFile

_LOG = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]

AT_ONCE: Final = 2
"""Chunks under way: while the slowest agency ends one, the others begin the next."""
COLLECTING: Final = (50_000, 20, 20)
"""Thresholds of the garbage collector while people are drawn, of whom nearly everything is alive until their chunk is loaded."""
PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds until a call is repeated, one after the other."""
PATIENCE: Final = 300.0
"""Seconds that one call may take: a thousand people, on a machine that has other things to do."""


class Load:
    """What is still to be loaded of a network's population. The first chunk is drawn at once: that needs no party."""

    def __init__(self, network: NetworkFile, state: Path) -> None:
        """Blocks until the first chunk is drawn."""
        self.places = places.load(state)
        self._chunks = chunks(network.seed, network.people, self.places[-1] if self.places else START)
        self._next = next(self._chunks, None)

    def take(self) -> Chunk | None:
        """The next chunk, None after the last. Blocks while it is drawn."""
        taken = self._next if self._next is not None else next(self._chunks, None)
        self._next = None
        return taken


async def fill(network: NetworkFile, state: Path, doors: Doors, load: Load, progress: Progress) -> None:
    """Load everyone who is not loaded yet.

    Raises:
        LinkageError: a party refused something; nothing is hidden by going on.
    """
    folder = state / "simulator"
    store = tray.open_store(folder, Config.load(folder).database_url)
    loading = _Loading(network, state, doors, store, load.places, progress)
    try:
        await loading.run(load)
    finally:
        store.close()


class _Loading:
    def __init__(
        self, network: NetworkFile, state: Path, doors: Doors, store: Store, known: list[Place], progress: Progress
    ) -> None:
        self._network, self._state, self._doors = network, state, doors
        self._store, self._places, self._progress = store, known, progress

    async def run(self, load: Load) -> None:
        began, collecting = time.monotonic(), gc.get_threshold()
        gc.set_threshold(*COLLECTING)
        self._tell()
        under_way: list[tuple[Place, asyncio.Task[None]]] = []
        try:
            while (chunk := await asyncio.to_thread(load.take)) is not None:
                under_way.append((chunk.end, asyncio.create_task(self._load(chunk))))
                del chunk  # the task lets it go when it is done
                if len(under_way) == AT_ONCE:
                    await self._close(*under_way.pop(0))
            while under_way:
                await self._close(*under_way.pop(0))
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
            gc.set_threshold(*collecting)
        _LOG.debug("filled after %.2f s", time.monotonic() - began)

    async def _close(self, end: Place, task: asyncio.Task[None]) -> None:
        await task
        self._places.append(end)
        places.save(self._state, self._places)
        self._tell()

    def _tell(self) -> None:
        done = self._places[-1].people if self._places else 0
        self._progress("people", done, self._network.people)

    async def _load(self, chunk: Chunk) -> None:
        await asyncio.gather(tray.fill(self._store, chunk.cards), self._register(chunk))
        await asyncio.gather(*(self._record(institution, requests) for institution, requests in chunk.records.items()))

    async def _register(self, chunk: Chunk) -> None:
        stub = numbering_pb2_grpc.RegisterServiceStub(self._doors.simulator("numbering"))
        for request in chunk.newcomers:
            await _patiently(self._register_some, stub, request)

    async def _record(self, institution: str, requests: Iterable[agency_pb2.RecordManyRequest]) -> None:
        stub = agency_pb2_grpc.AgencyServiceStub(self._doors.counter(institution))
        for request in requests:
            await _patiently(self._record_some, stub, request)

    @staticmethod
    async def _register_some(
        stub: numbering_pb2_grpc.RegisterServiceAsyncStub, request: numbering_pb2.RegisterManyRequest
    ) -> None:
        answer = await stub.RegisterMany(request, timeout=PATIENCE)
        _refuse(one.error for one in answer.results if one.HasField("error"))

    @staticmethod
    async def _record_some(stub: agency_pb2_grpc.AgencyServiceAsyncStub, request: agency_pb2.RecordManyRequest) -> None:
        answer = await stub.RecordMany(request, timeout=PATIENCE)
        _refuse(one.error for one in answer.failures)


async def _patiently(call: Callable[[Any, Any], Awaitable[None]], stub: object, request: object) -> None:
    """Call, and call again when what failed may pass, as it does when a party is restarted or the machine is busy."""
    for pause in (*PAUSES, None):
        failed = await _tried(call(stub, request))
        if failed is None:
            return
        if pause is None or not failed.retryable:
            raise failed
        _LOG.info("%s, again in %s s", failed.reason, pause)
        await asyncio.sleep(pause)


async def _tried(call: Awaitable[None]) -> LinkageError | None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error)
    except LinkageError as error:
        return error
    return None


def _refuse(errors: Iterable[common_pb2.Failure]) -> None:
    """Raise the first that will not pass, else the first."""
    failed = [LinkageError.from_failure(error) for error in errors]
    if failed:
        raise next((one for one in failed if not one.retryable), failed[0])
