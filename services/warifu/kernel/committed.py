"""What the writers of this process' stores committed: plain counts, read when an operator's monitoring asks (`warifu.kernel.metrics`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from warifu.kernel.durations import Spread


@dataclass(slots=True)
class Committed:
    """One writer's. Changed by its thread alone."""

    writes: int = 0
    """Writes that were committed; several may share a transaction."""
    failures: int = 0
    """Transactions that the database failed: not those that a change of its own refused."""
    commits: Spread = field(default_factory=Spread)
    """How long transactions took, the disk's sync included."""

    def note(self, writes: int, seconds: float) -> None:
        """One transaction with so many writes was committed."""
        self.writes += writes
        self.commits.note(seconds)
        for told in _LISTENING:
            told()


_ALL: Final[list[Committed]] = []
_LISTENING: Final[list[Callable[[], None]]] = []


@contextmanager
def listening(told: Callable[[], None]) -> Iterator[None]:
    """Have `told` called after each transaction of this process, on its writer's thread, while the block lasts.

    For a test kit, whose parties share a process: whoever waits for something to become so need not look again and again.
    """
    _LISTENING.append(told)
    try:
        yield
    finally:
        _LISTENING.remove(told)


def begin() -> Committed:
    """The count of a new writer. It stays when the writer ends: counts never fall."""
    made = Committed()
    _ALL.append(made)
    return made


def total() -> Committed:
    """All writers of the process together."""
    together = Committed()
    for one in _ALL:
        together.writes += one.writes
        together.failures += one.failures
        together.commits.add(one.commits)
    return together
