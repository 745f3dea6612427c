"""What each institution's copies (副本) say on a day: the population's original data, registered at the network's beginning, and aged since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from warifu.agencies.kind import Case, Kind, Office, Original, find, item_content, reached
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2
from warifu.law import Institution, LawBook
from warifu.simulator.population import CLOCK_START

ALWAYS: Final = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class Held:
    """One copy of one person at one institution."""

    record_key: str
    layout_version: str
    published_from: date | None
    """First day on which it may be provided; None for at once."""
    about: tuple[date, date]
    """First and last day that it is about."""
    content: items_pb2.ItemContent


@dataclass(slots=True)
class Holdings:
    """Everything one institution took over when the network began, by person and record key."""

    institution: Institution
    kind: Kind
    born: dict[str, date] = field(default_factory=dict)
    """Everybody known here, by handle."""
    _originals: dict[str, dict[str, tuple[Original, str | None]]] = field(default_factory=dict)

    @classmethod
    def of(cls, institution: Institution, people: Sequence[agency_pb2.PersonRecords]) -> Holdings:
        """What `people`, as the launcher tells them to the institution, leave there."""
        made = cls(institution, find(institution.kind))
        for person in people:
            made._take(person)
        return made

    def _take(self, person: agency_pb2.PersonRecords) -> None:
        handle = person.changes[0].reference.partition("/")[0]
        self.born[handle] = date.fromisoformat(person.basic_items.birth_date)
        for recorded in person.changes:
            original, published = self._kept(handle, person.basic_items, recorded.change)
            if recorded.HasField("published_from"):
                published = recorded.published_from
            self._originals.setdefault(handle, {})[original.record_key] = (original, published)

    def _kept(
        self, handle: str, items: common_pb2.BasicItems, change: agency_pb2.Change
    ) -> tuple[Original, str | None]:
        """The record as the kind's own rules make it."""
        records, keep = self.kind.table.records, self.kind.keep
        assert records is not None  # only institutions that keep records are told any
        assert keep is not None
        standing = {key: original for key, (original, _) in self._originals.get(handle, {}).items()}
        kept = keep(change, Case(self.office(CLOCK_START), items, standing))
        original = Original(kept.record_key, item_content(kept, records), kept.first_day, kept.last_day)
        return original, kept.published_from

    def office(self, today: date) -> Office:
        """The institution on a day, as its kind's rules see it."""
        one = self.institution
        return Office(one.code, one.role.code, one.operator.lg_code, one.insurer_number, today)

    @property
    def item(self) -> str | None:
        """Code of the item of which copies are kept here."""
        return self.kind.table.records.item if self.kind.table.records else None

    def copies(self, handle: str, day: date) -> Sequence[Held]:
        """A person's copies as they stand on `day`, in the order of their keys; nothing for who is not known here."""
        originals = self._originals.get(handle, {})
        return [self._held(handle, *originals[key], day) for key in sorted(originals)]

    def _held(self, handle: str, original: Original, published: str | None, day: date) -> Held:
        records = self.kind.table.records
        assert records is not None  # there are originals
        original = self._aged(handle, original, day)
        about = (_day(original.first_day) or ALWAYS[0], _day(original.last_day) or ALWAYS[1])
        layout = records.layout(CLOCK_START)
        return Held(original.record_key, layout, _day(published), about, original.content)

    def _aged(self, handle: str, original: Original, day: date) -> Original:
        """Open records end with an age, as the law does by itself; the daily job has seen to it by `day`."""
        age, ended = self.kind.ages(self.office(day)), self.kind.ended
        if age is None or ended is None or original.last_day is not None:
            return original
        turned = reached(self.born[handle], age)
        if turned > day or self.kind.keep is None:
            return original
        items = common_pb2.BasicItems(birth_date=self.born[handle].isoformat())
        change = ended(original, turned)
        records = self.kind.table.records
        assert records is not None
        kept = self.kind.keep(change, Case(self.office(day), items, {original.record_key: original}))
        return replace(original, content=item_content(kept, records), last_day=kept.last_day)


def holdings(book: LawBook, told: Mapping[str, Sequence[agency_pb2.PersonRecords]]) -> Mapping[str, Holdings]:
    """By institution, also of those that were told nothing."""
    agencies = [one for one in book.institutions.values() if one.role.code != "portal"]
    return {one.code: Holdings.of(one, told.get(one.code, ())) for one in agencies}


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
