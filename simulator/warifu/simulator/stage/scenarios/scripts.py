"""The trainer's scripts: what to say, do and show, what to ask trainees, and what each check looks at. Data: scenarios/scripts.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from warifu.law import Item
from warifu.simulator import scenarios
from warifu.simulator.stage.words import Words

_PATH: Final = Path(scenarios.__file__).with_name("scripts.toml")
_CHECKS: Final = "checks"
_ABOUT: Final = "about"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a lesson; of its texts any may be missing."""

    say: Words | None
    do: Words | None
    look: Words | None
    face: str
    """The face to look at: portal, counter, provider, watchdog, log, picture; or none."""


@dataclass(frozen=True, slots=True)
class Question:
    """What trainees are asked, with its answer for the trainer."""

    ask: Words
    answer: Words


@dataclass(frozen=True, slots=True)
class Script:
    """A lesson about one scenario."""

    title: Words
    minutes: int
    steps: Sequence[Step]
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Scripts:
    """The whole file."""

    lessons: Mapping[str, Script]
    """By scenario."""
    checks: Mapping[str, Words]
    parts: Mapping[str, Words]
    """What may stand in a check's name after what it looks at."""

    def check(self, name: str, language: str) -> tuple[str, str]:
        """What a check looks at in words, and what it was about: the part of its name that the file does not know."""
        head, _, rest = name.partition(":")
        if (known := self.checks.get(name)) is not None:
            return known.to(language), ""
        if (known := self.checks.get(head)) is not None:
            return known.to(language), rest
        return name, ""

    def about(self, rest: str, language: str, items: Mapping[str, Item]) -> str:
        """What a check was about, part by part: an item of the law book by its name; a part that is not known stands for itself."""
        parts = [part for one in rest.split(":") for part in one.split("+") if part]
        return ", ".join(self._part(part, language, items) for part in parts)

    def _part(self, part: str, language: str, items: Mapping[str, Item]) -> str:
        if part in items:
            return items[part].name.to(language)
        return self.parts[part].to(language) if part in self.parts else part


@cache
def scripts() -> Scripts:
    """The file as shipped.

    Raises:
        KeyError, TypeError: a text or a language is missing.
    """
    table = tomllib.loads(_PATH.read_text(encoding="utf-8"))
    checks, parts = ({name: Words.of(row) for name, row in table.pop(which).items()} for which in (_CHECKS, _ABOUT))
    lessons = {name: _script(row) for name, row in table.items()}
    return Scripts(MappingProxyType(lessons), MappingProxyType(checks), MappingProxyType(parts))


def _script(row: Mapping[str, Any]) -> Script:
    questions = [Question(Words.of(one["ask"]), Words.of(one["answer"])) for one in row["questions"]]
    return Script(Words.of(row["title"]), row["minutes"], [_step(one) for one in row["steps"]], questions)


def _step(row: Mapping[str, Any]) -> Step:
    say, do, look = (Words.of(row[name]) if name in row else None for name in ("say", "do", "look"))
    return Step(say, do, look, row.get("face", ""))
