"""What every check stands on: the file with what was read, and what the auditor trusts and asks by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from cryptography import x509

from warifu import law
from warifu.exchange import rulings
from warifu.exchange.keys import VerifyingKey
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds, stamped
from warifu.kernel.months import Month
from warifu.law import LawBook
from warifu.log.v1 import log_pb2
from warifu.supervision.v1 import supervision_pb2
from warifu.tlog.checkpoint import Trust
from warifu.watchdog.audit.reading import Read, events
from warifu.watchdog.audit.scratch import Scratch

MOMENT: Final = milliseconds(timedelta(minutes=1))
"""Network milliseconds between a decision and an announcement that may have crossed it."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the auditor holds the network to. All of it comes from elsewhere than the parties that are audited."""

    trust: Trust
    """Keys of log and witness."""
    books: Sequence[LawBook]
    """Law books that the root of trust signed; the first is the one in force."""
    rights: bytes
    """The table of who may call what, as the auditor's program has it."""
    now: datetime
    """Machine time, by which a cosignature is fresh."""
    root: x509.Certificate
    """The network's root of trust."""


def month_from(text: str) -> Month:
    """The month that is written like "2019-04".

    Raises:
        ValueError: it is written otherwise.
    """
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Announced(Generic[T]):
    """Something that the log announced."""

    position: int
    at: int
    """Network milliseconds."""
    what: T


def in_force(announced: Sequence[Announced[T]], position: int, at: int) -> list[T]:
    """What was in force for a decision that is recorded at a position, made at network milliseconds `at`; nothing when none was.

    What was announced in the moment of the decision may have come just after it: then what was in force before will do as well.
    """
    found: list[T] = []
    for one in reversed(announced[: bisect_left(announced, position, key=lambda one: one.position)]):
        found.append(one.what)
        if one.at < at - MOMENT:
            break
    return found


def _ruled(event: log_pb2.NetworkEvent) -> law.Rulings:
    """What was ruled; nothing when it cannot be read, which `rules.rulings_forged` reports."""
    try:
        content = supervision_pb2.Rulings.FromString(event.rulings.rulings.rulings)
        return rulings.read(content, datetime.max.replace(tzinfo=UTC) - _DAY).rulings
    except (ValueError, LinkageError):
        return law.NOTHING_RULED


@dataclass(slots=True)
class Ground:
    """One audit's."""

    scratch: Scratch
    read: Read
    rules: Rules
    institutions: frozenset[str]
    """Those whose records were read."""
    gateway_key: VerifyingKey | None
    """Signs receipts; None when its entry is not to be believed."""
    tables: Sequence[Announced[log_pb2.TableChanged]] = field(init=False)
    """Each announced permission table, in order."""
    rulings: Sequence[Announced[law.Rulings]] = field(init=False)
    """What the supervisor had in force, in order; at first nothing."""
    erased: Sequence[tuple[int, log_pb2.NetworkEvent]] = field(init=False)
    """Position and event of each erasure, in order."""
    roots: Mapping[int, bytes] | None = None
    """Roots over the first so many leaves, once `tree` has made them."""

    over: frozenset[Month] = field(init=False)
    """Months whose contents the gateway has erased: others may be a little behind, or ahead."""

    def __post_init__(self) -> None:
        self.tables = [
            Announced(position, stamped(event.at), event.table) for position, event in events(self.scratch, "table")
        ]
        announced = events(self.scratch, "rulings")
        self.rulings = [
            Announced(0, 0, law.NOTHING_RULED),
            *(Announced(position, stamped(event.at), _ruled(event)) for position, event in announced),
        ]
        self.erased = list(events(self.scratch, "erased"))
        self.over = frozenset(month_from(event.erased.month) for _, event in self.erased)

    def book(self, version: str) -> LawBook | None:
        """The law book of a version, where the auditor has it."""
        return next((book for book in self.rules.books if book.version == version), None)
