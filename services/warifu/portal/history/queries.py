"""Reading a person's entries: newest first, a page at a time, by position and never by count.

A page begins where the one before ended (keyset paging), so its cost does not grow with the history, entries that arrive meanwhile
shift nothing, and no number is ever computed that could tell how many entries there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select, tuple_

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.months import Month, month_at
from warifu.kernel.store import Store
from warifu.portal.kept import COLUMNS, Kept, Seals
from warifu.portal.login.proof import ProofError, decode, encode
from warifu.portal.schema import entries

PAGE_SIZE: Final = 20
MOST_A_PAGE: Final = 100
_TIME_SIZE: Final = 8
_ID_SIZE: Final = 36


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange as it was delivered. Codes are the network's; times are simulated, in milliseconds."""

    request_id: str
    requested_at: int
    answered_at: int | None
    requester: str
    provider: str
    affair: str
    procedure: str
    item: str
    row: str | None
    outcome: int
    """warifu.exchange.v1.Outcome."""

    @property
    def position(self) -> Position:
        """Its place in the history."""
        return Position(self.requested_at, self.request_id)

    @property
    def outcome_name(self) -> str:
        """ANSWERED, DENIED, ERROR or EXPIRED."""
        return exchange_pb2.Outcome.Name(self.outcome).removeprefix("OUTCOME_")  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first, and where to go on."""

    entries: Sequence[Entry]
    older: Position | None
    """Pass as `before` for the page of older entries; None at the end."""
    newer: Position | None
    """Pass as `after` for the page of newer entries; None at the beginning."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What proves one entry."""

    request_id: str
    records: tuple[bytes, bytes]
    """Serialised CommittedRecord of request and outcome."""
    leaves: tuple[int, int] | None
    """Their places in the log; None while not known."""


_KEY: Final = tuple_(entries.c.requested_at, entries.c.request_id)
_MARK: Final = tuple_(bindparam("time"), bindparam("id"))
_OWN: Final = (
    select(*COLUMNS)
    .where(entries.c.month == bindparam("month"), entries.c.holder == bindparam("holder"))
    .limit(bindparam("limit"))
)
_DESCENDING: Final = (entries.c.requested_at.desc(), entries.c.request_id.desc())
_NEWEST: Final = _OWN.order_by(*_DESCENDING)
_OLDER: Final = _OWN.where(_KEY < _MARK).order_by(*_DESCENDING)
_NEWER: Final = _OWN.where(_KEY > _MARK).order_by(entries.c.requested_at, entries.c.request_id)
_FIRST_MONTH: Final = select(func.min(entries.c.month))
_LAST_MONTH: Final = select(func.max(entries.c.month))
_THESE: Final = select(*COLUMNS).where(entries.c.request_id.in_(bindparam("request_ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class History:
    """The entries of one portal. Every read names the codes whose entries may be seen."""

    store: Store
    seals: Seals

    def page(
        self,
        subjects: Sequence[bytes],
        *,
        before: Position | None = None,
        after: Position | None = None,
        size: int = PAGE_SIZE,
    ) -> Page:
        """A page of the union over `subjects`: the newest, or those `before` or `after` a position."""
        if after is not None:
            return self._newer(subjects, after, size)
        found = self._run(_NEWEST if before is None else _OLDER, subjects, before, size + 1)
        shown = found[:size]
        return Page(
            shown,
            older=shown[-1].position if len(found) > size else None,
            newer=shown[0].position if shown and before is not None else None,
        )

    def _newer(self, subjects: Sequence[bytes], after: Position, size: int) -> Page:
        found = self._run(_NEWER, subjects, after, size + 1)
        shown = found[:size][::-1]
        if not shown:
            return self.page(subjects, size=size)
        return Page(shown, older=shown[-1].position, newer=shown[0].position if len(found) > size else None)

    def one(self, subjects: Sequence[bytes], request_id: str) -> tuple[Entry, Sequence[bytes]] | None:
        """The entry with its two committed records; None when there is none, also when it is another person's."""
        found = self._these(subjects, [request_id])
        return (_entry(found[0]), (found[0].request_record, found[0].outcome_record)) if found else None

    def placed(self, subjects: Sequence[bytes], request_ids: Sequence[str]) -> list[Placed]:
        """What proves these entries, in no order; those that are missing, or another person's, are left out."""
        return [
            Placed(
                kept.request_id,
                (kept.request_record, kept.outcome_record),
                None
                if kept.request_leaf is None or kept.outcome_leaf is None
                else (kept.request_leaf, kept.outcome_leaf),
            )
            for kept in self._these(subjects, request_ids)
        ]

    def _these(self, subjects: Sequence[bytes], request_ids: Sequence[str]) -> list[Kept]:
        rows = self.store.read(lambda c: c.execute(_THESE, {"request_ids": list(request_ids)}).all())
        return [kept for kept in map(self.seals.opened, rows) if kept.subject in subjects]

    def _run(self, statement: Select[Any], subjects: Sequence[bytes], mark: Position | None, limit: int) -> list[Entry]:
        """One short run a code, merged: each is in order already, and nearly everyone has one code."""
        runs = [
            self.store.read(lambda c, own=subject: self._months(c, statement, own, mark, limit))  # type: ignore[misc]
            for subject in subjects
        ]
        if len(runs) == 1:
            return runs[0]
        order: Callable[[Entry], Position] = lambda entry: entry.position  # noqa: E731 - a typed key
        return list(islice(heapq.merge(*runs, key=order, reverse=statement is not _NEWER), limit))

    def _months(
        self, connection: Connection, statement: Select[Any], subject: bytes, mark: Position | None, limit: int
    ) -> list[Entry]:
        """Month after month, away from the mark, until the run is long enough: a person is another tag in each."""
        marked = {"time": mark.requested_at, "id": mark.request_id} if mark is not None else {}
        found: list[Entry] = []
        for month in self._reach(connection, mark, forward=statement is _NEWER):
            values = {"month": month, "holder": self.seals.holder(month, subject), "limit": limit - len(found)}
            rows = connection.execute(statement, {**values, **marked}).all()
            found += [_entry(self.seals.opened(row)) for row in rows]
            if len(found) == limit:
                break
        return found

    def _reach(self, connection: Connection, mark: Position | None, *, forward: bool) -> Iterable[Month]:
        """The months with entries of anybody, from the mark on in the direction of reading."""
        first, last = connection.execute(_FIRST_MONTH).scalar(), connection.execute(_LAST_MONTH).scalar()
        if first is None or last is None:
            return ()
        first = max(first, self.seals.vault.first)
        here = month_at(mark.requested_at) if mark is not None else last
        return range(max(here, first), last + 1) if forward else range(min(here, last), first - 1, -1)


def _entry(kept: Kept) -> Entry:
    return Entry(**{field.name: getattr(kept, field.name) for field in fields(Entry)})
