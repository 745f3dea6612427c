"""What a drill is: an incident that is planted in a running network, tasks, and checks that only read what came of them.

To add one: a module with a `DRILL` (`plant` and a check for each task) listed in `warifu.simulator.drills.DRILLS`, and its texts in
`texts/<name>.toml` (`warifu.simulator.drills.texts` says the form). Nothing else: the command and the stage's pages take all from here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warifu.simulator.stage.words import Words

if TYPE_CHECKING:
    from warifu.simulator.drills.ground import Ground


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to: done, or what is missing or wrong. Told when the drill is graded, and not before."""

    done: bool
    detail: Words

    def document(self, task: str) -> dict[str, Any]:
        """The shape in which it is kept and printed."""
        return {"task": task, "done": self.done, "detail": {"ja": self.detail.ja, "en": self.detail.en}}


def done(ja: str, en: str) -> Finding:
    """The task is done; what shows it."""
    return Finding(done=True, detail=Words(ja, en))


def missed(ja: str, en: str) -> Finding:
    """The task is not done, or wrongly; what is missing or wrong."""
    return Finding(done=False, detail=Words(ja, en))


Check = Callable[["Ground"], Awaitable[Finding]]
"""Reads what came of a task in the parties. Changes nothing anywhere."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do, or with `question` one to find out and answer."""

    id: str
    check: Check
    question: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What was planted. Values are text, numbers or lists of them: they are kept as JSON.

    A value that is an institution's code reads as its name and code in texts.
    """

    shown: Mapping[str, Any]
    """What briefing, tasks and hints may say."""
    hidden: Mapping[str, Any] = field(default_factory=dict)
    """What only the grader, and after the grading the debrief, may say."""


Plant = Callable[["Ground"], Awaitable[Facts]]
"""Makes the incident, by front doors where there are any, and says what was planted."""


@dataclass(frozen=True, slots=True)
class Drill:
    """An incident drill. Its texts are in `texts/<name>.toml`."""

    name: str
    plant: Plant
    tasks: Sequence[Task]
    shown: frozenset[str]
    """Names of the facts that briefing, tasks and hints may use."""
    hidden: frozenset[str] = frozenset()
    """Names of the facts that only the debrief may use besides."""
    lasting: bool = False
    """It damages the network: start a new one afterwards."""

    def task(self, task_id: str) -> Task | None:
        """The task of this name."""
        return next((task for task in self.tasks if task.id == task_id), None)
