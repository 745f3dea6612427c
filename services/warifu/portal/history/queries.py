"""Reading a person's entries: newest first, a page at a time, by position and never by count.

A page begins where the one before ended (keyset paging), so its cost does not grow with the history, entries that arrive meanwhile
shift nothing, and no number is ever computed that could tell how many entries there are. A filter finds its entries by their marks; a
second condition by opening what the first found, at most LOOKED entries a page, which then ends early and says where to go on.

A person is another tag in each month. Without a filter one statement looks into all months that may hold anything of theirs (`holds`): most
people's entries are few, and then that was all. Of a person with many it is month after month.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, TextClause, bindparam, select, text, tuple_

from warifu.kernel.bulk import padded
from warifu.kernel.months import Month, month_at
from warifu.kernel.ready import Ready
from warifu.kernel.store import Store
from warifu.kernel.vault import ErasedError
from warifu.portal.history import corrections, holds, lines, marks
from warifu.portal.history.corrections import Correction
from warifu.portal.history.entries import Entry, Page, Placed, Position, Whole
from warifu.portal.history.filters import EVERYTHING, Filter
from warifu.portal.history.schema import lines as listed
from warifu.portal.history.schema import marks as marked
from warifu.portal.kept import COLUMNS, Kept, Seals
from warifu.portal.schema import entries

__all__ = ["MOST_A_PAGE", "PAGE_SIZE", "Entry", "History", "Page", "Placed", "Position"]

PAGE_SIZE: Final = 20
MOST_A_PAGE: Final = 100
LOOKED: Final = 1_000
"""Entries that one page looks at, at most, where a filter has several conditions."""
_STEP: Final = 100
_FEW: Final = 4
"""Times what a page has: a person who has no more entries than that is read in one statement, and those beyond the page for nothing."""
_EXACTLY: Final = 16
"""Months for whose numbers there are statements of as many parts; for more there are few statements, with parts that are over."""
_NOWHERE: Final = (-1, b"")
"""Stands where a statement has room for more months than are asked for."""


_LINE: Final = tuple(listed.c[name] for name in lines.TOLD)


def _older(columns: Sequence[Any], table: Any, key: str) -> Select[Any]:
    """Rows of one month and `key` before a mark, newest first."""
    time, request_id = table.c.requested_at, table.c.request_id
    return (
        select(*columns)
        .where(table.c.month == bindparam("month"), table.c[key] == bindparam("key"))
        .where(tuple_(time, request_id) < tuple_(bindparam("time"), bindparam("id")), time >= bindparam("first"))
        .order_by(time.desc(), request_id.desc())
        .limit(bindparam("limit"))
    )


def _newer(columns: Sequence[Any], table: Any, key: str) -> Select[Any]:
    """Rows of one month and `key` after a mark, oldest first."""
    time, request_id = table.c.requested_at, table.c.request_id
    return (
        select(*columns)
        .where(table.c.month == bindparam("month"), table.c[key] == bindparam("key"))
        .where(tuple_(time, request_id) > tuple_(bindparam("time"), bindparam("id")), time < bindparam("end"))
        .order_by(time, request_id)
        .limit(bindparam("limit"))
    )


_LINES: Final = {True: _newer(_LINE, listed, "holder"), False: _older(_LINE, listed, "holder")}
"""By direction: whether to newer ones."""
_MARKED: Final = {
    True: _newer([marked.c.request_id], marked, "mark"),
    False: _older([marked.c.request_id], marked, "mark"),
}
_THESE: Final = select(*COLUMNS).where(entries.c.request_id.in_(bindparam("request_ids", expanding=True)))


@cache
def _held_in(count: int, *, marked: bool) -> TextClause:
    """Which of `count` pairs of month and key have rows: as many seeks in an index, in one statement."""
    table, key = ("entry_marks", "mark") if marked else ("entry_lines", "holder")
    asked = ", ".join(f"(:m{place}, :k{place})" for place in range(count))
    return text(
        f"WITH asked(month, wanted) AS (VALUES {asked}) SELECT month FROM asked"
        f" WHERE EXISTS (SELECT 1 FROM {table} WHERE {table}.month = asked.month AND {table}.{key} = asked.wanted)"
    )


@cache
def _names(count: int) -> Sequence[str]:
    """Of the values of such a statement, in the order of the pairs."""
    return [f"{name}{place}" for place in range(count) for name in "mk"]


@cache
def _few(count: int, *, forward: bool, bounded: bool) -> Ready:
    """A person's lines of `count` pairs of month and key: as many seeks in one statement, on SQLite by one cursor; in no order.

    Values: month and key of each pair; where it is `bounded` time and id of the mark and the bound of the period; then how many at most.
    """
    bounds, more = "", []
    if bounded:
        bounds = (
            " AND (requested_at, request_id) > (:time, :id) AND requested_at < :bound"
            if forward
            else " AND (requested_at, request_id) < (:time, :id) AND requested_at >= :bound"
        )
        more = ["time", "id", "bound"]
    columns = ", ".join(lines.TOLD)
    asked = ", ".join(f"(:m{place}, :k{place})" for place in range(count))
    # Of CROSS JOIN SQLite keeps the order. PostgreSQL would rather read every partition through, so there it is a part for each.
    joined = (
        f"FROM (VALUES {asked}) AS asked CROSS JOIN entry_lines WHERE month = asked.column1 AND holder = asked.column2"
    )
    parts = [
        f"SELECT {columns} FROM entry_lines WHERE month = :m{place} AND holder = :k{place}{bounds}"
        for place in range(count)
    ]
    return Ready(
        text(f"SELECT {columns} {joined}{bounds} LIMIT :most"),
        *_names(count),
        *more,
        "most",
        elsewhere=text(f"{' UNION ALL '.join(parts)} LIMIT :most"),
    )


def _values(pairs: Sequence[tuple[Month, bytes]]) -> dict[str, Any]:
    """The values of pairs of month and key."""
    return dict(zip(_names(len(pairs)), chain.from_iterable(pairs), strict=True))


_Whose = Callable[[Connection], Sequence[tuple[bytes, list[Month]]]]
"""Looks up codes, each with the months that may have entries about it, newest first."""
_Found = tuple[list[Entry], Position | None]
"""Entries in the direction of reading, and where it stopped short."""


class _Way(NamedTuple):
    """One reading: what is wanted, from where, in which direction, how many at most."""

    wanted: Filter
    mark: Position | None
    forward: bool
    limit: int

    @property
    def bounded(self) -> bool:
        """It is not simply the person's newest, or oldest, of all."""
        wanted = self.wanted
        return self.mark is not None or (
            wanted is not EVERYTHING and (wanted.first is not None or wanted.last is not None)
        )

    @property
    def begin(self) -> Position:
        """Exclusive: the mark, or the bound of the period where that comes first in the direction of reading."""
        first, end = self.wanted.period
        bound = Position(first if self.forward else end, "")
        if self.mark is None:
            return bound
        return max(self.mark, bound) if self.forward else min(self.mark, bound)


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
        wanted: Filter = EVERYTHING,
    ) -> Page:
        """A page of the union over `subjects`: the newest, or those `before` or `after` a position."""
        vault = self.seals.vault
        return self._page(
            lambda c: [(own, holds.months(c, vault, own)) for own in subjects], before, after, size, wanted
        )

    def page_of(
        self, whose: str | holds.Rows, before: Position | None, after: Position | None, size: int, wanted: Filter
    ) -> Page:
        """The same of all codes of a person: of an account, or as `holds` tells them, which was asked before."""
        vault = self.seals.vault
        return self._page(lambda c: holds.months_of(c, vault, whose), before, after, size, wanted)

    def _page(self, whose: _Whose, before: Position | None, after: Position | None, size: int, wanted: Filter) -> Page:
        if after is not None:
            return self._newer(whose, after, size, wanted)
        found, cut = self._read(whose, _Way(wanted, before, False, size + 1))
        shown = found[:size]
        last = shown[-1].position if len(found) > size else cut
        newer = (shown[0].position if shown else before) if before is not None else None
        return Page(shown, last, newer if shown or cut else None, cut is not None)

    def _newer(self, whose: _Whose, after: Position, size: int, wanted: Filter) -> Page:
        found, cut = self._read(whose, _Way(wanted, after, forward=True, limit=size + 1))
        shown = found[:size][::-1]
        if not shown and cut is None:
            return self._page(whose, None, None, size, wanted)
        newest = shown[0].position if len(found) > size else cut
        return Page(shown, shown[-1].position if shown else after, newest, cut=cut is not None)

    def one(self, subjects: Sequence[bytes], request_id: str) -> Whole | None:
        """The entry with its records and corrections; None when there is none, also when it is another person's."""
        found = self._these(subjects, [request_id])
        if not found:
            return None
        kept = found[0]
        return Whole(Entry.of(kept), (kept.request_record, kept.outcome_record), self._corrections([request_id]))

    def placed(self, subjects: Sequence[bytes], request_ids: Sequence[str]) -> list[Placed]:
        """What proves these entries, in no order; those that are missing, or another person's, are left out."""
        found = self._these(subjects, request_ids)
        corrected = self._corrections([kept.request_id for kept in found])
        return [
            Placed(
                kept.request_id,
                (kept.request_record, kept.outcome_record),
                None
                if kept.request_leaf is None or kept.outcome_leaf is None
                else (kept.request_leaf, kept.outcome_leaf),
                [one for one in corrected if one.request_id == kept.request_id],
            )
            for kept in found
        ]

    def corrected(self, request_ids: Sequence[str]) -> frozenset[str]:
        """Which of these entries, of whomever, have corrections."""
        return frozenset(one.request_id for one in self._corrections(request_ids))

    async def learn(self, subjects: Sequence[bytes]) -> None:
        """Keep in which months these codes have entries, where that is not known or there may be more: at their holder's login."""
        for subject in subjects:
            await self._learn(subject)

    async def _learn(self, subject: bytes) -> None:
        vault = self.seals.vault
        if self.store.read(lambda c: holds.is_behind(c, vault, subject)):
            arrived, held = self.store.read(lambda c: self._look(c, subject))
            with suppress(ErasedError):  # in this very moment: the next login sees to it
                await self.store.write(lambda c: holds.keep(c, vault, subject, held, arrived))

    def _look(self, connection: Connection, subject: bytes) -> tuple[int, Sequence[Month]]:
        """How far entries had arrived, and the months in which the code then had any."""
        arrived = holds.arrived(connection)
        way = _Way(EVERYTHING, None, forward=False, limit=1)
        keys = self._keys(holds.months(connection, self.seals.vault, subject), subject)
        return arrived, [month for month, _ in self._held(connection, keys, way)]

    def _these(self, subjects: Sequence[bytes], request_ids: Sequence[str]) -> list[Kept]:
        rows = self.store.read(lambda c: c.execute(_THESE, {"request_ids": list(request_ids)}).all())
        return [kept for kept in map(self.seals.opened, rows) if kept.subject in subjects]

    def _corrections(self, request_ids: Sequence[str]) -> list[Correction]:
        return self.store.read(lambda c: corrections.of(c, self.seals.vault, request_ids)) if request_ids else []

    def _read(self, whose: _Whose, way: _Way) -> _Found:
        """One short run a code, merged: each is in order already, and nearly everyone has one code."""
        runs = self.store.read(lambda c: [self._run(c, subject, held, way) for subject, held in whose(c)])
        if len(runs) == 1:
            return runs[0]
        order: Callable[[Entry], Position] = lambda entry: entry.position  # noqa: E731 - a typed key
        found = list(heapq.merge(*(run for run, _ in runs), key=order, reverse=not way.forward))[: way.limit]
        cuts = [cut for _, cut in runs if cut is not None]
        if not cuts:
            return found, None
        # Beyond the nearest of the places where a run stopped short, others may be missing.
        cut = min(cuts) if way.forward else max(cuts)
        sure = [entry for entry in found if (entry.position <= cut if way.forward else entry.position >= cut)]
        return (sure, None) if len(sure) == way.limit else (sure, cut)

    def _run(self, connection: Connection, subject: bytes, held: list[Month], way: _Way) -> _Found:
        """All at once where there is no filter and the person has few entries; otherwise month after month."""
        reach = self._reach(held, way) if way.bounded or way.forward else held
        if way.wanted is not EVERYTHING and (by_mark := way.wanted.marked) is not None:
            vault = self.seals.vault
            keys = [(month, marks.mark(vault, month, subject, *by_mark)) for month in reach]
            return self._walk(connection, keys, way)
        keys = self._keys(reach, subject)
        found = self._at_once(connection, keys, way) if keys else []
        return self._walk(connection, keys, way) if found is None else (found, None)

    def _keys(self, months: Sequence[Month], subject: bytes) -> list[tuple[Month, bytes]]:
        return list(zip(months, self.seals.holders(months, subject), strict=True))

    def _at_once(self, connection: Connection, keys: Sequence[tuple[Month, bytes]], way: _Way) -> list[Entry] | None:
        """The run; None when there is more than is read at once."""
        # Of each number of months up to a page's usual a form of its own; beyond, as few forms as `padded` makes.
        asked = keys if len(keys) <= _EXACTLY else [*keys, *[_NOWHERE] * (len(padded(keys)) - len(keys))]
        limit = way.limit
        bounded, most = way.bounded, _FEW * limit
        values: list[Any] = [*chain.from_iterable(asked)]
        if bounded:
            begin, (first, end) = way.begin, way.wanted.period
            values += begin.requested_at, begin.request_id, end if way.forward else first
        values.append(most)
        rows = _few(len(asked), forward=way.forward, bounded=bounded).rows(connection, values)
        if len(rows) == most:
            return None
        rows = sorted(rows, key=_when, reverse=not way.forward)[:limit]
        return lines.opened(self.seals.vault, dict(keys), rows)

    def _walk(self, connection: Connection, keys: Sequence[tuple[Month, bytes]], way: _Way) -> _Found:
        """Month after month, away from the mark, until the run is long enough."""
        found: list[Entry] = []
        mark, looked = way.begin, 0
        for month, key in self._held(connection, keys, way):
            for entry in self._month(connection, month, key, way, mark):
                mark, looked = entry.position, looked + 1
                if way.wanted.fits(entry):
                    found.append(entry)
                if len(found) == way.limit:
                    return found, None
                if looked >= max(LOOKED, way.limit):
                    return found, mark
        return found, None

    def _held(
        self, connection: Connection, keys: Sequence[tuple[Month, bytes]], way: _Way
    ) -> Sequence[tuple[Month, bytes]]:
        """Of the months those with anything that is wanted: one look for all of them."""
        if len(keys) <= 1:
            return keys
        asked = padded(keys)
        statement = _held_in(len(asked), marked=way.wanted.marked is not None)
        held = set(connection.execute(statement, _values(asked)).scalars())
        return [(month, key) for month, key in keys if month in held]

    def _month(self, connection: Connection, month: Month, key: bytes, way: _Way, mark: Position) -> Iterator[Entry]:
        """The entries of a month that its marks point to, in steps."""
        by_mark = way.wanted.marked
        first, end = way.wanted.period
        values: dict[str, Any] = {"month": month, "key": key, "limit": min(way.limit, _STEP)}
        values |= {"end": end} if way.forward else {"first": first}
        while True:
            at = {"time": mark.requested_at, "id": mark.request_id}
            if by_mark:
                picked = connection.execute(_MARKED[way.forward], {**values, **at}).scalars().all()
                rows = connection.execute(_THESE, {"request_ids": picked}).all() if picked else []
                found = [Entry.of(self.seals.opened(row)) for row in rows]
            else:
                told = connection.execute(_LINES[way.forward], {**values, **at}).all()
                found = lines.opened(self.seals.vault, {month: key}, told)
            step = sorted(found, key=_place, reverse=not way.forward)
            yield from step
            if len(step) < values["limit"]:
                return
            mark = step[-1].position

    def _reach(self, held: list[Month], way: _Way) -> Sequence[Month]:
        """Of the months, newest first, those from the mark on in the direction of reading, within the period."""
        begin, end = way.wanted.period
        first = month_at(begin) if way.wanted.first else None
        last = month_at(end - 1) if way.wanted.last else None
        if way.mark is not None:
            here = month_at(way.mark.requested_at)
            if way.forward:
                first = here if first is None else max(first, here)
            else:
                last = here if last is None else min(last, here)
        held = [month for month in held if (first is None or month >= first) and (last is None or month <= last)]
        return held[::-1] if way.forward else held


_when: Final = itemgetter(1, 2)
"""Of a line's row: time and id, by which it has its place."""


def _place(entry: Entry) -> Position:
    return entry.position
