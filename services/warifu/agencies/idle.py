"""A business system that is made to do nothing by itself, in a simulation, since somebody else's stands in its place: a port of its jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from warifu.kernel.faults import Effect, Facts, Faults

Job = Callable[[], Awaitable[int]]


def unless_idle(faults: Faults | None, institution: str, job: Job) -> Job:
    """The job as it is; in a simulation one that finds nothing to do while that is planted at the institution."""
    if faults is None:
        return job

    async def run() -> int:
        if not faults.none and faults.strikes(Effect.IDLE, Facts(institution)) is not None:
            return 0
        return await job()

    return run
