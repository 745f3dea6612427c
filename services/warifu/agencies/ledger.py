"""Writes changes of life into the original data (正本), with what is owed to others, in one transaction.

Each change is judged on the view that those before it in the batch left; one that is refused leaves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from warifu.agencies import errands, subjects
from warifu.agencies.errands import Errand
from warifu.agencies.kind import Case, Kept, Kind, Notices, Office, Original, Records, item_content
from warifu.agencies.schema import CHANGE, ORIGINAL
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_at
from warifu.kernel.limits import CODE, FREE_TEXT, ID, check_text, malformed
from warifu.numbering.v1 import numbering_pb2

_SEEN = select(CHANGE.c.reference, CHANGE.c.digest, CHANGE.c.addressee_no).where(
    CHANGE.c.reference.in_(bindparam("keys", expanding=True))
)
_ORIGINALS = select(ORIGINAL).where(ORIGINAL.c.addressee_no.in_(bindparam("keys", expanding=True)))
_RECORDED = (
    select(CHANGE.c.addressee_no, CHANGE.c.record_key, func.count().label("times"))
    .where(CHANGE.c.addressee_no.in_(bindparam("keys", expanding=True)), CHANGE.c.record_key.is_not(None))
    .group_by(CHANGE.c.addressee_no, CHANGE.c.record_key)
)
_ADD_ORIGINAL, _ADD_CHANGE = insert(ORIGINAL), insert(CHANGE)
_REMOVE_ORIGINAL = delete(ORIGINAL).where(
    ORIGINAL.c.addressee_no == bindparam("b_addressee_no"), ORIGINAL.c.record_key == bindparam("b_record_key")
)
_CHANGE_ORIGINAL = update(ORIGINAL).where(
    ORIGINAL.c.addressee_no == bindparam("b_addressee_no"), ORIGINAL.c.record_key == bindparam("b_record_key")
)

_COMMON = frozenset({"protection", "acquaintance"})
"""Branches of `Change` that every kind keeps."""


@dataclass(slots=True)
class Entry:
    """One request while it is worked on."""

    request: agency_pb2.RecordRequest
    spare: str = ""
    """An addressee number to use if the person is new here."""
    addressee_no: str = ""
    error: LinkageError | None = None
    digest: bytes = b""
    """Of the basic items, when they name the person."""

    @classmethod
    def read(cls, request: agency_pb2.RecordRequest, digests: dict[bytes, bytes]) -> Entry:
        """The request, checked as far as that needs no data. `digests` remembers items: a person comes with many changes in a row."""
        entry = cls(request)
        try:
            check_text(request.reference, "reference", ID)
            if request.WhichOneof("subject") == "basic_items":
                entry.digest = _digest(request.basic_items, digests)
            elif not request.addressee_no:
                raise malformed("subject", "missing")
            if request.HasField("published_from"):
                basic_items.parse_day(request.published_from, "published_from")
            branch = request.change.WhichOneof("change")
            if branch == "protection":
                check_text(request.change.protection.reason, "change.protection.reason", FREE_TEXT)
            elif branch == "withdrawal":
                check_text(request.change.withdrawal.record_key, "change.withdrawal.record_key", CODE)
                check_text(request.change.withdrawal.reason, "change.withdrawal.reason", FREE_TEXT)
        except LinkageError as error:
            entry.error = error
        return entry


def _digest(items: common_pb2.BasicItems, known: dict[bytes, bytes]) -> bytes:
    key = items.SerializeToString(deterministic=True)
    if key not in known:
        known[key] = basic_items.digest(basic_items.require(items))
    return known[key]


@dataclass(slots=True)
class _Subject:
    """An addressee as the batch left it so far."""

    addressee_no: str
    items: common_pb2.BasicItems
    digest: bytes
    originals: dict[str, Row]
    withdrawn: dict[str, Row] = field(default_factory=dict)
    """Records that were there before the batch and go with it, by key."""
    recorded: Mapping[str, int] = field(default_factory=dict)
    """By key of a record that is not there: how many changes there were of it, each of which may have had a record id."""
    new: bool = False
    changed_from: bytes | None = None
    """Digest before the items changed."""


@dataclass(slots=True)
class Row:
    """One original record as the batch left it so far."""

    original: Original
    published_from: str | None
    revision: int
    stored: bool
    """It was there before the batch."""
    touched: bool = False
    anew: bool = False
    """No copy was there before it: the first under its key, or the first after one that was withdrawn."""


@dataclass(slots=True)
class Page:
    """One transaction's view and what it will write."""

    kind: Kind
    office: Office
    at: int
    seen: dict[str, tuple[bytes, str]]
    by_digest: dict[bytes, set[str]]
    subjects: dict[str, _Subject]
    changes: list[dict[str, Any]] = field(default_factory=list)
    owed: list[tuple[str, Errand, bytes]] = field(default_factory=list)


def write(connection: Connection, kind: Kind, office: Office, at: int, entries: Sequence[Entry]) -> None:
    """Apply the entries in order; each then has its addressee number or its error."""
    page = _open(connection, kind, office, at, entries)
    for entry in entries:
        try:
            _apply(page, entry)
        except LinkageError as error:
            entry.error = error
    _close(connection, page)


def _open(connection: Connection, kind: Kind, office: Office, at: int, entries: Sequence[Entry]) -> Page:
    references = [entry.request.reference for entry in entries]
    seen = {row.reference: (row.digest, row.addressee_no) for row in subjects.in_chunks(connection, _SEEN, references)}
    by_digest = subjects.by_items(connection, {entry.digest for entry in entries if entry.digest})
    numbers = {number for found in by_digest.values() for number in found}
    numbers |= {entry.request.addressee_no for entry in entries if not entry.digest}
    originals, recorded = _originals_of(connection, numbers), _recorded(connection, numbers)
    known = {
        number: _Subject(
            number, subjects.items_of(row), row.digest, originals.get(number, {}), recorded=recorded.get(number, {})
        )
        for number, row in subjects.by_number(connection, numbers).items()
    }
    return Page(kind, office, at, seen, by_digest, known)


def _recorded(connection: Connection, numbers: Collection[str]) -> dict[str, dict[str, int]]:
    """How many changes there were of each record of these addressees, by number and key."""
    found: dict[str, dict[str, int]] = {}
    for row in subjects.in_chunks(connection, _RECORDED, list(numbers)):
        found.setdefault(row.addressee_no, {})[row.record_key] = row.times
    return found


def _originals_of(connection: Connection, numbers: Collection[str]) -> dict[str, dict[str, Row]]:
    """The records of these addressees as they stand, by key."""
    originals: dict[str, dict[str, Row]] = {}
    for row in subjects.in_chunks(connection, _ORIGINALS, list(numbers)):
        originals.setdefault(row.addressee_no, {})[row.record_key] = _stored(row)
    return originals


def _stored(row: Any) -> Row:
    content = items_pb2.ItemContent.FromString(row.content)
    original = Original(row.record_key, content, row.first_day, row.last_day)
    return Row(original, row.published_from, row.revision, stored=True)


def _apply(page: Page, entry: Entry) -> None:
    request = entry.request
    digest = sha256(request.SerializeToString(deterministic=True)).digest()
    if request.reference in page.seen:
        before, entry.addressee_no = page.seen[request.reference]
        if before != digest:
            raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
        return
    branch, records = request.change.WhichOneof("change"), page.kind.table.records
    kept = records if records is not None and branch in {records.branch, "withdrawal"} else None
    if kept is None and branch not in _COMMON:
        raise LinkageError(Reason.CLIENT_CHANGE_NOT_KEPT)
    subject = _subject(page, entry)
    key = None
    if branch == "protection":
        _protect(page, subject, request.change.protection)
    elif branch == "withdrawal" and kept is not None:
        key = _withdraw(page, kept, subject, request.change.withdrawal.record_key)
    elif kept is not None:
        key = _keep(page, kept, subject, request)
    _know(page, subject, entry.digest)
    entry.addressee_no = subject.addressee_no
    page.seen[request.reference] = (digest, subject.addressee_no)
    page.changes.append(
        {
            "reference": request.reference,
            "digest": digest,
            "addressee_no": subject.addressee_no,
            "record_key": key,
            "content": request.change.SerializeToString(),
            "recorded_at": page.at,
        }
    )


def _subject(page: Page, entry: Entry) -> _Subject:
    """The addressee meant, or one to be made."""
    if entry.digest:
        number = subjects.only(page.by_digest.get(entry.digest, ()))
        if number is None:
            return _Subject(entry.spare, entry.request.basic_items, entry.digest, {}, new=True)
    else:
        number = entry.request.addressee_no
    if number not in page.subjects:
        raise LinkageError(Reason.CLIENT_ADDRESSEE_UNKNOWN)
    return page.subjects[number]


def _know(page: Page, subject: _Subject, digest: bytes) -> None:
    page.subjects[subject.addressee_no] = subject
    if digest:
        page.by_digest.setdefault(digest, set()).add(subject.addressee_no)


def _protect(page: Page, subject: _Subject, protection: agency_pb2.ProtectionChange) -> None:
    message = interim_pb2.SetProtectionRequest(
        institution=page.office.institution,
        addressee_no=subject.addressee_no,
        non_disclosure=protection.non_disclosure,
        self_disclosure_blocked=protection.self_disclosure_blocked,
        manual_review=protection.manual_review,
        reason=protection.reason,
    )
    page.owed.append((subject.addressee_no, Errand.PROTECTION, message.SerializeToString()))


def _keep(page: Page, records: Records, subject: _Subject, request: agency_pb2.RecordRequest) -> str:
    """Let the kind judge, then note record, copy, other items and notices. Returns the record's key."""
    assert page.kind.keep is not None  # with records comes what keeps them
    case = Case(page.office, subject.items, {key: row.original for key, row in subject.originals.items()})
    kept = page.kind.keep(request.change, case)
    notices = page.kind.notices(request.change, case)
    new_items = page.kind.new_items(request.change)
    if new_items is not None:
        basic_items.require(new_items)
    published = request.published_from if request.HasField("published_from") else kept.published_from
    _record(page, records, subject, kept, published)
    _notify(page, subject, notices)
    if new_items is not None:
        _rename(page, subject, new_items)
    return kept.record_key


def _record(page: Page, records: Records, subject: _Subject, kept: Kept, published: str | None) -> None:
    """The record as it stands now, and its copy; the same values again change nothing."""
    content = item_content(kept, records)
    before = subject.originals.get(kept.record_key)
    published = published or (before.published_from if before else None)
    original = Original(kept.record_key, content, kept.first_day, kept.last_day)
    if before is not None and (before.original, before.published_from) == (original, published):
        return
    row = _next(subject, before, original, published)
    subject.originals[kept.record_key] = row
    copy = copy_of(page.office, records, subject.addressee_no, row)
    page.owed.append((subject.addressee_no, Errand.COPY, copy.SerializeToString()))


def _next(subject: _Subject, before: Row | None, original: Original, published: str | None) -> Row:
    """The record's row: the next revision, also after one that was withdrawn, whose record ids are not used again."""
    if before is not None:
        return Row(original, published, before.revision + 1, before.stored, touched=True)
    key = original.record_key
    gone = subject.withdrawn.pop(key, None)
    revision = gone.revision if gone is not None else subject.recorded.get(key, 0)
    return Row(original, published, revision + 1, gone is not None and gone.stored, touched=True, anew=True)


def _withdraw(page: Page, records: Records, subject: _Subject, key: str) -> str:
    """The record goes, and its copy is deleted. Returns the record's key."""
    gone = subject.originals.pop(key, None)
    if gone is None:
        raise malformed("change.withdrawal.record_key", "no record of this key")
    gone = replace(gone, revision=gone.revision + 1)
    subject.withdrawn[key] = gone
    copy = interim_pb2.RegisterCopiesRequest(
        institution=page.office.institution,
        record_id=_record_id(subject.addressee_no, gone),
        change=interim_pb2.COPY_CHANGE_DELETE,
        addressee_no=subject.addressee_no,
        item=records.item,
        record_key=key,
    )
    page.owed.append((subject.addressee_no, Errand.COPY, copy.SerializeToString()))
    return key


def _record_id(addressee_no: str, row: Row) -> str:
    """Names one change of a copy for ever."""
    return f"{addressee_no}/{row.original.record_key}/{row.revision}"


def copy_of(office: Office, records: Records, addressee_no: str, row: Row) -> interim_pb2.RegisterCopiesRequest:
    """What the interim server is told of a record as it stands."""
    original = row.original
    return interim_pb2.RegisterCopiesRequest(
        institution=office.institution,
        record_id=_record_id(addressee_no, row),
        change=interim_pb2.COPY_CHANGE_NEW if row.anew or row.revision == 1 else interim_pb2.COPY_CHANGE_DIFFERENCE,
        addressee_no=addressee_no,
        item=records.item,
        record_key=original.record_key,
        layout_version=records.layout(office.today),
        published_from=row.published_from,
        about=common_pb2.Period(first_day=original.first_day, last_day=original.last_day),
        content=original.content,
    )


def first_copies(
    connection: Connection, office: Office, records: Records, numbers: Collection[str]
) -> dict[str, list[interim_pb2.RegisterCopiesRequest]]:
    """The copies of all records of addressees whose copies are owed all together: the same bytes as on the day they were taken over."""
    copies: dict[str, list[interim_pb2.RegisterCopiesRequest]] = {number: [] for number in numbers}
    for row in subjects.in_chunks(connection, _ORIGINALS, list(numbers)):
        then = replace(office, today=day_at(row.recorded_at))
        copies[row.addressee_no].append(copy_of(then, records, row.addressee_no, _stored(row)))
    return copies


def _notify(page: Page, subject: _Subject, notices: Notices) -> None:
    page.owed += [(subject.addressee_no, *told) for told in told_of(subject.items, notices)]


def told_of(items: common_pb2.BasicItems, notices: Notices) -> Iterator[tuple[Errand, bytes]]:
    """What the numbering body must hear of a change about the person with these items."""
    if notices.register:
        yield Errand.REGISTER, items.SerializeToString()
    if notices.after is not None:
        change = numbering_pb2.NoteChangeRequest(before=items, after=notices.after)
        yield Errand.CHANGE, change.SerializeToString()
    if notices.died_on is not None:
        death = numbering_pb2.NoteDeathRequest(basic_items=notices.after or items, died_on=notices.died_on)
        yield Errand.DEATH, death.SerializeToString()


def _rename(page: Page, subject: _Subject, items: common_pb2.BasicItems) -> None:
    if subject.changed_from is None:
        subject.changed_from = subject.digest
    subject.items, subject.digest = items, basic_items.digest(items)
    page.by_digest.setdefault(subject.digest, set()).add(subject.addressee_no)


def _close(connection: Connection, page: Page) -> None:
    """Write what the page came to, in few statements."""
    touched = list(page.subjects.values())
    new = [
        {"addressee_no": one.addressee_no, "known_at": page.at, **subjects.row_of(one.items)}
        for one in touched
        if one.new
    ]
    subjects.add(connection, new)
    for one in touched:
        if one.changed_from is not None:
            subjects.change(connection, one.addressee_no, one.changed_from, one.items)
    rows = [(one.addressee_no, row) for one in touched for row in one.originals.values() if row.touched]
    gone = [(one.addressee_no, key) for one in touched for key, row in one.withdrawn.items() if row.stored]
    _owe_singly(connection, page, {number for number, _ in (*rows, *gone)})
    _write_originals(connection, page, rows)
    if gone:
        named = [{"b_addressee_no": number, "b_record_key": key} for number, key in gone]
        connection.execute(_REMOVE_ORIGINAL, named)
    if page.changes:
        connection.execute(_ADD_CHANGE, page.changes)
    errands.owe(connection, page.owed)


def _owe_singly(connection: Connection, page: Page, changed: Collection[str]) -> None:
    """Whose copies are owed all together is owed each by itself from now on, as records stood before the page: what it changes is a difference to that."""
    records = page.kind.table.records
    if records is None or not (owing := errands.owing_copies(connection, changed)):
        return
    first = first_copies(connection, page.office, records, owing)
    page.owed[:0] = [(number, Errand.COPY, copy.SerializeToString()) for number in first for copy in first[number]]
    errands.settle(connection, list(owing.values()), [])


def _write_originals(connection: Connection, page: Page, rows: Sequence[tuple[str, Row]]) -> None:
    added = [_columns(page, number, row) for number, row in rows if not row.stored]
    changed = [
        {
            "b_addressee_no": values.pop("addressee_no"),
            "b_record_key": values.pop("record_key"),
            **values,
        }
        for values in (_columns(page, number, row) for number, row in rows if row.stored)
    ]
    if added:
        connection.execute(_ADD_ORIGINAL, added)
    if changed:
        connection.execute(_CHANGE_ORIGINAL, changed)


def _columns(page: Page, addressee_no: str, row: Row) -> dict[str, Any]:
    return {
        "addressee_no": addressee_no,
        "record_key": row.original.record_key,
        "content": row.original.content.SerializeToString(),
        "first_day": row.original.first_day,
        "last_day": row.original.last_day,
        "published_from": row.published_from,
        "revision": row.revision,
        "recorded_at": page.at,
    }


def records_of(connection: Connection, addressee_no: str) -> list[items_pb2.ItemContent]:
    """The original records of one addressee, by key."""
    rows = subjects.in_chunks(connection, _ORIGINALS, [addressee_no])
    return [items_pb2.ItemContent.FromString(row.content) for row in sorted(rows, key=lambda row: str(row.record_key))]
