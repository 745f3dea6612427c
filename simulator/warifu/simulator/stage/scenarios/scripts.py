"""The trainer's scripts: what to say, do and show, what to ask trainees, and what each check looks at. Data: scenarios/scripts.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from warifu.simulator import scenarios
from warifu.simulator.stage.words import Words

_PATH: Final = Path(scenarios.__file__).with_name("scripts.toml")
_CHECKS: Final = "checks"


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

    def check(self, name: str, language: str) -> tuple[str, str]:
        """What a check looks at in words, and what it was about: the part of its name that the file does not know."""
        head, _, rest = name.partition(":")
        if (known := self.checks.get(name)) is not None:
            return known.to(language), ""
        if (known := self.checks.get(head)) is not None:
            return known.to(language), rest
        return name, ""


@cache
def scripts() -> Scripts:
    """The file as shipped.

    Raises:
        KeyError, TypeError: a text or a language is missing.
    """
    table = tomllib.loads(_PATH.read_text(encoding="utf-8"))
    checks = {name: Words.of(row) for name, row in table.pop(_CHECKS).items()}
    lessons = {name: _script(row) for name, row in table.items()}
    return Scripts(MappingProxyType(lessons), MappingProxyType(checks))


def _script(row: Mapping[str, Any]) -> Script:
    questions = [Question(Words.of(one["ask"]), Words.of(one["answer"])) for one in row["questions"]]
    return Script(Words.of(row["title"]), row["minutes"], [_step(one) for one in row["steps"]], questions)


def _step(row: Mapping[str, Any]) -> Step:
    say, do, look = (Words.of(row[name]) if name in row else None for name in ("say", "do", "look"))
    return Step(say, do, look, row.get("face", ""))
