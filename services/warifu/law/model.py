"""What the law book is made of: texts, citations, permission rows, items, institutions. Values only, no rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages of the network."""

    ja: str
    en: str

    def to(self, language: str) -> str:
        """English for "en", otherwise Japanese, the language of record."""
        return self.en if language == "en" else self.ja


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a row exists, for the person whom it concerns. Never names an article."""

    ja: str
    en: str
    plain: str
    """やさしい日本語: short sentences, readings beside hard words."""

    def to(self, language: str) -> str:
        """English for "en", easy Japanese for "plain", otherwise Japanese."""
        return {"en": self.en, "plain": self.plain}.get(language, self.ja)


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of the network with its name."""

    code: str
    name: Text


@dataclass(frozen=True, slots=True)
class Citation:
    """Where the law says so, for the days on which it said it there."""

    law: Text
    article: str
    """Short machine form, such as "19(8); table 2: 42-44"."""
    text: Text
    valid_from: date
    valid_to: date | None
    """Last day; None while it is in force."""
    source: str
    """Where the article was read, or why it is believed."""
    verified: bool
    """The article and item number were read in `source`. Otherwise it is shown with 要確認."""

    def on(self, day: date) -> bool:
        """Whether this citation was the right one on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Origin(StrEnum):
    """What allows a row."""

    STATUTE = "statute"
    ORDINANCE = "ordinance"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the permission table: who may ask whom for what, and why."""

    id: str
    affair: Coded
    procedure: Coded
    requester_roles: tuple[str, ...]
    provider_roles: tuple[str, ...]
    item: str
    fields: tuple[str, ...]
    """Field paths of the item's message that may be released, no others."""
    effective_from: date
    effective_to: date | None
    """Last day in force; None while open. A row is ended, never removed, since old exchanges point to it."""
    origin: Origin
    consent_required: bool
    papers: tuple[Text, ...]
    """Papers that the person need not bring; empty when none is saved."""
    purpose: Purpose
    citations: tuple[Citation, ...]
    """By date, without gap or overlap from `effective_from` to `effective_to`."""
    invented: bool
    """Made up for training; no such rule exists or existed."""
    note: Text | None

    def in_force(self, day: date) -> bool:
        """Whether the row allows anything on `day`."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def citation_on(self, day: date) -> Citation:
        """The citation in force on `day`; for a day outside the row's own dates the nearest one."""
        if day < self.effective_from:
            return self.citations[0]
        return next((citation for citation in self.citations if citation.on(day)), self.citations[-1])


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an item, named for people."""

    path: str
    label: Text
    about: Text
    values: tuple[tuple[str, Text], ...]
    """Names of enum values, by the value's name in the contract; empty for other fields."""


@dataclass(frozen=True, slots=True)
class Item:
    """A linkable item (利用特定個人情報)."""

    code: str
    name: Text
    about: Text
    message: str
    """Message of warifu.items.v1, such as "LocalTaxInfo"."""
    content: str
    """Field of warifu.items.v1.ItemContent that carries it, such as "local_tax"."""
    fields: tuple[Field, ...]

    def field(self, path: str) -> Field:
        """The field with this path; KeyError when there is none."""
        for field in self.fields:
            if field.path == path:
                return field
        raise KeyError(path)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A real row, part of one, or a neighbouring flow that is not simulated."""

    id: str
    what: Text
    why: Text
    missing: tuple[str, ...]
    """Roles that would have to exist first; empty when something else is the reason."""


class PiaLevel(IntEnum):
    """Level of impact assessment (特定個人情報保護評価), in rising order."""

    NOT_REQUIRED = 0
    BASIC = 1
    FOCUSED = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class PiaFiling:
    """An assessment as published."""

    level: PiaLevel
    published_on: date
    term_years: int
    expires_on: date
    """First day on which it no longer counts."""


@dataclass(frozen=True, slots=True)
class Operator:
    """The body (機関を置く団体) that runs institutions. Use inside one body is no linkage."""

    code: str
    name: Text
    corporate_number: str
    lg_code: str | None


@dataclass(frozen=True, slots=True)
class Role:
    """What an institution is in the permission table, and the kind of process that serves it."""

    code: str
    kind: str
    name: Text


@dataclass(frozen=True, slots=True)
class Institution:
    """Kind by operator: the unit with a code space, keys, a database and a certificate of its own."""

    code: str
    role: Role
    operator: Operator
    name: Text
    insurer_number: str | None
    declared_size: int
    """Persons in its files, as it declares for its assessment; unrelated to how many are generated."""
    handlers: int
    """Staff who handle the files."""
    serious_accident: bool
    """A serious accident in the past year."""
    pia_required: PiaLevel
    pia: PiaFiling | None

    @property
    def kind(self) -> str:
        """The kind of process that serves it, such as "tax"."""
        return self.role.kind
