"""Takes over original data in bulk: many people at once, each with all that there is to record of them.

People who are new here and of whom nothing is unusual, all but a few, are written together: a row a person or change, one transaction, one
errand a person for all copies. Everybody else goes the way of single changes (`warifu.agencies.record`), as does everybody when the
transaction finds that somebody else was quicker. Both ways check the same and leave the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from warifu.agencies import errands, ledger, subjects
from warifu.agencies.deliver import Delivery
from warifu.agencies.errands import Errand
from warifu.agencies.kind import Case, Office, Original, Records, item_content
from warifu.agencies.ledger import Row
from warifu.agencies.office import Business
from warifu.agencies.record import BATCH, Recording
from warifu.agencies.schema import CHANGE, ORIGINAL
from warifu.agency.v1 import agency_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel import basic_items
from warifu.kernel.bulk import Bulk
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import BULK, ID, check_items, check_text

_ADD_ORIGINAL: Final = Bulk(
    ORIGINAL,
    *("addressee_no", "record_key", "content", "first_day", "last_day", "published_from", "revision", "recorded_at"),
)
_ADD_CHANGE: Final = Bulk(CHANGE, "reference", "digest", "addressee_no", "record_key", "content", "recorded_at")


class _KnownError(Exception):
    """One of those who were new is not any more."""


@dataclass(slots=True)
class _Newcomer:
    """One person who may be new here, worked out as far as that needs no data."""

    person: agency_pb2.PersonRecords
    digest: bytes
    originals: dict[str, Row]
    changes: list[tuple[str, bytes, str, bytes]]
    """Reference, digest, record key, content."""
    told: list[tuple[Errand, bytes]]
    single: agency_pb2.RecordRequest
    """Filled with one change after the other, as if each had come alone: by its digest it is known again, whichever way it comes."""
    standing: dict[str, Original] = field(default_factory=dict)
    number: str = ""


@dataclass(slots=True)
class _Page:
    """What one call comes to."""

    newcomers: list[_Newcomer] = field(default_factory=list)
    others: list[agency_pb2.PersonRecords] = field(default_factory=list)


class Takeover:
    """For one business system."""

    def __init__(self, business: Business, recording: Recording, delivery: Delivery) -> None:
        self._business, self._recording, self._delivery = business, recording, delivery

    async def take(self, request: agency_pb2.RecordManyRequest) -> agency_pb2.RecordManyResponse:
        """Record what can be recorded. What is told as failed is as `Recording.record` would tell it.

        Raises:
            LinkageError: CLIENT_TOO_MANY_ITEMS, CLIENT_MALFORMED without people.
        """
        check_items(request.people, "people", BULK)
        page = self._sorted(request.people)
        failures: list[agency_pb2.RecordResponse] = []
        if page.newcomers:
            try:
                failures += await self._take(page.newcomers)
            except (
                IntegrityError
            ):  # a reference was used before, or somebody became known in the meantime: one by one, then
                page.others = list(request.people)
        singles = list(self._singles(page.others))
        for start in range(0, len(singles), BATCH):
            responses = await self._recording.record(singles[start : start + BATCH])
            failures += [response for response in responses if response.HasField("error")]
        count = sum(len(person.changes) for person in request.people)
        return agency_pb2.RecordManyResponse(recorded=count - len(failures), failures=failures)

    def _sorted(self, people: Sequence[agency_pb2.PersonRecords]) -> _Page:
        """Newcomers, and whoever goes the way of single changes."""
        office, records = self._business.office(), self._business.kind.table.records
        if records is None:
            return _Page(others=list(people))
        tried = [(person, self._newcomer(office, records, person)) for person in people]
        digests = Counter(one.digest for _, one in tried if one is not None)
        known = self._business.store.read(lambda connection: subjects.by_items(connection, digests))
        page = _Page()
        for person, one in tried:
            if one is None or one.digest in known or digests[one.digest] > 1:
                page.others.append(person)
            else:
                page.newcomers.append(one)
        return page

    def _newcomer(self, office: Office, records: Records, person: agency_pb2.PersonRecords) -> _Newcomer | None:
        """None for whoever is not as plain as can be: what is wrong, or how it is to be understood, is for the other way to say."""
        try:
            digest = basic_items.digest(basic_items.require(person.basic_items))
            single = agency_pb2.RecordRequest(institution=office.institution, basic_items=person.basic_items)
            one = _Newcomer(person, digest, {}, [], [], single)
            for change in person.changes:
                if not self._keep(office, records, one, change):
                    return None
        except LinkageError:
            return None
        return one if one.changes else None

    def _keep(self, office: Office, records: Records, one: _Newcomer, recorded: agency_pb2.RecordedChange) -> bool:
        kind, change, items = self._business.kind, recorded.change, one.person.basic_items
        check_text(recorded.reference, "reference", ID)
        if change.WhichOneof("change") != records.branch or kind.new_items(change) is not None:
            return False
        assert kind.keep is not None  # with records comes what keeps them
        case = Case(office, items, one.standing)
        kept = kind.keep(change, case)
        if kept.record_key in one.originals:
            return False
        published = kept.published_from
        if recorded.HasField("published_from"):
            basic_items.parse_day(recorded.published_from, "published_from")
            published = recorded.published_from
        original = Original(kept.record_key, item_content(kept, records), kept.first_day, kept.last_day)
        one.told += ledger.told_of(items, kind.notices(change, case))
        one.originals[kept.record_key] = Row(original, published, 1, stored=False)
        one.standing[kept.record_key] = original
        _fill(one.single, recorded)
        digest = sha256(one.single.SerializeToString(deterministic=True)).digest()
        one.changes.append((recorded.reference, digest, kept.record_key, change.SerializeToString()))
        return True

    async def _take(self, newcomers: list[_Newcomer]) -> list[agency_pb2.RecordResponse]:
        business, records = self._business, self._business.kind.table.records
        assert records is not None
        at, office = milliseconds(business.clock.network()), business.office()
        numbers = business.store.read(
            lambda connection: subjects.numbers_together(connection, business.ids, office.institution, len(newcomers))
        )
        for one, number in zip(newcomers, numbers, strict=True):
            one.number = number
        newcomers.sort(key=lambda one: one.number)
        copies = {one.number: _copies(office, records, one) for one in newcomers}
        async with business.turn:  # else the job that catches up would begin to deliver the same
            await business.store.write(lambda connection: _write(connection, newcomers, at))
            failed = await self._delivery.deliver_now(numbers, copies)
        return [
            agency_pb2.RecordResponse(reference=reference, addressee_no=one.number, error=failed[one.number].failure())
            for one in newcomers
            if one.number in failed
            for reference, *_ in one.changes
        ]

    def _singles(self, people: Sequence[agency_pb2.PersonRecords]) -> Iterator[agency_pb2.RecordRequest]:
        for person in people:
            for recorded in person.changes:
                single = agency_pb2.RecordRequest(
                    institution=self._business.institution, basic_items=person.basic_items
                )
                _fill(single, recorded)
                yield single


def _fill(single: agency_pb2.RecordRequest, recorded: agency_pb2.RecordedChange) -> None:
    single.reference = recorded.reference
    single.change.CopyFrom(recorded.change)
    single.ClearField("published_from")
    if recorded.HasField("published_from"):
        single.published_from = recorded.published_from


def _copies(office: Office, records: Records, one: _Newcomer) -> list[interim_pb2.RegisterCopiesRequest]:
    return [ledger.copy_of(office, records, one.number, row) for row in one.originals.values()]


def _write(connection: Connection, newcomers: Sequence[_Newcomer], at: int) -> None:
    """Runs in the store's transaction."""
    if subjects.by_items(connection, [one.digest for one in newcomers]):
        raise _KnownError
    rows: list[dict[str, Any]] = []
    originals, changes, owed = [], [], []
    for one in newcomers:
        items = one.person.basic_items
        rows.append({"addressee_no": one.number, "known_at": at, **subjects.row_of(items, one.digest)})
        for key, row in one.originals.items():
            original = row.original
            content = original.content.SerializeToString()
            days = (original.first_day, original.last_day, row.published_from)
            originals.append((one.number, key, content, *days, row.revision, at))
        changes += [
            (reference, digest, one.number, key, content, at) for reference, digest, key, content in one.changes
        ]
        owed += [(one.number, *told) for told in one.told]
    subjects.add(connection, rows)
    _ADD_ORIGINAL.add(connection, originals)
    _ADD_CHANGE.add(connection, changes)
    errands.owe_copies(connection, [one.number for one in newcomers])
    errands.owe(connection, owed)
