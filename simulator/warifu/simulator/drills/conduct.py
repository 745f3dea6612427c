"""What a trainer does with a drill: begin it, see how it stands, take a hint, answer a question. The command and the stage call these alone.

    drill = find(name)                                 KeyError → UnknownDrillError, told
    run = await begin(stage, name, again=False)        plants; `stage` is a `warifu.simulator.scenarios.Stage`
    standing = await look(stage, name)                 tasks with their state, nothing of what is wrong
    hint(state, name, task), answer(state, name, task, value)
    grade = await grading.grade(stage, name)

`document(...)` is the whole as JSON, for the command and for pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warifu.law import LawBook, packaged
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.keeping import Keeping, Run
from warifu.simulator.drills.model import Drill, Task
from warifu.simulator.drills.registry import DRILLS
from warifu.simulator.drills.texts import Texts, fill, texts
from warifu.simulator.scenarios.stage import Stage
from warifu.simulator.stage.words import Words
from warifu.simulator.told import ToldError

OPEN, DONE, GIVEN = "open", "done", "given"


class DrillError(ToldError):
    """What was asked of a drill cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a task stands: OPEN, DONE, or for a question GIVEN, whatever was answered."""

    task: Task
    state: str


def find(name: str) -> Drill:
    """The drill of this name.

    Raises:
        DrillError: there is none.
    """
    if name not in DRILLS:
        there = ", ".join(DRILLS)
        raise DrillError(
            f"{name} という訓練はありません。ある名前: {there}", f"there is no drill {name}. There are: {there}"
        )
    return DRILLS[name]


def running(state: Path, name: str) -> Run:
    """The drill's newest run.

    Raises:
        DrillError: there is no such drill, or it was never begun on this network.
    """
    run = Keeping(state).run(find(name).name)
    if run is None:
        raise DrillError(
            f"{name} はまだ始まっていません。始める: warifu drill begin {name}",
            f"{name} has not begun. Begin it with: warifu drill begin {name}",
        )
    return run


async def begin(stage: Stage, name: str, *, again: bool = False) -> Run:
    """Plant the incident and keep what was planted. A run that is not graded yet is replaced only `again`.

    Raises:
        DrillError: no such drill; it is under way.
        NotPlayableError: the network cannot play it as it stands.
    """
    drill, keeping = find(name), Keeping(stage.state)
    before = keeping.run(name)
    if before is not None and not before.grades and not again:
        raise DrillError(
            f"{name} はもう始まっています。続ける: warifu drill show {name}　初めからやり直す: warifu drill begin {name} --again",
            f"{name} is under way. Go on with: warifu drill show {name}, or begin anew with: warifu drill begin {name} --again",
        )
    run = Run(name, (await stage.clock()).isoformat(), {}, {})
    ground = Ground(stage, run)
    run.marks = ground.last_rows()
    facts = await drill.plant(ground)
    if set(facts.shown) != drill.shown or set(facts.hidden) != drill.hidden:
        msg = f"{name} planted other facts than it declares"
        raise RuntimeError(msg)
    run.shown, run.hidden = dict(facts.shown), dict(facts.hidden)
    keeping.put(run)
    return run


async def look(stage: Stage, name: str) -> list[Standing]:
    """How the tasks stand now; raises as `running`."""
    run, drill = running(stage.state, name), find(name)
    ground = Ground(stage, run)
    return [Standing(task, await _state(ground, task)) for task in drill.tasks]


async def _state(ground: Ground, task: Task) -> str:
    if task.question:
        return GIVEN if ground.answer(task.id) else OPEN
    return DONE if (await task.check(ground)).done else OPEN


def hint(state: Path, name: str, task: str) -> tuple[Words, int]:
    """Take the next hint of a task, and how many are left; the last one again once all are taken. Counted once each.

    Raises:
        DrillError: no such drill or task; never begun.
    """
    running(state, name)
    hints = texts(name).tasks[_task(name, task, question=False).id].hints
    with Keeping(state).changing(name) as run:
        taken = run.hints[task] = min(run.hints.get(task, 0) + 1, len(hints))
    return fill(hints[taken - 1], run.shown, packaged()), len(hints) - taken


def answer(state: Path, name: str, task: str, value: str) -> None:
    """Answer a question; the last answer counts.

    Raises:
        DrillError: no such drill or question; never begun; not one of the question's choices.
    """
    running(state, name)
    _task(name, task, question=True)
    choices, value = texts(name).tasks[task].choices, value.strip()
    if not value or (choices and value not in {one.value for one in choices}):
        there = ", ".join(one.value for one in choices) or "…"
        raise DrillError(f"答えは次のどれかで: {there}", f"answer with one of: {there}")
    with Keeping(state).changing(name) as run:
        run.answers[task] = value


def _task(name: str, task: str, *, question: bool) -> Task:
    drill = find(name)
    found = drill.task(task)
    if found is None or (question and not found.question):
        there = ", ".join(one.id for one in drill.tasks if one.question or not question)
        raise DrillError(
            f"{task} という{'問い' if question else '課題'}はありません。ある名前: {there or 'なし'}",
            f"there is no {'question' if question else 'task'} {task}. There are: {there or 'none'}",
        )
    return found


def document(run: Run | None, name: str, standing: Sequence[Standing], book: LawBook) -> dict[str, Any]:
    """A drill as programs and pages see it; the debrief only once it was graded.

    Every text is {"ja", "en"}. Of a drill that was never begun: title, summary, minutes, and the names of its tasks.
    """
    drill, told = find(name), texts(name)
    whole: dict[str, Any] = {
        "drill": name, "title": _both(told.title), "summary": _both(told.summary), "minutes": told.minutes,
        "lasting": drill.lasting, "begun_at": run.begun_at if run is not None else None,
    }  # fmt: skip
    if run is None:
        return whole | {"tasks": [{"task": task.id, "title": _both(told.tasks[task.id].title)} for task in drill.tasks]}
    said = [_both(fill(words, run.shown, book)) for words in told.briefing]
    tasks = [_task_document(run, one, told, book) for one in standing]
    grade = run.grades[-1] if run.grades else None
    whole |= {"briefing": said, "tasks": tasks, "grade": grade}
    return whole | ({"debrief": debrief(run, told, book)} if grade is not None else {})


def _task_document(run: Run, standing: Standing, told: Texts, book: LawBook) -> dict[str, Any]:
    task, text = standing.task, told.tasks[standing.task.id]
    taken = run.hints.get(task.id, 0)
    return {
        "task": task.id,
        "question": task.question,
        "title": _both(fill(text.title, run.shown, book)),
        "text": _both(fill(text.text, run.shown, book)),
        "faces": list(text.faces),
        "state": standing.state,
        "answer": run.answers.get(task.id),
        "choices": [{"value": one.value, **_both(one.text)} for one in text.choices],
        "hints": [_both(fill(one, run.shown, book)) for one in text.hints[:taken]],
        "hints_left": len(text.hints) - taken,
    }


def debrief(run: Run, told: Texts, book: LawBook) -> dict[str, Any]:
    """What is told once the drill was graded: `truth`, `missed` (of the tasks not done), `law`, `report`, `told`, `lessons`."""
    undone = [one["task"] for one in run.grades[-1]["findings"] if not one["done"]]
    lists = {name: getattr(told, name) for name in ("truth", "report", "told", "lessons")}
    return {
        **{name: [_both(fill(words, run.facts, book)) for words in lines] for name, lines in lists.items()},
        "missed": {task: _both(fill(told.tasks[task].missed, run.facts, book)) for task in undone},
        "law": [
            {
                "article": _both(one.article),
                "says": _both(one.says),
                "penalty": _both(one.penalty) if one.penalty else None,
                "verified": one.verified,
            }
            for one in told.law
        ],
    }


def _both(words: Words) -> dict[str, str]:
    return {"ja": words.ja, "en": words.en}
