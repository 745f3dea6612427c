"""What is kept of drills: `STATE/simulator/drills.json`, one run a drill. The command and the stage write it, so each change holds a lock.

If it is read, so is the ground truth of drills under way: it is the simulator's own, beside its seed. If it is lost, drills begin anew.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

_NAME: Final = "drills.json"


@dataclass(slots=True)
class Run:
    """One run of a drill, from its begin to the next one's."""

    drill: str
    begun_at: str
    """Simulated time, ISO, in Japan."""
    shown: dict[str, Any]
    hidden: dict[str, Any]
    marks: dict[str, int] = field(default_factory=dict)
    """By table of the supervisor's: the last row before the begin, so that what was filed earlier does not count."""
    hints: dict[str, int] = field(default_factory=dict)
    """By task: how many were taken."""
    answers: dict[str, str] = field(default_factory=dict)
    """By question: the one given last."""
    grades: list[dict[str, Any]] = field(default_factory=list)
    """Oldest first: `warifu.simulator.drills.grading.Grade.document`."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """All that was planted."""
        return self.shown | self.hidden


class Keeping:
    """The file of one network."""

    def __init__(self, state: Path) -> None:
        """`state`: the network's folder."""
        self._path = state / "simulator" / _NAME

    def run(self, drill: str) -> Run | None:
        """The newest run of a drill; None when it was never begun."""
        return self._read().get(drill)

    def runs(self) -> Mapping[str, Run]:
        """The newest run of each drill that was begun."""
        return self._read()

    def put(self, run: Run) -> None:
        """Keep a new run in place of the drill's one before."""
        with self._held() as runs:
            runs[run.drill] = run

    @contextmanager
    def changing(self, drill: str) -> Iterator[Run]:
        """A drill's run to change; kept at the end of the block.

        Raises:
            KeyError: it was never begun.
        """
        with self._held() as runs:
            yield runs[drill]

    @contextmanager
    def _held(self) -> Iterator[dict[str, Run]]:
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            runs = self._read()
            yield runs
            fresh = self._path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps({k: asdict(v) for k, v in runs.items()}, ensure_ascii=False), encoding="utf-8")
            fresh.replace(self._path)

    def _read(self) -> dict[str, Run]:
        if not self._path.exists():
            return {}
        return {name: Run(**row) for name, row in json.loads(self._path.read_text(encoding="utf-8")).items()}
