"""What a proposal can be about. A feature says in words what will be done, and does it when it is approved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from warifu.counter.desk import Acting
from warifu.law import Text


@dataclass(frozen=True, slots=True)
class ProposalKind:
    """One kind of act that needs a second person."""

    name: Text
    act: str
    """Under which the act is on record, a key of `warifu.counter.acts.words.ACTS`."""
    told: Callable[[bytes, str], Sequence[tuple[str, str]]]
    """What the content says will be done: (label, value) in a language."""
    do: Callable[[Acting, bytes, str], Awaitable[object]]
    """Do it: who approves, the content, staff code of who proposed. Raises LinkageError when it is refused or could not be told.

    Must stand being done again with the same content: after a crash or a lost answer it is.
    """
