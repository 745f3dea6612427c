"""What can be applied for here: `catalogue.toml` read and checked. Values only; names, papers and inquiries come from the law book."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from warifu.law import Text

HERE: Final = Path(__file__).with_name("catalogue.toml")


class Input(StrEnum):
    """How a place is filled."""

    TEXT = "text"
    DAY = "day"
    MONTH = "month"
    CHOICE = "choice"
    MUNICIPALITY = "municipality"
    CONSENT = "consent"
    """A box; its value is the day on which it was ticked."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a form."""

    name: str
    input: Input
    label: Text
    hint: Text | None
    optional: bool
    choices: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A procedure that can be applied for."""

    code: str
    title: Text
    """What the citizen does; the law book has the procedure's own name."""
    kind: str
    events: tuple[str, ...]
    words: tuple[str, ...]
    """By which it is looked for, besides name and description."""
    together: tuple[str, ...]
    """Codes of procedures that are handled in one with it."""
    about: Text
    term: Text
    places: tuple[Place, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Its own code, and those of what is handled in one with it."""
        return (self.code, *self.together)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything on offer, in the order in which it is shown."""

    kinds: Mapping[str, Text]
    events: Mapping[str, Text]
    offers: Mapping[str, Offer]


@lru_cache(maxsize=2)
def read(path: Path = HERE) -> Catalogue:
    """The catalogue.

    Raises:
        ValueError: it names a kind or event that it does not list, or lacks something; the message names the procedure.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds, events = ({one["code"]: _text(one) for one in values[name]} for name in ("kind", "event"))
    offers = {one["code"]: _offer(one, kinds, events) for one in values["procedure"]}
    return Catalogue(kinds, events, offers)


def folded(text: str) -> str:
    """`text` without differences of width and case, for comparing words."""
    return unicodedata.normalize("NFKC", text).casefold()


def _offer(values: Mapping[str, Any], kinds: Collection[str], events: Collection[str]) -> Offer:
    try:
        if values["kind"] not in kinds or not set(values["events"]) <= set(events):
            raise ValueError("unknown kind or event")  # noqa: TRY301 - named with the procedure below
        return Offer(
            code=values["code"],
            title=_text(values),
            kind=values["kind"],
            events=tuple(values["events"]),
            words=tuple(values["words"]),
            together=tuple(values.get("together", ())),
            about=_text(values["about"]),
            term=_text(values["term"]),
            places=tuple(_place(place) for place in values["place"]),
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"catalogue.toml: {values.get('code')}: {error!r}") from error


def _place(values: Mapping[str, Any]) -> Place:
    return Place(
        name=values["name"],
        input=Input(values["input"]),
        label=_text(values),
        hint=_text(values["hint"]) if "hint" in values else None,
        optional=values.get("optional", False),
        choices=tuple(_text(choice) for choice in values.get("choices", ())),
    )


def _text(values: Mapping[str, Any]) -> Text:
    return Text(values["ja"], values["en"])
