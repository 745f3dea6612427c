"""The record ledger against a bare file: `python -m warifu.simulator.bench.ledger FOLDER`, a worker (see `worker`).

`ledger`: the gateway's own records, as it writes them: committed to with a salt, sealed under the month's key, with a log entry each, and durable
when the call returns. `file`: as many bytes appended to a file by one writer thread, which syncs (fdatasync) all that has queued up at once.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.party import VAULT_NAME
from warifu.gateway.record import New, Records
from warifu.gateway.schema import metadata
from warifu.kernel import interpreter
from warifu.kernel.coalesce import Coalescer
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import BATCH
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.simulator.bench.calls import identifiers
from warifu.simulator.bench.history import NOW, SAMPLE
from warifu.simulator.bench.worker import Told, work

APPENDED: Final = bytes(330 + 32)
"""A record of the usual size, and its leaf."""


_PERMITTED: Final = bytes(32)
"""Hash of a permit: what is refused is rare."""


class Ledger:
    """The gateway's store of records alone."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(sqlite_url(folder / "gateway.db"), metadata)
        self.store.create()
        self._records = Records(Vault.open(folder / VAULT_NAME, month_of(NOW.date())))
        self._ids = identifiers()
        # One lane, as the bare file has: with a store to itself two would only make its commits half as large.
        self._write = Coalescer(self._written, int(BATCH), lanes=1)

    async def record(self, _number: int) -> Told:
        """One record, durable on return; records that queue while others are written go together, as the gateway's exchanges do."""
        entry = pb.AccessRecord()
        entry.CopyFrom(SAMPLE)
        entry.request_id = next(self._ids)
        entry.requested_at.CopyFrom(timestamp(_AT))
        await self._write(New.of(entry, _AT, _PERMITTED))
        return ()

    async def _written(self, new: Sequence[New]) -> list[None]:
        await self.store.write(lambda connection: self._records.add(connection, new))
        return [None] * len(new)


_AT: Final = milliseconds(NOW)
_Waiting = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


class File:
    """A bare file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    async def append(self, _number: int) -> Told:
        """One record, on the disk on return."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._queue.put((loop, future))
        await future
        return ()

    def _run(self) -> None:
        while True:
            waiting = [self._queue.get()]
            while not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            os.write(self._file, APPENDED * len(waiting))
            os.fdatasync(self._file)
            waiting[0][0].call_soon_threadsafe(_settle, waiting)


def _settle(waiting: Sequence[_Waiting]) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_result(None)


async def serve(folder: Path) -> None:
    """Take orders until the input closes."""
    ledger, file = Ledger(folder), File(folder / "bare")
    interpreter.settle()
    await work({"ledger": ledger.record, "file": file.append})
    ledger.store.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1])))
