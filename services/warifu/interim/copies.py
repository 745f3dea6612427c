"""Copies (副本): what the business system registers, and nothing else, is what may be provided.

A stream's changes are made in transactions of many; the same change again has no effect, by its record id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from google.protobuf.message import Message
from sqlalchemy import Connection, bindparam, delete, select, update

from warifu import law
from warifu.exchange import form, header
from warifu.exchange.form import FormError
from warifu.interim.addressees import check_addressee_no, known
from warifu.interim.ground import Ground
from warifu.interim.schema import ADDRESSEES, COPIES, COPY_CHANGES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CODE, ID, malformed

BATCH: Final = 1000
"""Changes in one transaction, at most."""
LARGEST_CONTENT: Final = 8 * 1024
"""Bytes of one copy's values, at most."""
_LAYOUT: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])", re.ASCII)

_SEEN = select(COPY_CHANGES).where(COPY_CHANGES.c.record_id.in_(bindparam("ids", expanding=True)))
_KEYS = select(COPIES.c.addressee_no, COPIES.c.item, COPIES.c.record_key, COPIES.c.layout_version).where(
    COPIES.c.addressee_no.in_(bindparam("numbers", expanding=True)),
    COPIES.c.record_key.in_(bindparam("keys", expanding=True)),
)
_HERE = (
    (COPIES.c.addressee_no == bindparam("b_addressee_no"))
    & (COPIES.c.item == bindparam("b_item"))
    & (COPIES.c.record_key == bindparam("b_record_key"))
)
_VALUES: Final = (
    "layout_version",
    "published_from",
    "published_to",
    "first_day",
    "last_day",
    "content",
    "corrected_on",
)
_ADD = Bulk(COPIES, "addressee_no", "item", "record_key", *_VALUES)
_CHANGE = update(COPIES).where(_HERE).values({name: bindparam(name) for name in _VALUES})
_REMOVE = delete(COPIES).where(_HERE)
_ACQUAINT = Bulk(ADDRESSEES, "addressee_no")
_DONE = Bulk(COPY_CHANGES, "record_id", "digest")

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Change:
    """One change, read and found well-formed."""

    record_id: str
    digest: bytes
    change: pb.CopyChange.ValueType
    key: Key
    values: dict[str, Any]


@dataclass(slots=True)
class _Work:
    """One transaction's view: what is there, what becomes of it."""

    seen: dict[str, bytes]
    there: dict[Key, str]
    """Layout version of each copy as it stands after the changes so far."""
    before: frozenset[Key]
    rows: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    done: list[tuple[str, bytes]] = field(default_factory=list)


class Copies:
    """Registers copies of one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def register(self, requests: Sequence[pb.RegisterCopiesRequest]) -> list[pb.RegisterCopiesResponse]:
        """Make changes, in their order, and answer when they are durable; one that fails harms no other.

        Raises:
            LinkageError: the store failed for all. Per item: CLIENT_MALFORMED, CLIENT_NOT_YOURS, CLIENT_LAYOUT_UNKNOWN,
                CLIENT_COPY_EXISTS, CLIENT_COPY_MISSING, CLIENT_COPY_CHANGED.
        """
        results: list[pb.RegisterCopiesResponse] = []
        for start in range(0, len(requests), BATCH):
            results += await self._register(requests[start : start + BATCH])
        return results

    async def _register(self, requests: Sequence[pb.RegisterCopiesRequest]) -> list[pb.RegisterCopiesResponse]:
        read = [self._read(request) for request in requests]
        changes = [change for change in read if isinstance(change, _Change)]
        made: dict[int, LinkageError | None] = {}
        if changes:
            made = await self._ground.store.write(lambda connection: self._make(connection, changes))
        return [
            _response(request.record_id, change if isinstance(change, LinkageError) else made[id(change)])
            for request, change in zip(requests, read, strict=True)
        ]

    def _read(self, request: pb.RegisterCopiesRequest) -> _Change | LinkageError:
        try:
            self._ground.require(request.institution)
            return self._checked(request)
        except FormError as error:
            return malformed(error.field, error.problem)
        except LinkageError as error:
            return error

    def _checked(self, request: pb.RegisterCopiesRequest) -> _Change:
        form.check_text("record_id", request.record_id, ID)
        check_addressee_no(request.addressee_no)
        form.check_text("record_key", request.record_key, CODE)
        if request.change not in _CHANGES:
            raise FormError("change", "not a kind of change")
        self._check_content(request)
        period = request.about
        header.check_period("about", period)
        for name in ("published_from", "published_to"):
            if request.HasField(name):
                form.check_day(name, getattr(request, name))
        values = {
            "layout_version": request.layout_version,
            "published_from": request.published_from if request.HasField("published_from") else None,
            "published_to": request.published_to if request.HasField("published_to") else None,
            "first_day": period.first_day if period.HasField("first_day") else None,
            "last_day": period.last_day if period.HasField("last_day") else None,
            "content": request.content.SerializeToString(),
            "corrected_on": _corrected_on(request.content),
        }
        digest = sha256(request.SerializeToString(deterministic=True)).digest()
        key = (request.addressee_no, request.item, request.record_key)
        return _Change(request.record_id, digest, request.change, key, values)

    def _check_content(self, request: pb.RegisterCopiesRequest) -> None:
        item = self._ground.law.book().items.get(request.item)
        if item is None:
            raise FormError("item", "not an item of the network")
        if request.change == pb.COPY_CHANGE_DELETE:
            if request.HasField("content"):
                raise FormError("content", "present in a deletion")
            return
        if not _LAYOUT.fullmatch(request.layout_version):
            raise LinkageError(Reason.CLIENT_LAYOUT_UNKNOWN, metadata={"version": request.layout_version})
        if request.content.WhichOneof("content") != item.content:
            raise FormError("content", f"not {item.content}")
        if request.content.ByteSize() > LARGEST_CONTENT:
            raise FormError("content", "too large")
        _check_enums(item, request.content)
        _check_empty_fields(item, request.content)

    def _make(self, connection: Connection, changes: list[_Change]) -> dict[int, LinkageError | None]:
        """Runs in the store's transaction: apply one by one to a view, then write what it came to in few statements."""
        work = _look(connection, changes)
        made = {id(change): _apply(work, change) for change in changes}
        numbers = sorted({key[0] for key in work.rows})
        missing = set(numbers) - known(connection, numbers)
        _ACQUAINT.add(connection, [(number,) for number in sorted(missing)])
        _write(connection, work)
        return made


_CHANGES: Final = frozenset(
    {pb.COPY_CHANGE_NEW, pb.COPY_CHANGE_DIFFERENCE, pb.COPY_CHANGE_REVISE, pb.COPY_CHANGE_DELETE}
)


def _corrected_on(content: items_pb2.ItemContent) -> str | None:
    """Day of the last correction (更正日) as the record itself states it. An ordinary change (異動) is no correction."""
    which = content.WhichOneof("content")
    message: Message | None = getattr(content, which) if which else None
    if message is None or "corrected_on" not in message.DESCRIPTOR.fields_by_name:
        return None
    if not message.HasField("corrected_on"):
        return None
    day: str = getattr(message, "corrected_on")  # noqa: B009 - only some items have it
    form.check_day("content.corrected_on", day)
    return day


def _check_enums(item: law.Item, content: items_pb2.ItemContent) -> None:
    """A value that no contract knows would reach another agency's clerk as a bare number."""
    record = getattr(content, item.content)
    for name, values in _enums(item.content):
        if getattr(record, name) not in values:
            raise FormError(f"content.{item.content}.{name}", "not a known value")


@lru_cache(maxsize=64)
def _enums(content: str) -> tuple[tuple[str, frozenset[int]], ...]:
    """Enumeration fields of a kind of content, and the values that each may have, "not given" among them."""
    kind = items_pb2.ItemContent.DESCRIPTOR.fields_by_name[content].message_type
    assert kind is not None  # every content is a message
    return tuple((field.name, frozenset(field.enum_type.values_by_number)) for field in kind.fields if field.enum_type)


def _check_empty_fields(item: law.Item, content: items_pb2.ItemContent) -> None:
    """An empty value says whether it applies: once, with a reason, of a field of the item that has no value."""
    if not content.empty_fields:
        return
    record, kinds, told = getattr(content, item.content), _paths(item.content), set()
    for empty in content.empty_fields:
        path = empty.path
        may_be_absent = kinds.get(path)
        if may_be_absent is None or path in told or (record.HasField(path) if may_be_absent else getattr(record, path)):
            raise FormError("content.empty_fields", "not an empty field of the item")
        told.add(path)
        if empty.reason not in _EMPTY_REASONS:
            raise FormError("content.empty_fields", "no reason")


@lru_cache(maxsize=64)
def _paths(content: str) -> Mapping[str, bool]:
    """Names of the fields of an item's message, and whether each can be absent rather than have its default."""
    message: Message = getattr(items_pb2.ItemContent(), content)
    return {field.name: field.has_presence for field in message.DESCRIPTOR.fields}


_EMPTY_REASONS: Final = frozenset(value for value in items_pb2.EmptyReason.values() if value)


def _look(connection: Connection, changes: list[_Change]) -> _Work:
    ids = [change.record_id for change in changes]
    seen = {row.record_id: row.digest for row in connection.execute(_SEEN, {"ids": padded(ids)})}
    numbers = list({change.key[0] for change in changes})
    keys = list({change.key[2] for change in changes})
    rows = connection.execute(_KEYS, {"numbers": padded(numbers), "keys": padded(keys)}).all()
    there = {(row.addressee_no, row.item, row.record_key): row.layout_version for row in rows}
    return _Work(seen, there, frozenset(there))


def _apply(work: _Work, change: _Change) -> LinkageError | None:
    seen = work.seen.get(change.record_id)
    if seen is not None:
        return None if seen == change.digest else LinkageError(Reason.CLIENT_COPY_CHANGED)
    layout = work.there.get(change.key)
    if change.change == pb.COPY_CHANGE_NEW and layout is not None:
        return LinkageError(Reason.CLIENT_COPY_EXISTS)
    if change.change != pb.COPY_CHANGE_NEW and layout is None:
        return LinkageError(Reason.CLIENT_COPY_MISSING)
    if change.change == pb.COPY_CHANGE_REVISE and layout == change.values["layout_version"]:
        return malformed("layout_version", "not another one")
    work.seen[change.record_id] = change.digest
    work.done.append((change.record_id, change.digest))
    if change.change == pb.COPY_CHANGE_DELETE:
        del work.there[change.key]
        work.rows[change.key] = None
    else:
        work.there[change.key] = change.values["layout_version"]
        work.rows[change.key] = change.values
    return None


def _write(connection: Connection, work: _Work) -> None:
    added, changed, removed = [], [], []
    for (addressee_no, item, record_key), values in work.rows.items():
        if (addressee_no, item, record_key) not in work.before:
            if values is not None:
                added.append((addressee_no, item, record_key, *(values[name] for name in _VALUES)))
            continue
        here = {"b_addressee_no": addressee_no, "b_item": item, "b_record_key": record_key}
        if values is None:
            removed.append(here)
        else:
            changed.append({**here, **values})
    _ADD.add(connection, added)
    for statement, rows in ((_CHANGE, changed), (_REMOVE, removed)):
        if rows:
            connection.execute(statement, rows)
    _DONE.add(connection, work.done)


def _response(record_id: str, error: LinkageError | None) -> pb.RegisterCopiesResponse:
    return pb.RegisterCopiesResponse(record_id=record_id, error=error.failure() if error else None)
