"""The picture of one exchange, as values: steps, parties, what each holds since when, and what it provably does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from warifu.law import Text
from warifu.simulator.stage.picture.tally import Tally

PREPARED, DECIDED, PROVIDED, RELAYED, OPENED, LOGGED, SHOWN = STEPS = tuple(range(1, 8))
"""The steps of docs/PROTOCOL.md: what happens in each is told by `narration`."""


class Kind(StrEnum):
    """What sort of thing is held: each has a sign of its own."""

    CODE = "code"
    PLAIN = "plain"
    CIPHERTEXT = "ciphertext"
    RECORD = "record"
    PERMIT = "permit"
    LEAF = "leaf"
    SIGNATURE = "signature"


class Role(StrEnum):
    """The parties of the picture, in the order in which they are read."""

    REQUESTER = "requester"
    GATEWAY = "gateway"
    PROVIDER = "provider"
    LOG = "log"
    WATCHDOG = "watchdog"
    PORTAL = "portal"
    NUMBERING = "numbering"


class State(StrEnum):
    """How a step stands, by what the parties hold now."""

    DONE = "done"
    WAITING = "waiting"
    """It has not happened yet."""
    NEVER = "never"
    """It did not happen, and will not."""
    UNSEEN = "unseen"
    """The party could not be looked at."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One named value inside something held."""

    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that a party holds."""

    name: str
    """Unique within its party; for addresses inside the page."""
    kind: Kind
    label: Text
    value: Text
    """What of it is shown on the board."""
    since: int
    """The step in which the party got or made it."""
    source: str
    """Where in the party's view it was read: row, column, and the path inside it."""
    raw: bytes = b""
    """The very bytes; of a text its UTF-8."""
    facts: Sequence[Fact] = ()
    tally: Tally | None = None
    """A code's sign."""
    fits: bool | None = None
    """A commitment was computed again from what is held, and is (not) the one held; None where nothing was computed."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Something of the exchange that was looked for in all that a party holds."""

    label: Text
    found: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """One party of the picture with everything that it holds."""

    role: Role
    title: Text
    """Its part, such as 照会者."""
    name: Text
    party: str
    """The process whose view was read."""
    held: Sequence[Held] = ()
    seen: bool = True
    """Its view could be read."""
    searched: int = 0
    """Bytes of its view, all of which were looked through."""
    absences: Sequence[Absence] = ()

    def by(self, step: int) -> list[Held]:
        """What it holds when `step` is over."""
        return [held for held in self.held if held.since <= step]

    def new(self, step: int) -> list[Held]:
        """What it got or made in `step`."""
        return [held for held in self.held if held.since == step]

    def old(self, step: int) -> list[Held]:
        """What it had before `step`."""
        return [held for held in self.held if held.since < step]


@dataclass(frozen=True, slots=True)
class Wire:
    """What travels in a step, from one party to another."""

    start: Role
    end: Role
    label: Text
    kind: Kind


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    number: int
    title: Text
    text: Text
    """What happened, in words that say the same as the drawing."""
    state: State
    wires: Sequence[Wire] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """A party that holds a code."""

    role: Role
    title: Text
    since: int


@dataclass(frozen=True, slots=True)
class Code:
    """One of the codes by which the person is referred to, by its bytes: whoever holds the same bytes holds the same code."""

    label: Text
    tally: Tally
    holders: Sequence[Holder]

    @property
    def since(self) -> int:
        """The step in which it first appears."""
        return min(holder.since for holder in self.holders)

    def by(self, step: int) -> list[Holder]:
        """Who holds it when `step` is over."""
        return [holder for holder in self.holders if holder.since <= step]


@dataclass(frozen=True, slots=True)
class Picture:
    """One exchange."""

    request_id: str
    headline: Text
    """Who asked whom for what."""
    facts: Sequence[Fact]
    outcome: str
    """Name of warifu.exchange.v1.Outcome without its prefix; UNSPECIFIED while there is none."""
    actors: Mapping[Role, Actor]
    steps: Sequence[Step]
    codes: Sequence[Code]
    final: bool
    """Nothing more is to be expected, so the page need not look again."""
    exists: bool
    """Some party holds something of it."""

    def step(self, number: int) -> Step:
        """A step by its number, the nearest one when there is none such."""
        return self.steps[min(max(number, STEPS[0]), STEPS[-1]) - 1]

    @property
    def board(self) -> list[Actor]:
        """The parties in the order in which they are read."""
        return [self.actors[role] for role in Role]


NOTHING: Final = Text("", "")
