"""Filters of the history: what the reader wants to see. Kept in the address, so that every page of a filtered history is a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.instants import midnight
from warifu.portal.history import marks
from warifu.portal.history.entries import Entry

OUTCOMES: Final = ("ANSWERED", "DENIED", "EXPIRED", "ERROR")
_NAMES: Final = frozenset({"institution", "procedure", "outcome", "from", "to"})
_LONGEST: Final = 64
_YEARS: Final = range(1900, 3000)
"""Other days are typing errors, and some are no moments in Japan."""
_ALWAYS: Final = (-(2**62), 2**62)


@dataclass(frozen=True, slots=True)
class Filter:
    """Every condition that is set must hold."""

    institution: str | None = None
    """Code of an institution that asked or was asked."""
    procedure: str | None = None
    outcome: str | None = None
    """One of `OUTCOMES`."""
    first: date | None = None
    """First day of the request, Japan time."""
    last: date | None = None
    """Last day of the request, Japan time."""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filter:
        """The filter of an address; what is malformed there is not set."""
        if _NAMES.isdisjoint(query):
            return EVERYTHING
        outcome = _code(query, "outcome")
        return cls(
            _code(query, "institution"),
            _code(query, "procedure"),
            outcome if outcome in OUTCOMES else None,
            _day(query, "from"),
            _day(query, "to"),
        )

    @property
    def is_set(self) -> bool:
        """Something is left out."""
        return self != EVERYTHING

    @property
    def period(self) -> tuple[int, int]:
        """From which millisecond on, and up to which, a request counts."""
        begin = midnight(self.first) if self.first else _ALWAYS[0]
        return begin, midnight(self.last + timedelta(days=1)) if self.last else _ALWAYS[1]

    @property
    def marked(self) -> tuple[str, str] | None:
        """The condition by whose marks entries are found: the one that usually leaves most out; None without one."""
        if self.outcome not in {None, "ANSWERED"}:
            return self._by_outcome()
        if self.procedure is not None:
            return marks.PROCEDURE, self.procedure
        if self.institution is not None:
            return marks.INSTITUTION, self.institution
        return self._by_outcome()

    def _by_outcome(self) -> tuple[str, str] | None:
        if self.outcome is None:
            return None
        return marks.OUTCOME, str(exchange_pb2.Outcome.Value(f"OUTCOME_{self.outcome}"))

    def fits(self, entry: Entry) -> bool:
        """Whether the conditions beside the period hold of an entry."""
        return (
            self.institution in {None, entry.requester, entry.provider}
            and self.procedure in {None, entry.procedure}
            and self.outcome in {None, entry.outcome_name}
        )

    def query(self, **more: str) -> str:
        """The filter for an address, with `more`; begins with "?" unless empty."""
        said = {
            "institution": self.institution,
            "procedure": self.procedure,
            "outcome": self.outcome,
            "from": self.first.isoformat() if self.first else None,
            "to": self.last.isoformat() if self.last else None,
            **more,
        }
        text = urlencode({name: value for name, value in said.items() if value})
        return f"?{text}" if text else ""


EVERYTHING: Final = Filter()


def _code(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name, "").strip()
    return text if 0 < len(text) <= _LONGEST and text.isprintable() else None


def _day(query: Mapping[str, str], name: str) -> date | None:
    try:
        day = date.fromisoformat(query.get(name, "").strip())
    except ValueError:
        return None
    return day if day.year in _YEARS else None
