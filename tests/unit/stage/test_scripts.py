"""Every scenario can be taught: script, questions and words for its checks, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from warifu.law import packaged
from warifu.simulator import scenarios
from warifu.simulator.scenarios import SCENARIOS
from warifu.simulator.stage.scenarios.scripts import scripts

FACES = {"", "portal", "counter", "provider", "watchdog", "log", "picture"}
FOLDER = Path(scenarios.__file__).parent
NAMED = re.compile(r'\.check\(\s*f?"([^"]+)"')


def names() -> set[str]:
    """The names of checks as the scenarios' sources have them, up to what is filled in."""
    return {found for path in FOLDER.glob("*.py") for found in NAMED.findall(path.read_text(encoding="utf-8"))}


def test_every_scenario_has_a_lesson_and_no_lesson_is_left_over() -> None:
    """What can be played can be taught."""
    assert set(scripts().lessons) == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_lesson_says_does_and_asks(name: str) -> None:
    """There is something to say in every step, a face to look at, and questions with answers; English texts are English."""
    lesson = scripts().lessons[name]
    assert lesson.minutes > 0
    assert all(step.say for step in lesson.steps)
    assert any(step.do for step in lesson.steps)
    assert {step.face for step in lesson.steps} <= FACES
    assert any(step.face == "portal" for step in lesson.steps) or name == "same-city"
    assert len(lesson.questions) >= 3
    texts = [text for step in lesson.steps for text in (step.say, step.do, step.look) if text]
    texts += [text for one in lesson.questions for text in (one.ask, one.answer)]
    for text in (*texts, lesson.title):
        assert text.ja
        assert text.en
        assert not any("\u3040" <= letter <= "\u9fff" for letter in text.en), text.en


def test_every_check_has_words() -> None:
    """No check of any scenario is shown by its bare name, and no words are left over."""
    found = names()
    assert len(found) > 40
    for name in found:
        told = name.replace("{name}", "pages")
        assert scripts().check(told, "ja")[0] != told, told
    heads = {name.partition(":")[0] for name in found} | {
        f"as-proxy:same-{n}" for n in ("pages", "documents", "proofs")
    }
    assert set(scripts().checks) <= found | heads


@pytest.mark.parametrize(
    ("name", "text", "about"),
    [
        ("three-records-agree:TM90000000000001", "The records of requester, gateway and provider agree", "TM90000000000001"),
        ("as-proxy:same-counts", "A proxy sees the same counts as the twin's proxy", ""),
        ("no-such-check:x", "no-such-check:x", ""),
    ],
)  # fmt: skip
def test_a_check_is_told_by_its_name_and_what_it_was_about(name: str, text: str, about: str) -> None:
    """The part of the name that the file knows becomes words; the rest is what it was about."""
    assert scripts().check(name, "en") == (text, about)


def test_what_a_check_was_about_is_told_part_by_part() -> None:
    """Flags and languages have words, items their names in the law book; handles stand for themselves."""
    assert scripts().about("TM90000000000002:ja", "en", packaged().items) == "Resident record information, Japanese"
    assert scripts().about("p-000009:ja:while-set", "en", {}) == "p-000009, Japanese, while set"
    assert scripts().about("non_disclosure+manual_review", "ja", {}) == "不開示, 職員の確認"
