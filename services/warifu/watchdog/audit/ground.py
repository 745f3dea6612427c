"""What every check stands on: the file with what was read, and what the auditor trusts and asks by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from warifu.exchange.keys import VerifyingKey
from warifu.kernel.months import Month
from warifu.law import LawBook
from warifu.log.v1 import log_pb2
from warifu.tlog.checkpoint import Trust
from warifu.watchdog.audit.reading import Read, events
from warifu.watchdog.audit.scratch import Scratch


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


def month_from(text: str) -> Month:
    """The month that is written like "2019-04".

    Raises:
        ValueError: it is written otherwise.
    """
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


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
    tables: Sequence[tuple[int, log_pb2.TableChanged]] = field(init=False)
    """Position and content of each announced permission table, in order."""
    erased: Sequence[tuple[int, log_pb2.NetworkEvent]] = field(init=False)
    """Position and event of each erasure, in order."""
    roots: Mapping[int, bytes] | None = None
    """Roots over the first so many leaves, once `tree` has made them."""

    over: frozenset[Month] = field(init=False)
    """Months whose contents the gateway has erased: others may be a little behind, or ahead."""

    def __post_init__(self) -> None:
        self.tables = [(position, event.table) for position, event in events(self.scratch, "table")]
        self.erased = list(events(self.scratch, "erased"))
        self.over = frozenset(month_from(event.erased.month) for _, event in self.erased)

    def book(self, version: str) -> LawBook | None:
        """The law book of a version, where the auditor has it."""
        return next((book for book in self.rules.books if book.version == version), None)
