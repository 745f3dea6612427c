"""Grades a run: every task's check, once. A drill is passed when nothing was missed; hints are counted, and cost nothing."""

from __future__ import annotations

from typing import Any

from warifu.simulator.drills.conduct import find, running
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.keeping import Keeping
from warifu.simulator.drills.model import Finding, Task, missed
from warifu.simulator.scenarios.stage import Stage


async def grade(stage: Stage, name: str) -> dict[str, Any]:
    """Grade the newest run and keep the grade: {"at", "passed", "done", "of", "hints", "findings": [{"task", "done", "detail"}]}.

    Raises:
        DrillError: no such drill; never begun.
    """
    run, drill = running(stage.state, name), find(name)
    ground = Ground(stage, run, hurry=True)
    findings = [(await _judged(ground, task)).document(task.id) for task in drill.tasks]
    made = {
        "at": (await stage.clock()).isoformat(),
        "passed": all(one["done"] for one in findings),
        "done": sum(one["done"] for one in findings),
        "of": len(findings),
        "hints": sum(run.hints.values()),
        "findings": findings,
    }
    with Keeping(stage.state).changing(name) as kept:
        kept.grades.append(made)
    return made


async def _judged(ground: Ground, task: Task) -> Finding:
    if task.question and not ground.answer(task.id):
        return missed("答えていない。", "Not answered.")
    return await task.check(ground)
