"""The texts of drills: `texts/<name>.toml`, one file a drill, Japanese and English alike.

    title, summary = {ja, en}; minutes = 40
    briefing = [{ja, en}, …]             paragraphs; may use the facts shown, as {name}
    truth = [{ja, en}, …]                what had happened; may use hidden facts too, as may all that follows
    report, told, lessons = [{ja, en}, …]  what the leak report must say; what the citizen is told; what to take away
    [[tasks]]                            in the order of the drill's tasks
    id = "…"; title, text = {ja, en}; faces = ["counter", …]; hints = [{ja, en}, …]; missed = {ja, en}
    choices = [{value, ja, en}, …]       of a question with fixed answers; without them it is answered in one's own words
    [[law]]                              article, says = {ja, en}; penalty = {ja, en}, where one threatens; verified = true|false

`faces`: counter, portal, card, watchdog, stage, command. A hint says where to look first, then what to do, then how.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from warifu.law import LawBook
from warifu.simulator.stage.words import Words

FOLDER: Final = Path(__file__).with_name("texts")
FACES: Final = frozenset({"counter", "portal", "card", "watchdog", "stage", "command"})
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a question may be given."""

    value: str
    text: Words


@dataclass(frozen=True, slots=True)
class TaskText:
    """What a task says."""

    id: str
    title: Words
    text: Words
    faces: Sequence[str]
    hints: Sequence[Words]
    missed: Words
    """Why it matters; told in the debrief of who missed it."""
    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Law:
    """An article that the incident touches."""

    article: Words
    says: Words
    penalty: Words | None
    verified: bool
    """Read in a source; otherwise shown as "to be confirmed" (要確認)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """All texts of one drill."""

    title: Words
    summary: Words
    minutes: int
    briefing: Sequence[Words]
    tasks: Mapping[str, TaskText]
    truth: Sequence[Words]
    report: Sequence[Words]
    told: Sequence[Words]
    lessons: Sequence[Words]
    law: Sequence[Law]


@cache
def texts(drill: str) -> Texts:
    """The texts of a drill as shipped.

    Raises:
        FileNotFoundError, KeyError: there are none; a text or a language is missing.
    """
    row = tomllib.loads((FOLDER / f"{drill}.toml").read_text(encoding="utf-8"))
    lists = {name: [Words.of(one) for one in row[name]] for name in ("briefing", "truth", "report", "told", "lessons")}
    return Texts(
        title=Words.of(row["title"]),
        summary=Words.of(row["summary"]),
        minutes=row["minutes"],
        tasks={one["id"]: _task(one) for one in row["tasks"]},
        law=[_law(one) for one in row["law"]],
        **lists,
    )


def _task(row: Mapping[str, Any]) -> TaskText:
    return TaskText(
        id=row["id"],
        title=Words.of(row["title"]),
        text=Words.of(row["text"]),
        faces=row["faces"],
        hints=[Words.of(one) for one in row["hints"]],
        missed=Words.of(row["missed"]),
        choices=[Choice(one["value"], Words.of(one)) for one in row.get("choices", ())],
    )


def _law(row: Mapping[str, Any]) -> Law:
    penalty = Words.of(row["penalty"]) if "penalty" in row else None
    return Law(Words.of(row["article"]), Words.of(row["says"]), penalty, row["verified"])


def places(words: Words) -> set[str]:
    """Names of the facts that a text uses."""
    return {name for text in (words.ja, words.en) for name in _PLACE.findall(text)}


def fill(words: Words, facts: Mapping[str, Any], book: LawBook) -> Words:
    """A text with its facts. An institution's code reads as name and code; what is not known stays as written."""

    def put(text: str, language: str) -> str:
        return _PLACE.sub(lambda found: _said(facts.get(found[1], found[0]), book, language), text)

    return Words(put(words.ja, "ja"), put(words.en, "en"))


def _said(value: object, book: LawBook, language: str) -> str:
    if isinstance(value, list | tuple):
        return ("、" if language == "ja" else ", ").join(_said(one, book, language) for one in value)
    institution = book.institutions.get(str(value))
    if institution is None:
        return str(value)
    name = institution.name.to(language)
    return f"{name}（{value}）" if language == "ja" else f"{name} ({value})"
