"""The calls under way at one party, from when it sits down until it has gone: who waits for an answer, and who merely waits.

A process serves one party until it ends, and drains as gRPC does. A test kit has parties go between two tests: those who merely wait are
told at once that the party goes, the others are waited for, and whoever is left when it closes is told so too, and to try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc

from warifu.kernel.errors import LinkageError
from warifu.kernel.seat import GoneError

_ENDS_WITHIN: Final = 1.0
"""Seconds for a call that was ended to say so."""
_OF_ITSELF: Final = (LinkageError, grpc.aio.AioRpcError, grpc.aio.AbortError)
"""What a call fails with for reasons of its own."""
Task = asyncio.Task[Any]


class Calls:
    """Use from one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[Task, bool] = {}
        """Whether each merely waits."""
        self._ended: set[Task] = set()
        self._going = self._closing = self._gone = False

    @property
    def under_way(self) -> Collection[Task]:
        """Those that have not been answered yet."""
        return list(self._under_way)

    def begin(self, *, waits: bool = False) -> Task:
        """The call that the current task answers begins; `end` it. `waits`: it merely waits.

        Raises:
            GoneError: the party has gone.
        """
        task = asyncio.current_task()
        assert task is not None
        if self._gone or (waits and self._going):
            raise GoneError("this party has gone")
        self._under_way[task] = waits
        return task

    def end(self, task: Task | None) -> None:
        """What `begin` gave is over; None: it did not begin."""
        if task is not None:
            self._under_way.pop(task, None)
            self._ended.discard(task)

    @contextmanager
    def waiting(self, task: Task) -> Iterator[None]:
        """Within the block this one merely waits.

        Raises:
            GoneError: the party goes.
        """
        if self._going:
            raise GoneError("this party goes")
        self._under_way[task] = True
        try:
            yield
        finally:
            self._under_way[task] = False

    def told(self, error: BaseException, task: Task | None) -> Exception | None:
        """What to tell the caller of a call that ended in `error`; None: nothing, since it was the caller who gave up.

        What fails under a call's feet when the party closes fails because it closes.
        """
        if isinstance(error, asyncio.CancelledError):
            if task is None or not self._going or (task not in self._ended and task.cancelling()):
                return None
            if task in self._ended:
                task.uncancel()
            return GoneError("this party goes")
        if self._closing and not isinstance(error, _OF_ITSELF):
            return GoneError("this party goes")
        return error if isinstance(error, Exception) else None

    def hurry(self) -> None:
        """The party goes: end the calls that merely wait, and let none begin that would."""
        self._going = True
        self._stop([task for task, waits in self._under_way.items() if waits])

    async def cut(self) -> None:
        """The party closes: end whatever is under way; on return it has said so."""
        self._going = self._closing = True
        left = self.under_way
        self._stop(left)
        if left:
            await asyncio.wait(left, timeout=_ENDS_WITHIN)

    async def leave(self) -> None:
        """The party has closed: nothing begins any more."""
        self._gone = True
        await self.cut()

    def _stop(self, tasks: Collection[Task]) -> None:
        for task in tasks:
            if task not in self._ended:
                self._ended.add(task)
                task.cancel()
