"""What is printed of a drill: the trainees' sheet, which says no more than they are told, and the trainer's, which says everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from warifu.law import LawBook
from warifu.simulator.drills import DRILLS, Run
from warifu.simulator.drills.model import Task
from warifu.simulator.drills.texts import Texts, fill, texts
from warifu.simulator.stage.words import Words

BLANK: Final = "＿＿＿＿"
"""In the place of a fact that is not known before the drill is begun."""


def sheet(name: str, run: Run | None, book: LawBook, language: str, *, trainer: bool) -> dict[str, Any]:
    """Everything that a sheet shows, in one language. For trainees: `briefing` and `tasks` without hints."""
    drill, text = DRILLS[name], texts(name)
    known = (run.facts if trainer else run.shown) if run is not None else {}
    facts = dict.fromkeys(drill.shown | (drill.hidden if trainer else frozenset()), BLANK) | dict(known)

    def said(lines: Sequence[Words]) -> list[str]:
        return [fill(one, facts, book).to(language) for one in lines]

    whole: dict[str, Any] = {
        "title": text.title.to(language),
        "summary": text.summary.to(language),
        "minutes": text.minutes,
        "lasting": drill.lasting,
        "briefing": said(text.briefing),
        "tasks": [_task(text, task, facts, book, language, trainer=trainer) for task in drill.tasks],
    }
    if trainer:
        whole |= {part: said(getattr(text, part)) for part in ("truth", "report", "told", "lessons")}
        whole["law"] = laws(text, language)
    return whole


def _task(
    text: Texts, task: Task, facts: Mapping[str, Any], book: LawBook, language: str, *, trainer: bool
) -> dict[str, Any]:
    told = text.tasks[task.id]
    shown: dict[str, Any] = {
        "title": fill(told.title, facts, book).to(language),
        "text": fill(told.text, facts, book).to(language),
        "question": task.question,
        "choices": [one.text.to(language) for one in told.choices],
    }
    if trainer:
        shown["hints"] = [fill(one, facts, book).to(language) for one in told.hints]
        shown["missed"] = fill(told.missed, facts, book).to(language)
    return shown


def laws(text: Texts, language: str) -> list[dict[str, Any]]:
    """The articles that an incident touches."""
    return [
        {
            "article": one.article.to(language),
            "says": one.says.to(language),
            "penalty": one.penalty.to(language) if one.penalty is not None else "",
            "verified": one.verified,
        }
        for one in text.law
    ]
