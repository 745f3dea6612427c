"""Every drill's texts: whole, in both languages, and telling nothing before its time."""

from __future__ import annotations

import re

import pytest

from warifu.law import packaged
from warifu.simulator.drills import DRILLS
from warifu.simulator.drills.model import Drill
from warifu.simulator.drills.texts import FACES, FOLDER, Texts, fill, places, texts
from warifu.simulator.stage.words import Words

COMMAND = re.compile(r"warifu (drill|operator|audit|view|verify|people|history|permissions|status|demo)\b")
EVERY = pytest.mark.parametrize("drill", DRILLS.values(), ids=DRILLS)


def before_the_grade(told: Texts) -> list[Words]:
    """What is read while the drill is under way."""
    tasks = told.tasks.values()
    return [
        *told.briefing,
        *(one.text for one in tasks),
        *(one.title for one in tasks),
        *(h for t in tasks for h in t.hints),
    ]


def after_the_grade(told: Texts) -> list[Words]:
    """What the debrief says, but for the law."""
    return [*told.truth, *told.report, *told.told, *told.lessons, *(task.missed for task in told.tasks.values())]


def every(told: Texts) -> list[Words]:
    """All of it."""
    law = [text for one in told.law for text in (one.article, one.says, one.penalty) if text is not None]
    choices = [choice.text for task in told.tasks.values() for choice in task.choices]
    return [told.title, told.summary, *before_the_grade(told), *after_the_grade(told), *law, *choices]


def test_every_drill_has_texts_and_no_texts_are_left_over() -> None:
    """What can be begun can be read."""
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(DRILLS)


@EVERY
def test_every_text_stands_in_both_languages(drill: Drill) -> None:
    """Japanese is Japanese, English is English, and both use the same facts."""
    for text in every(texts(drill.name)):
        assert text.ja.strip(), text
        assert text.en.strip(), text
        assert any("\u3040" <= letter <= "\u9fff" for letter in text.ja), text.ja
        assert not any("\u3040" <= letter <= "\u9fff" for letter in text.en), text.en
        assert len(re.findall(r"\{\w+\}", text.ja)) >= len(places(text)) == len(set(re.findall(r"\{(\w+)\}", text.en)))


@EVERY
def test_every_task_can_be_understood_and_hinted_at(drill: Drill) -> None:
    """Tasks and texts are the same, in order; each has hints, a face to work in, and why it matters; questions alone have choices."""
    told = texts(drill.name)
    assert list(told.tasks) == [task.id for task in drill.tasks]
    assert 15 <= told.minutes <= 90
    assert len(told.briefing) >= 2
    for task in drill.tasks:
        text = told.tasks[task.id]
        assert text.hints
        assert text.faces
        assert set(text.faces) <= FACES
        assert task.question or not text.choices
        assert len({choice.value for choice in text.choices}) == len(text.choices)


@EVERY
def test_nothing_hidden_is_told_before_the_grade(drill: Drill) -> None:
    """Briefing, tasks and hints use shown facts alone; the debrief only what is planted."""
    told = texts(drill.name)
    assert not drill.shown & drill.hidden
    for text in before_the_grade(told):
        assert places(text) <= drill.shown, text
    for text in after_the_grade(told):
        assert places(text) <= drill.shown | drill.hidden, text


@EVERY
def test_the_debrief_says_what_to_report_and_to_tell_and_by_which_law(drill: Drill) -> None:
    """Truth, report, words for the citizen and lessons; an article or more, and a penalty, or that there is none."""
    told = texts(drill.name)
    assert told.truth
    assert told.report
    assert told.told
    assert told.lessons
    assert told.law
    assert any(one.penalty or "罰則はない" in one.says.ja or "罰則" in one.article.ja for one in told.law)


@EVERY
def test_commands_that_texts_name_exist(drill: Drill) -> None:
    """A hint never names a verb that the command does not have, nor the drill by another name."""
    for text in every(texts(drill.name)):
        for language in (text.ja, text.en):
            assert len(re.findall(r"warifu [a-z]", language)) == len(COMMAND.findall(language)), language
            assert all(name == drill.name for name in re.findall(r"warifu drill [a-z]+ ([a-z]+-[a-z]+)", language))


def test_an_institutions_code_reads_as_its_name() -> None:
    """A fact that is a code is told by name and code in each language; other facts as they are; what is no fact stays as it is written."""
    words = Words("{office}と{names}と{other}", "{office}, {names}, {other}")
    told = fill(words, {"office": "tax-480011", "names": ["一", "二"]}, packaged())
    name = packaged().institutions["tax-480011"].name
    assert told.ja == f"{name.ja}（tax-480011）と一、二と{{other}}"
    assert told.en == f"{name.en} (tax-480011), 一, 二, {{other}}"
