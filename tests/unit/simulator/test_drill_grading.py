"""Drills without a network: begun, hinted, answered and graded over a state folder, with checks of paper."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import create_engine, insert

from warifu.law import LawBook, packaged
from warifu.simulator.drills import DrillError, Keeping, answer, begin, conduct, document, grade, hint, look, looks
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.scenarios.stage import Stage
from warifu.supervision.v1 import supervision_pb2 as filing
from warifu.watchdog.schema import LEAK, metadata

NAME = "stale-copy"
"""Whose texts are used; what it plants and checks is made of paper here."""
INSURER = "insurer-06480016"


@dataclass
class PaperStage:
    """As much of a scenario's stage as a drill without a network needs."""

    state: Path
    book: LawBook

    async def clock(self) -> datetime:
        """A moment that stands still."""
        return datetime(2026, 4, 6, tzinfo=UTC)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A state folder with the supervisor's empty tables."""
    (tmp_path / "simulator").mkdir()
    (tmp_path / "watchdog").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path}/watchdog/watchdog.db")
    metadata.create_all(engine)
    engine.dispose()
    return cast("Stage", PaperStage(tmp_path, packaged()))


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A drill whose tasks are done once their names are put here."""
    names: set[str] = set()

    def checked(name: str) -> Task:
        async def check(ground: Ground) -> Finding:
            if name == "cause":
                return done("正", "right") if ground.answer("cause") == "copy" else missed("誤", "wrong")
            return done("済", "done") if name in names else missed("未", "open")

        return Task(name, check, question=name == "cause")

    async def plant(_ground: Ground) -> Facts:
        return Facts({"office": "tax-480011", "union": "union-39480017", "case": "c-000001"}, {"name": "見本 花"})

    drill = Drill(
        NAME,
        plant,
        tuple(map(checked, ("cause", "copy", "asked-anew", "corrected"))),
        shown=frozenset({"office", "union", "case"}),
        hidden=frozenset({"name"}),
    )
    monkeypatch.setattr(conduct, "DRILLS", {NAME: drill})
    return names


def told(stage: Stage) -> dict[str, Any]:
    """The drill as pages and programs see it."""
    standing = asyncio.run(look(stage, NAME))
    return document(Keeping(stage.state).run(NAME), NAME, standing, stage.book)


@pytest.mark.usefixtures("solved")
def test_a_drill_that_never_began_can_only_be_begun(stage: Stage) -> None:
    """Looking, hinting, answering and grading say that it has not begun; its name, when it is none, with those there are."""
    for act in (look, grade):
        with pytest.raises(DrillError, match="has not begun"):
            asyncio.run(act(stage, NAME))
    with pytest.raises(DrillError, match="has not begun"):
        hint(stage.state, NAME, "copy")
    with pytest.raises(DrillError, match="has not begun"):
        answer(stage.state, NAME, "cause", "copy")
    with pytest.raises(DrillError, match=f"There are: {NAME}"):
        asyncio.run(begin(stage, "nothing"))
    assert set(document(None, NAME, [], stage.book)) >= {"drill", "title", "summary", "tasks"}


@pytest.mark.usefixtures("solved")
def test_a_run_under_way_is_replaced_only_when_that_is_asked(stage: Stage) -> None:
    """Beginning twice is refused, and with `again` drops hints and answers; a graded run is simply followed by the next."""
    asyncio.run(begin(stage, NAME))
    hint(stage.state, NAME, "copy")
    with pytest.raises(DrillError, match="under way"):
        asyncio.run(begin(stage, NAME))
    assert not asyncio.run(begin(stage, NAME, again=True)).hints
    asyncio.run(grade(stage, NAME))
    assert not asyncio.run(begin(stage, NAME)).grades


@pytest.mark.usefixtures("solved")
def test_hints_come_one_by_one_and_are_counted(stage: Stage) -> None:
    """Each call gives the next one; after the last it is given again and no more is counted."""
    asyncio.run(begin(stage, NAME))
    given = [hint(stage.state, NAME, "copy") for _ in range(4)]
    assert [left for _, left in given] == [1, 0, 0, 0]
    assert len({words.en for words, _ in given}) == 2
    assert told(stage)["tasks"][1]["hints_left"] == 0
    assert asyncio.run(grade(stage, NAME))["hints"] == 2
    with pytest.raises(DrillError, match="no task nothing"):
        hint(stage.state, NAME, "nothing")


@pytest.mark.usefixtures("solved")
def test_only_questions_are_answered_and_only_with_what_they_offer(stage: Stage) -> None:
    """The last answer counts; a task that is no question, an empty answer and one that is no choice are refused."""
    asyncio.run(begin(stage, NAME))
    answer(stage.state, NAME, "cause", "original")
    answer(stage.state, NAME, "cause", " copy ")
    for task, value, says in (
        ("copy", "x", "no question"),
        ("cause", " ", "answer with"),
        ("cause", "x", "answer with"),
    ):
        with pytest.raises(DrillError, match=says):
            answer(stage.state, NAME, task, value)
    assert told(stage)["tasks"][0]["answer"] == "copy"


def test_how_a_task_stands_is_told_without_whether_an_answer_is_right(stage: Stage, solved: set[str]) -> None:
    """An act is open or done as it is; a question is open or given, right or wrong; nothing of the debrief is told."""
    asyncio.run(begin(stage, NAME))
    solved.add("copy")
    answer(stage.state, NAME, "cause", "person")
    whole = told(stage)
    assert [task["state"] for task in whole["tasks"]] == ["given", "done", "open", "open"]
    assert whole["grade"] is None
    assert "debrief" not in whole
    assert "見本" not in str(whole)
    assert "wrong" not in str([task["state"] for task in whole["tasks"]])


def test_the_grade_names_what_was_missed(stage: Stage, solved: set[str]) -> None:
    """An empty run misses everything; a wrong answer is missed as such; when nothing is missed the drill is passed. Grades are kept."""
    asyncio.run(begin(stage, NAME))
    empty = asyncio.run(grade(stage, NAME))
    assert (empty["passed"], empty["done"], empty["of"]) == (False, 0, 4)
    assert empty["findings"][0]["detail"]["en"] == "Not answered."
    answer(stage.state, NAME, "cause", "person")
    solved |= {"copy", "asked-anew", "corrected"}
    wrong = asyncio.run(grade(stage, NAME))
    assert [one["task"] for one in wrong["findings"] if not one["done"]] == ["cause"]
    assert list(told(stage)["debrief"]["missed"]) == ["cause"]
    answer(stage.state, NAME, "cause", "copy")
    assert asyncio.run(grade(stage, NAME))["passed"]
    assert len(Keeping(stage.state).runs()[NAME].grades) == 3
    debrief = told(stage)["debrief"]
    assert not debrief["missed"]
    assert "見本 花" in str(debrief["truth"])


@pytest.mark.usefixtures("solved")
def test_the_file_of_runs_is_nobody_elses(stage: Stage) -> None:
    """It holds ground truth: only the owner may read it."""
    asyncio.run(begin(stage, NAME))
    assert (stage.state / "simulator" / "drills.json").stat().st_mode & 0o077 == 0


# --- the leak report ----------------------------------------------------------------------------------------------------


def report(
    stage: Stage, reference: str, *, final: bool = False, wrongful: bool = False, persons: int = 1, what: str = "漏えい"
) -> None:
    """A report as the supervisor keeps it."""
    content = filing.ReportLeakRequest(
        reference=reference,
        known_on="2026-04-06",
        persons=persons,
        what=what,
        wrongful_purpose=wrongful,
        is_final=final,
    ).SerializeToString()
    row = {"institution": INSURER, "reference": reference, "known_on": "2026-04-06", "wrongful": wrongful}
    engine = create_engine(f"sqlite:///{stage.state}/watchdog/watchdog.db")
    with engine.begin() as connection:
        connection.execute(insert(LEAK), row | {"final" if final else "preliminary": content})
    engine.dispose()


def judged(stage: Stage, **more: Any) -> Finding:
    """What the check says of one person's leak without a wrongful purpose."""
    run = Keeping(stage.state).run(NAME)
    assert run is not None
    expected: dict[str, Any] = {"persons": 1, "wrongful": False, "names": ["見本 花"]} | more
    return asyncio.run(looks.leak_reported(Ground(stage, run), INSURER, **expected))


@pytest.mark.usefixtures("solved")
def test_a_leak_report_counts_when_it_came_after_the_begin_and_is_right(stage: Stage) -> None:
    """One of before does not count; wrong numbers, a wrong purpose and a name are told apart; one right report is enough."""
    report(stage, "before")
    asyncio.run(begin(stage, NAME))
    assert "No leak report" in judged(stage).detail.en
    report(stage, "many", persons=7)
    assert "7 person(s); 1 are concerned" in judged(stage).detail.en
    report(stage, "purpose", wrongful=True)
    assert "wrongful purpose" in judged(stage).detail.en
    report(stage, "named", what="見本 花さんの情報")
    assert "name a person" in judged(stage).detail.en
    report(stage, "right", final=True)
    assert judged(stage).done
    assert not judged(stage, persons=2).done


@pytest.mark.usefixtures("solved")
def test_checks_cannot_write_to_a_partys_database(stage: Stage) -> None:
    """They read it through a connection that refuses to write."""
    asyncio.run(begin(stage, NAME))
    run = Keeping(stage.state).run(NAME)
    assert run is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        Ground(stage, run).rows("watchdog", "watchdog.db", "DELETE FROM leak")
    with pytest.raises(KeyError):
        Ground(stage, run).filed("staff")
    with closing(sqlite3.connect(stage.state / "watchdog" / "watchdog.db")) as database:
        assert database.execute("SELECT count(*) FROM leak").fetchone() == (0,)
