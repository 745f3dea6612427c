"""What a kind of agency is: a folder of this package with a table of data (`kind.toml`) and, in `__init__.py`, a `KIND`.

A new kind is one new folder: its name is the party's, its table says which branch of `Change` it keeps, as which item and in which layout,
what is published about local uses and why fields may be empty; its `keep` turns a change into an original record. A kind that only asks
others keeps none of it. Nothing else changes here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2

TABLE_NAME = "kind.toml"
_RECORDS = frozenset({"branch", "item", "content", "layout", "empty"})
"""Keys of a table that say what is kept: all of them or none."""


@dataclass(frozen=True, slots=True)
class LocalUse:
    """A use between offices of one body, as published."""

    role: str
    """Role of the office that provides."""
    item: str
    purpose_ja: str
    purpose_en: str


@dataclass(frozen=True, slots=True)
class Records:
    """Which records a kind keeps and registers copies of."""

    branch: str
    """Field of `Change` that this kind keeps, such as "tax_assessment"."""
    item: str
    """Item code of its copies."""
    content: str
    """Field of `ItemContent` that carries the item."""
    layouts: Mapping[date, str]
    """Versions of the standard data layout, by the first day of use."""
    empty: Mapping[str, items_pb2.EmptyReason.ValueType]
    """Why a field is empty when nothing else is known; other fields have no value."""

    def layout(self, day: date) -> str:
        """The layout in use on a day; the first one before any."""
        begun = [first for first in self.layouts if first <= day]
        return self.layouts[max(begun) if begun else min(self.layouts)]


@dataclass(frozen=True, slots=True)
class Table:
    """A kind's table of data."""

    records: Records | None
    """None for a kind that only asks: nobody is provided with anything from here."""
    local_uses: tuple[LocalUse, ...]
    own: Mapping[str, Any]
    """What the kind itself reads from its table."""


@dataclass(frozen=True, slots=True)
class Office:
    """The institution, as far as a kind's rules need it."""

    institution: str
    role: str
    """Role in the permission table, such as "nhi"."""
    lg_code: str | None
    """Local-government code of its body."""
    insurer_number: str | None
    today: date
    """The network's day."""


@dataclass(frozen=True, slots=True)
class Original:
    """One original record as it stands."""

    record_key: str
    content: items_pb2.ItemContent
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """What a change is about."""

    office: Office
    subject: common_pb2.BasicItems
    """The basic items before the change."""
    originals: Mapping[str, Original]
    """The person's records here, by key."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a change makes of the original data."""

    record_key: str
    """Within the person's records of this item."""
    values: Mapping[str, object]
    """`{content field: message}`, for `ItemContent`."""
    first_day: str | None
    """First of the days that the record is about, ISO 8601."""
    last_day: str | None
    published_from: str | None = None
    """First day on which the copy may be provided, when the change does not say; None for at once."""
    empty: Mapping[str, items_pb2.EmptyReason.ValueType] = field(default_factory=dict)
    """Why a field is empty, where this record knows better than the table."""


@dataclass(frozen=True, slots=True)
class Notices:
    """What the numbering body must hear of a change. Residency's alone."""

    register: bool = False
    """The person may be new to the register."""
    after: common_pb2.BasicItems | None = None
    """Other basic items from now on."""
    died_on: str | None = None


class Keep(Protocol):
    """Turns a change into an original record, or raises LinkageError with why it cannot be kept."""

    def __call__(self, change: agency_pb2.Change, case: Case) -> Kept:
        """`change` has the kind's branch."""


NO_NOTICES = Notices()


def _nothing(change: agency_pb2.Change, case: Case) -> Notices:
    del change, case
    return NO_NOTICES


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of agency."""

    table: Table
    keep: Keep | None = None
    """Given exactly when the table names records."""
    notices: Callable[[agency_pb2.Change, Case], Notices] = _nothing
    new_items: Callable[[agency_pb2.Change], common_pb2.BasicItems | None] = lambda _change: None
    """The basic items after the change, when it changes them."""
    numbers: bool = False
    """Its counter takes requests for a new individual number or resident code to the numbering body. Residency's alone."""
    ages: Callable[[Office], int | None] = lambda _office: None
    """Age at which open records end by themselves."""
    ended: Callable[[Original, date], agency_pb2.Change] | None = None
    """The change that ends an open record on a day, where `ages` gives an age."""

    def __post_init__(self) -> None:
        if (self.keep is None) != (self.table.records is None):
            raise ValueError("a kind keeps what its table names: both or neither")


def find(name: str) -> Kind:
    """The kind whose folder is `name`.

    Raises:
        LookupError: there is no such folder.
    """
    try:
        module: ModuleType = import_module(f"warifu.agencies.{name}")
    except ModuleNotFoundError as error:
        raise LookupError(f"no kind of agency is called {name}: there is no folder of that name") from error
    kind: Kind = module.KIND
    return kind


def read_table(folder: Path) -> Table:
    """The table of data in a kind's folder.

    Raises:
        ValueError: it is not a table of a kind; the message names the file.
    """
    path = folder / TABLE_NAME
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return Table(
            records=_records(values) if _RECORDS & values.keys() else None,
            local_uses=tuple(LocalUse(**use) for use in values.get("local_use", ())),
            own=values.get("own", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error!r}") from error


def _records(values: Mapping[str, Any]) -> Records:
    return Records(
        branch=values["branch"],
        item=values["item"],
        content=values["content"],
        layouts={layout["from"]: layout["version"] for layout in values["layout"]},
        empty={name: items_pb2.EmptyReason.Value(f"EMPTY_REASON_{why}") for name, why in values["empty"].items()},
    )


def item_content(kept: Kept, records: Records) -> items_pb2.ItemContent:
    """The record as a copy carries it: an empty field says whether it applies."""
    content = items_pb2.ItemContent(**kept.values)  # type: ignore[arg-type]
    message = getattr(content, records.content)
    for name in _optional_fields(records.content):
        if not message.HasField(name):
            reason = kept.empty.get(name) or records.empty.get(name, items_pb2.EMPTY_REASON_NO_VALUE)
            content.empty_fields.add(path=name, reason=reason)
    return content


@lru_cache
def _optional_fields(content: str) -> tuple[str, ...]:
    """The fields of an item that may be absent."""
    message = items_pb2.ItemContent.DESCRIPTOR.fields_by_name[content].message_type
    assert message is not None
    return tuple(field.name for field in message.fields if field.has_presence)


def day_before(day: date) -> date:
    """The day before."""
    return date.fromordinal(day.toordinal() - 1)


def reached(born: date, age: int) -> date:
    """The day from which somebody has an age: the birthday, 1 March for those born on 29 February in other years."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)
