"""The permission table: `permissions.toml`, `items.toml` and `left_out.toml` read and checked."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from warifu.law.model import Citation, Coded, Field, Item, LeftOut, Origin, Purpose, Row, Text
from warifu.law.reading import Entry, parse, unique

PERMISSIONS_FILE = "permissions.toml"
ITEMS_FILE = "items.toml"
LEFT_OUT_FILE = "left_out.toml"

# Words by which an article would be named. A purpose is for the person; the article belongs to the citation beside it.
ARTICLE_NUMBER = re.compile(
    r"[0-9０-９一二三四五六七八九十百](?:条|項(?!目)|号)|別表|附則|§"
    r"|(?i:\b(?:articles?|art\.?|paragraphs?|para\.?|items?)\s*(?:[0-9]|[ivxl]+\b))"
)

Key = tuple[str, str, str, str, str]
"""Requester role, affair, procedure, provider role, item."""


@dataclass(frozen=True, slots=True)
class PermissionTable:
    """The rows, what they refer to, and what is left out."""

    version: str
    dated: date
    rows: dict[str, Row]
    affairs: dict[str, Coded]
    procedures: dict[str, Coded]
    items: dict[str, Item]
    left_out: tuple[LeftOut, ...]
    by_key: dict[Key, tuple[Row, ...]]
    """Every row under each combination that it allows; rows of one combination follow each other in time."""


def read_items(content: bytes) -> dict[str, Item]:
    """Read `items.toml`.

    Raises:
        LawDataError: something is missing, unknown, doubled or of the wrong kind; names the entry and the field.
    """
    file = parse(ITEMS_FILE, content)
    items: dict[str, Item] = {}
    for entry in file.entries("item", "code"):
        item = _item(entry, items)
        items[item.code] = item
    file.finish()
    return items


def read_left_out(content: bytes) -> tuple[LeftOut, ...]:
    """Read `left_out.toml`; raises as `read_items`."""
    file = parse(LEFT_OUT_FILE, content)
    found: dict[str, LeftOut] = {}
    for entry in file.entries("left_out", "id"):
        one = LeftOut(
            unique(entry, "id", entry.text("id"), found),
            entry.pair("what"),
            entry.pair("why"),
            entry.strings("missing"),
        )
        entry.finish()
        found[one.id] = one
    file.finish()
    return tuple(found.values())


def read_table(
    content: bytes, items: dict[str, Item], left_out: tuple[LeftOut, ...], roles: Collection[str]
) -> PermissionTable:
    """Read `permissions.toml`; `roles` are the roles that the register knows. Raises as `read_items`."""
    file = parse(PERMISSIONS_FILE, content)
    reader = _RowReader(file, items, roles)
    table = PermissionTable(
        version=file.text("version"),
        dated=file.day("dated"),
        rows=reader.rows(file),
        affairs=reader.affairs,
        procedures={code: procedure for code, (procedure, _) in reader.procedures.items()},
        items=items,
        left_out=left_out,
        by_key={},
    )
    file.finish()
    _index(table)
    return table


def _item(entry: Entry, seen: dict[str, Item]) -> Item:
    code = unique(entry, "code", entry.code("code", "TM9"), seen)
    fields: dict[str, Field] = {}
    for inner in entry.entries("field", "path"):
        path = unique(inner, "path", inner.text("path"), fields)
        fields[path] = Field(path, inner.names(), inner.pair("about"), _values(inner))
        inner.finish()
    item = Item(
        code, entry.names(), entry.pair("about"), entry.text("message"), entry.text("content"), tuple(fields.values())
    )
    entry.finish()
    return item


def _values(entry: Entry) -> tuple[tuple[str, Text], ...]:
    values = []
    for inner in entry.entries("values", "name") if entry.has("values") else ():
        values.append((inner.text("name"), inner.names()))
        inner.finish()
    return tuple(values)


class _RowReader:
    """Rows and what they refer to, in the order of the file."""

    def __init__(self, file: Entry, items: dict[str, Item], roles: Collection[str]) -> None:
        self.items, self.roles = items, roles
        self.laws: dict[str, Text] = {}
        self.affairs: dict[str, Coded] = {}
        self.procedures: dict[str, tuple[Coded, Coded]] = {}
        for entry in file.entries("law", "code"):
            self.laws[unique(entry, "code", entry.text("code"), self.laws)] = entry.names()
            entry.finish()
        for entry in file.entries("affair", "code"):
            code = unique(entry, "code", entry.code("code", "JM9"), self.affairs)
            self.affairs[code] = Coded(code, entry.names())
            entry.finish()
        for entry in file.entries("procedure", "code"):
            self._procedure(entry)

    def _procedure(self, entry: Entry) -> None:
        code = unique(entry, "code", entry.code("code", "JT9"), self.procedures)
        affair = self.affairs.get(entry.text("affair"))
        if affair is None:
            raise entry.fail("affair", f"unknown: {entry.text('affair')}")
        self.procedures[code] = Coded(code, entry.names()), affair
        entry.finish()

    def rows(self, file: Entry) -> dict[str, Row]:
        """Every row by its id."""
        rows: dict[str, Row] = {}
        for entry in file.entries("row", "id"):
            unique(entry, "id", entry.text("id"), rows)
            rows[entry.text("id")] = self._row(entry)
            entry.finish()
        return rows

    def _row(self, entry: Entry) -> Row:
        if entry.text("procedure") not in self.procedures:
            raise entry.fail("procedure", f"unknown: {entry.text('procedure')}")
        if entry.text("item") not in self.items:
            raise entry.fail("item", f"unknown: {entry.text('item')}")
        procedure, affair = self.procedures[entry.text("procedure")]
        row = Row(
            id=entry.text("id"),
            affair=affair,
            procedure=procedure,
            requester_roles=self._some(entry, "requester_roles", self.roles),
            provider_roles=self._some(entry, "provider_roles", self.roles),
            item=entry.text("item"),
            fields=self._some(entry, "fields", [field.path for field in self.items[entry.text("item")].fields]),
            effective_from=entry.day("effective_from"),
            effective_to=entry.optional_day("effective_to"),
            origin=entry.choice("origin", Origin),
            consent_required=entry.flag("consent_required"),
            papers=entry.pairs("papers"),
            purpose=_purpose(entry.inner("purpose")),
            citations=tuple(self._citation(inner) for inner in entry.entries("citation")),
            invented=entry.flag("invented") if entry.has("invented") else False,
            note=entry.pair("note") if entry.has("note") else None,
        )
        if row.effective_to is not None and row.effective_to < row.effective_from:
            raise entry.fail("effective_to", "lies before effective_from")
        _citations_follow(entry, row)
        return row

    @staticmethod
    def _some(entry: Entry, field: str, known: Collection[str]) -> tuple[str, ...]:
        values = entry.strings(field, known)
        if not values:
            raise entry.fail(field, "names nothing")
        return values

    def _citation(self, entry: Entry) -> Citation:
        if entry.text("law") not in self.laws:
            raise entry.fail("law", f"unknown: {entry.text('law')}")
        citation = Citation(
            law=self.laws[entry.text("law")],
            article=entry.text("article"),
            text=entry.names(),
            valid_from=entry.day("valid_from"),
            valid_to=entry.optional_day("valid_to"),
            source=entry.text("source"),
            verified=entry.flag("verified"),
        )
        entry.finish()
        return citation


def _purpose(entry: Entry) -> Purpose:
    for field in ("ja", "en", "plain"):
        found = ARTICLE_NUMBER.search(entry.text(field))
        if found:
            raise entry.fail(field, f"names an article ({found.group()}); articles belong to citations")
    purpose = Purpose(entry.text("ja"), entry.text("en"), entry.text("plain"))
    entry.finish()
    return purpose


def _citations_follow(entry: Entry, row: Row) -> None:
    """On every day of the row exactly one citation holds: old exchanges are shown with the law of their day."""
    expected: date | None = row.effective_from
    for citation in row.citations:
        if citation.valid_from != expected:
            raise entry.fail("citation", f"one must begin on {expected}, not on {citation.valid_from}")
        expected = citation.valid_to + timedelta(days=1) if citation.valid_to else None
    last = row.effective_to + timedelta(days=1) if row.effective_to else None
    if not row.citations or expected != last:
        raise entry.fail("citation", f"the last one must end with the row, on {row.effective_to or 'no day'}")


def _index(table: PermissionTable) -> None:
    for row in table.rows.values():
        for requester in row.requester_roles:
            for provider in row.provider_roles:
                key = (requester, row.affair.code, row.procedure.code, provider, row.item)
                others = table.by_key.get(key, ())
                for other in others:
                    if _overlap(row, other):
                        raise Entry(PERMISSIONS_FILE, f"row {row.id}", {}).fail(
                            "effective_from", f"overlaps row {other.id}, which allows the same"
                        )
                table.by_key[key] = (*others, row)


def _overlap(one: Row, other: Row) -> bool:
    return one.effective_from <= (other.effective_to or date.max) and other.effective_from <= (
        one.effective_to or date.max
    )
