"""What the history is made of: entries, their order, pages of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple, Self

from warifu.exchange.v1 import exchange_pb2
from warifu.portal.history.corrections import Correction
from warifu.portal.kept import Kept
from warifu.portal.login.proof import ProofError, decode, encode

_TIME_SIZE: Final = 8
_ID_SIZE: Final = 36
_OUTCOMES: Final[dict[int, str]] = {
    value: name.removeprefix("OUTCOME_") for name, value in exchange_pb2.Outcome.items()
}


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of entries: by time of request, then by request id."""

    requested_at: int
    """Simulated time, milliseconds."""
    request_id: str

    @classmethod
    def read(cls, text: str) -> Position | None:
        """A position from an address; None when it is none."""
        try:
            data = decode(text, _TIME_SIZE + _ID_SIZE)
            return cls(int.from_bytes(data[:_TIME_SIZE], "big", signed=True), data[_TIME_SIZE:].decode("ascii"))
        except (ProofError, UnicodeDecodeError):
            return None

    def __str__(self) -> str:
        """The position for an address."""
        return encode(self.requested_at.to_bytes(_TIME_SIZE, "big", signed=True) + self.request_id.encode("ascii"))


class Codes(NamedTuple):
    """What an entry says beside its id and times: the same for many. Codes are the network's."""

    requester: str
    provider: str
    affair: str
    procedure: str
    item: str
    row: str | None
    outcome: int
    """warifu.exchange.v1.Outcome."""

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """The codes of what is kept."""
        return cls(*_parts(kept))


_parts: Final = attrgetter(*Codes._fields)


class Entry(NamedTuple):
    """One exchange as it was delivered. Times are simulated, in milliseconds."""

    request_id: str
    requested_at: int
    answered_at: int | None
    codes: Codes

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """The entry of what is kept."""
        return cls(kept.request_id, kept.requested_at, kept.answered_at, Codes.of(kept))

    @property
    def position(self) -> Position:
        """Its place in the history."""
        return Position(self.requested_at, self.request_id)

    @property
    def requester(self) -> str:
        """See `Codes`."""
        return self.codes.requester

    @property
    def provider(self) -> str:
        """See `Codes`."""
        return self.codes.provider

    @property
    def affair(self) -> str:
        """See `Codes`."""
        return self.codes.affair

    @property
    def procedure(self) -> str:
        """See `Codes`."""
        return self.codes.procedure

    @property
    def item(self) -> str:
        """See `Codes`."""
        return self.codes.item

    @property
    def row(self) -> str | None:
        """See `Codes`."""
        return self.codes.row

    @property
    def outcome_name(self) -> str:
        """ANSWERED, DENIED, ERROR or EXPIRED."""
        return _OUTCOMES[self.codes.outcome]


class Page(NamedTuple):
    """Some entries, newest first, and where to go on."""

    entries: Sequence[Entry]
    older: Position | None
    """Pass as `before` for the page of older entries; None at the end."""
    newer: Position | None
    """Pass as `after` for the page of newer entries; None at the beginning."""
    cut: bool = False
    """The page is shorter than it may be, since many entries were looked at that do not fit; it goes on all the same."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What proves one entry."""

    request_id: str
    records: tuple[bytes, bytes]
    """Serialised CommittedRecord of request and outcome."""
    leaves: tuple[int, int] | None
    """Their places in the log; None while not known."""
    corrections: Sequence[Correction] = ()
    """What institutions said since is wrong in them."""


@dataclass(frozen=True, slots=True)
class Whole:
    """One entry with what its page shows of it."""

    entry: Entry
    records: tuple[bytes, bytes]
    """Serialised CommittedRecord of request and outcome."""
    corrections: Sequence[Correction]
