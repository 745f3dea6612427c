"""The stage's pages of drills: complete in both languages, telling nothing before the grading, and leading into the faces to act in."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from unit.stage.lab import Lab, gone, visible

from warifu.simulator.drills import DRILLS, conduct
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.drills.texts import texts
from warifu.simulator.scenarios.stage import NotPlayableError
from warifu.simulator.stage.drills import desk, sheets, views
from warifu.simulator.stage.drills.places import Places
from warifu.simulator.stage.ways import Ways

NAME = "leaked-number"
PERSON = "p-000017"
SHOWN = {"person": PERSON, "name": "Hana Shiomi", "office": "residency-480011", "day": "2026-04-06"}
HIDDEN = {"old_number": "999622003730", "requests": ["r-1"], "entries": 2, "letter": "l-1"}


class World:
    """What the checks of a drill read."""

    def __init__(self) -> None:
        self.solved: set[str] = set()
        self.looks = 0
        self.trouble: Exception | None = None

    def check(self, task: str) -> Any:
        """A check of one task."""

        async def look(ground: Ground) -> Finding:
            self.looks += 1
            if self.trouble is not None:
                raise self.trouble
            if task in self.solved or ground.answer(task) in {"none", "2"}:
                return done("よし。", "Good.")
            return missed(f"{task} が足りない。", f"{task} is missing.")

        return look

    async def plant(self, _ground: Ground) -> Facts:
        """The incident."""
        if self.trouble is not None:
            raise self.trouble
        return Facts(SHOWN, HIDDEN)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """The drill with its real texts, in a world that a test holds."""
    made, real = World(), DRILLS[NAME]
    tasks = [Task(task.id, made.check(task.id), task.question) for task in real.tasks]
    drills: dict[str, Drill] = {**DRILLS, NAME: replace(real, plant=made.plant, tasks=tasks)}
    for module in (conduct, views, sheets):
        monkeypatch.setattr(module, "DRILLS", drills)
    monkeypatch.setattr(desk, "FRESH", 0.0)
    monkeypatch.setattr(Ground, "last_rows", lambda _self: {})
    return made


async def begun(lab: Lab) -> None:
    """Begin it as a trainer does."""
    answer = await lab.post(f"/drills/{NAME}/begin")
    assert answer.headers["location"] == f"/drills/{NAME}#briefing"


def states(page: str) -> dict[str, str]:
    """State by task, as the page marks it."""
    return dict(re.findall(r'data-task="([a-z-]+)" data-state="([a-z]+)"', page))


async def test_every_page_is_complete_in_both_languages(lab: Lab, world: World) -> None:
    """Before the begin, under way and graded: one first heading each, and in English no Japanese but what is marked as such."""
    paths = ["/drills", *(f"/drills/{name}{part}" for name in DRILLS for part in ("", "/sheet", "/script"))]
    for begin in (False, True):
        if begin:
            await begun(lab)
            await lab.post(f"/drills/{NAME}/hints", task="number")
            await lab.post(f"/drills/{NAME}/grade")
            paths = ["/drills", f"/drills/{NAME}", f"/drills/{NAME}/sheet", f"/drills/{NAME}/script"]
        for path in paths:
            for language in ("ja", "en"):
                page = await lab.get(path, language)
                assert page.status_code == 200, path
                assert page.text.count("<h1") == 1, path
                text = visible(page.text).replace("日本語", "") if language == "en" else ""
                assert not [letter for letter in text if "\u3040" <= letter <= "\u9fff"], (path, text)


async def test_the_first_page_and_the_menu_lead_to_the_drills(lab: Lab) -> None:
    """Both have the link; every drill is in the list, with how long it takes."""
    front = (await lab.get("/")).text
    assert 'data-testid="front-drills"' in front
    assert 'data-testid="nav-drills"' in front
    page = (await lab.get("/drills", "en")).text
    for name in DRILLS:
        assert f'href="/drills/{name}"' in page
        assert texts(name).title.en in page


async def test_nothing_is_told_before_the_grading(lab: Lab, world: World) -> None:
    """Briefing, tasks, marks and the trainees' sheet have neither what had happened nor a hint that nobody took; the trainer's sheet has all."""
    assert 'data-testid="drill-briefing"' not in (await lab.get(f"/drills/{NAME}")).text
    await begun(lab)
    truth, hint = texts(NAME).truth[1].en, texts(NAME).tasks["number"].hints[1].en
    for path in ("", "/state", "/sheet"):
        page = (await lab.get(f"/drills/{NAME}{path}", "en")).text
        assert HIDDEN["old_number"] not in page
        assert truth not in page
        assert hint not in page
        assert "is missing" not in page
    script = (await lab.get(f"/drills/{NAME}/script", "en")).text
    assert HIDDEN["old_number"] in script
    assert truth in script
    assert hint in script


async def test_a_sheet_before_the_begin_leaves_blanks(lab: Lab) -> None:
    """Without a run no fact is known: people and institutions are blank, and the sheet says so."""
    for part in ("sheet", "script"):
        page = (await lab.get(f"/drills/{NAME}/{part}", "en")).text
        assert sheets.BLANK in page
        assert 'data-testid="drill-not-begun"' in page
        assert "{" not in visible(page)


async def test_marks_follow_what_others_hold(lab: Lab, world: World) -> None:
    """A task is done once its check finds so; a question is only ever said to be answered, and the marks come out of band."""
    await begun(lab)
    assert set(states((await lab.get(f"/drills/{NAME}")).text).values()) == {"open"}
    world.solved = {"number", "report"}
    await lab.post(f"/drills/{NAME}/answers", task="codes", value="all")
    part = await lab.get(f"/drills/{NAME}/state", "en")
    assert states(part.text) == {
        "number": "done", "codes": "given", "history": "open", "letter": "open", "report": "done",
    }  # fmt: skip
    assert part.text.count('hx-swap-oob="true"') == 5
    assert "2 of 5 to go" in part.text
    assert "<form" not in part.text, "an answer that is being typed would be lost"


async def test_an_answer_is_kept_and_shown(lab: Lab, world: World) -> None:
    """The last one stands in the form; none, or one that is no choice, is told beside its field or on top."""
    await begun(lab)
    answer = await lab.post(f"/drills/{NAME}/answers", task="history", value="2")
    assert answer.headers["location"] == f"/drills/{NAME}#task-history"
    assert 'value="2"' in (await lab.get(f"/drills/{NAME}")).text
    nothing = await lab.post(f"/drills/{NAME}/answers", task="history", value=" ")
    assert (nothing.status_code, 'id="answer-history-wrong"' in nothing.text) == (400, True)
    no_choice = await lab.post(f"/drills/{NAME}/answers", task="codes", value="<script>")
    assert (no_choice.status_code, 'data-testid="stage-problem"' in no_choice.text) == (400, True)
    assert "<script>" not in no_choice.text
    assert (await lab.post(f"/drills/{NAME}/answers", task="number", value="2")).status_code == 400


async def test_free_answers_are_shown_as_text(lab: Lab, world: World) -> None:
    """What somebody typed never becomes markup."""
    await begun(lab)
    await lab.post(f"/drills/{NAME}/answers", task="history", value='"><b>x')
    page = (await lab.get(f"/drills/{NAME}")).text
    assert '"><b>x' not in page
    assert "&#34;&gt;&lt;b&gt;x" in page


async def test_hints_come_one_by_one_and_are_counted(lab: Lab, world: World) -> None:
    """Each press gives one more until there is none left; the grade says how many were taken."""
    await begun(lab)
    hints = texts(NAME).tasks["number"].hints
    for taken in range(1, len(hints) + 1):
        await lab.post(f"/drills/{NAME}/hints", task="number")
        page = (await lab.get(f"/drills/{NAME}", "en")).text
        assert len(re.findall(r"<li>", page[page.index('data-testid="hints-number"') :].split("</ol>")[0])) == taken
    assert 'data-testid="hint-number"' not in page
    assert (await lab.post(f"/drills/{NAME}/hints", task="nothing")).status_code == 400
    await lab.post(f"/drills/{NAME}/grade")
    assert f"Hints taken: {len(hints)}" in (await lab.get(f"/drills/{NAME}", "en")).text


async def test_a_grade_names_what_was_missed_and_then_tells_all(lab: Lab, world: World) -> None:
    """Each finding has its detail; law, truth and what to tell come with the first grade; a passed one says so."""
    await begun(lab)
    await lab.post(f"/drills/{NAME}/grade")
    page = (await lab.get(f"/drills/{NAME}", "en")).text
    assert 'data-passed="no"' in page
    assert "number is missing." in page
    assert "Not answered." in page
    assert texts(NAME).tasks["letter"].missed.en in page
    assert str(HIDDEN["old_number"]) in page
    assert texts(NAME).law[0].article.en in page
    world.solved = {"number", "letter", "report"}
    await lab.post(f"/drills/{NAME}/answers", task="codes", value="none")
    await lab.post(f"/drills/{NAME}/answers", task="history", value="2")
    await lab.post(f"/drills/{NAME}/grade")
    assert 'data-passed="yes"' in (await lab.get(f"/drills/{NAME}")).text
    assert "合格" in (await lab.get("/drills")).text


async def test_beginning_anew_is_asked_for(lab: Lab, world: World) -> None:
    """A run that is under way is not replaced by the button of another page that is still open; with the box it is."""
    await begun(lab)
    await lab.post(f"/drills/{NAME}/hints", task="number")
    again = await lab.post(f"/drills/{NAME}/begin")
    assert (again.status_code, 'data-testid="stage-problem"' in again.text) == (409, True)
    await lab.post(f"/drills/{NAME}/begin", again="1")
    assert 'data-testid="hints-number"' not in (await lab.get(f"/drills/{NAME}")).text


async def test_what_cannot_be_begun_says_why(lab: Lab, world: World) -> None:
    """A network without anybody left for the drill is told in words, and nothing is kept."""
    world.trouble = NotPlayableError("人が残っていません。", "nobody is left")
    answer = await lab.client.post(
        f"/drills/{NAME}/begin", headers={"origin": "http://stage.localhost:8175", "accept-language": "en"}
    )
    assert (answer.status_code, "nobody is left" in answer.text) == (409, True)
    assert not (lab.state / "simulator" / "drills.json").exists()


async def test_a_party_that_is_down_is_said_so(lab: Lab, world: World) -> None:
    """The tasks stay on the page as open, with a word on what cannot be checked; grading says why it cannot be done."""
    await begun(lab)
    world.trouble = gone()
    page = await lab.get(f"/drills/{NAME}")
    assert (page.status_code, 'data-testid="drill-unseen"' in page.text) == (200, True)
    assert set(states(page.text).values()) == {"open"}
    assert (await lab.post(f"/drills/{NAME}/grade")).status_code == 409
    world.trouble = None
    assert 'data-testid="drill-unseen"' not in (await lab.get(f"/drills/{NAME}")).text


async def test_nothing_is_begun_or_graded_beside_a_play(lab: Lab, world: World) -> None:
    """While a scenario is played or the clock is moved the page says to press again later."""
    await begun(lab)
    lab.doors.settling = asyncio.Event()
    await lab.post("/clock", move="day")  # whoever moves the clock holds the plays' lock while parties settle
    for act in ("begin", "grade"):
        assert (await lab.post(f"/drills/{NAME}/{act}", again="1")).headers["location"] == f"/drills/{NAME}?busy"
    assert 'data-testid="stage-problem"' in (await lab.get(f"/drills/{NAME}?busy")).text
    lab.doors.settling.set()


async def test_many_pages_look_once(lab: Lab, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks within two seconds sees what was seen last: a room full of open pages asks the parties no more than one."""
    await begun(lab)
    monkeypatch.setattr(desk, "FRESH", 60.0)
    await asyncio.gather(*(lab.get(f"/drills/{NAME}/state") for _ in range(8)))
    assert world.looks == len([task for task in DRILLS[NAME].tasks if not task.question])


async def test_unknown_drills_and_runs_are_missing(lab: Lab, world: World) -> None:
    """404 for a drill that is none, and for the marks of one that never began."""
    for path in ("/drills/none", "/drills/none/sheet", "/drills/none/script", f"/drills/{NAME}/state"):
        assert (await lab.get(path)).status_code == 404, path
    for act in ("begin", "hints", "answers", "grade"):
        assert (await lab.post(f"/drills/none/{act}")).status_code == 404


async def test_forms_of_other_sites_do_nothing(lab: Lab, world: World) -> None:
    """A form from elsewhere begins, answers and grades nothing."""
    await begun(lab)
    before = (lab.state / "simulator" / "drills.json").read_text(encoding="utf-8")
    for act in ("begin", "hints", "answers", "grade"):
        sent = await lab.client.post(
            f"/drills/{NAME}/{act}", data={"task": "number", "again": "1"}, headers={"origin": "http://evil.localhost"}
        )
        assert sent.status_code == 403
    assert (lab.state / "simulator" / "drills.json").read_text(encoding="utf-8") == before


async def test_pages_are_kept_by_nobody(lab: Lab, world: World) -> None:
    """Nothing of a drill stays in a browser's cache, and nothing runs but the face's own scripts."""
    await begun(lab)
    for path in (f"/drills/{NAME}", f"/drills/{NAME}/script", f"/drills/{NAME}/state"):
        headers = (await lab.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert "unsafe" not in headers["content-security-policy"]


async def test_what_is_kept_is_the_launcher_s_alone(lab: Lab, world: World) -> None:
    """The ground truth lies beside the simulator's seed, for its owner to read."""
    await begun(lab)
    path = lab.state / "simulator" / "drills.json"
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text(encoding="utf-8"))[NAME]["hidden"] == HIDDEN


def test_ways_lead_where_the_briefing_names_somebody() -> None:
    """Counters of the institutions, card, slip and login of the persons; nothing where the network has no such face."""
    from warifu.law import packaged

    urls = {party: f"http://{party}.localhost" for party in ("portal", "simulator", "counter", "watchdog")}
    known = Places.of(Ways(urls), SHOWN | {"more": [PERSON, "residency-480029"], "n": 3}, packaged(), str.upper)
    assert known.persons == [PERSON]
    assert [code for code, _ in known.institutions] == ["residency-480011", "residency-480029"]
    kinds = [place.kind for place in known.all("counter", "portal", "card", "stage", "watchdog", "command")]
    assert kinds == ["counter", "counter", "citizen", "portal", "card", "slip", "watchdog"]
    nowhere = Places.of(Ways({}), SHOWN, packaged(), str)
    assert [place.kind for place in nowhere.all("counter", "portal", "card", "watchdog")] == []
