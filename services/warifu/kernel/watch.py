"""Watches calls come in for an operator: how long each took and, where traces are asked for, as a span. Where neither is, nothing is wrapped."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any, Final

from warifu.kernel.durations import Durations
from warifu.kernel.traces import Traces

Behaviour = Callable[[Any, Any], Any]


class Watch:
    """What one party's interceptor is watched by."""

    def __init__(self, durations: Durations | None = None, traces: Traces | None = None) -> None:
        self.durations: Final = durations
        self.traces: Final = traces

    def wrap(self, method: str, behaviour: Behaviour) -> Behaviour:
        """The same behaviour, watched. A stream of answers lasts as long as its caller likes, so its time says nothing."""
        if inspect.isasyncgenfunction(behaviour):
            return behaviour
        if self.traces is not None:
            behaviour = self.traces.traced(method, behaviour)
        return behaviour if self.durations is None else _timed(self.durations, method, behaviour)


def _timed(durations: Durations, method: str, behaviour: Behaviour) -> Behaviour:
    async def timed(request: Any, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return await behaviour(request, context)
        finally:
            durations.note(method, time.perf_counter() - begun)

    return timed
