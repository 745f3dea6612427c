"""The batches of a face that runs. They are in its memory alone: after a restart the same file is sent again, and nothing is asked twice."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.face.batch import Batch, result_file
from warifu.simulator.face.mapping import described

KEPT: Final = 50
"""Batches that are remembered; an older one that ran to its end is forgotten for a new one."""
_FILES: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "batch-file.warifu.example")


@dataclass(slots=True)
class Running:
    """A batch and the task that runs it."""

    id: str
    batch: Batch
    task: asyncio.Task[None]

    @property
    def state(self) -> str:
        """RUNNING, DONE or FAILED."""
        if not self.task.done():
            return "RUNNING"
        return "FAILED" if self.failure is not None else "DONE"

    @property
    def failure(self) -> LinkageError | None:
        """Why it failed."""
        if not self.task.done() or self.task.cancelled():
            return None
        error = self.task.exception()
        if error is None or isinstance(error, LinkageError):
            return error
        return LinkageError(Reason.PROVIDER_INTERNAL)

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        progress = self.batch.progress
        whole = {
            "batchId": self.id,
            "state": self.state,
            "result": f"/v1/batch-inquiries/{self.id}/result",
            **asdict(progress),
            "left": progress.left,
        }
        trouble = self.failure or (self.batch.trouble if self.state == "RUNNING" else None)
        return whole if trouble is None else whole | {"problem": described(trouble)}


class Batches:
    """Starts and remembers batches of one institution."""

    def __init__(self, institution: str, stub: Callable[[], interim_pb2_grpc.InterimServiceAsyncStub]) -> None:
        self._institution, self._stub = institution, stub
        self._kept: dict[str, Running] = {}

    def start(self, content: bytes) -> Running:
        """Run a file; the same file again goes on with what did not come to anything."""
        name = str(uuid.uuid5(_FILES, f"{self._institution}/{sha256(content).hexdigest()}"))
        known = self._kept.get(name)
        if known is not None and not known.task.done():
            return known
        batch = known.batch if known is not None else Batch(self._institution, content)
        self._kept.pop(name, None)
        self._make_room()
        started = self._kept[name] = Running(name, batch, asyncio.create_task(batch.run(self._stub())))
        return started

    def find(self, name: str) -> Running | None:
        """A batch by its id."""
        return self._kept.get(name)

    async def result(self, running: Running) -> str:
        """The result file; what waits is asked for once more.

        Raises:
            LinkageError: the interim server refuses.
        """
        await running.batch.refresh(self._stub())
        return await asyncio.to_thread(lambda: "".join(result_file(running.batch.rows)))

    async def forget(self) -> None:
        """End what runs and forget everything; the interim server goes on with what it took."""
        for running in self._kept.values():
            running.task.cancel()
        await asyncio.gather(*(running.task for running in self._kept.values()), return_exceptions=True)
        self._kept.clear()

    def _make_room(self) -> None:
        done = [name for name, running in self._kept.items() if running.task.done()]
        for name in done[: max(0, len(self._kept) - KEPT + 1)]:
            del self._kept[name]
