"""The two READMEs say the same, and the commands in them exist."""

import re
import shlex

import pytest
import typer
from unit.docs import markdown

from warifu.cli.__main__ import app

ENGLISH = markdown.ROOT / "README.md"
JAPANESE = markdown.ROOT / "README.ja.md"
BOTH = pytest.mark.parametrize("page", [ENGLISH, JAPANESE], ids=["en", "ja"])
_INLINE = re.compile(r"`((?:\./)?warifu [a-z][^`]*|docker compose [^`]*)`")


def _commands(page) -> list[str]:
    """Every command line that starts warifu, from blocks of code (what follows three spaces explains) and from the text."""
    lines = [line for block in markdown.code_blocks(page) for line in block.splitlines()]
    blocks = [re.split(r" {3,}", line)[0] for line in lines if line.startswith("./warifu ")]
    return blocks + _INLINE.findall(markdown.prose(page))


def _warifu(command: str) -> list[str]:
    """The words after the program's name; empty for a command that starts something else."""
    words = shlex.split(command)
    return (
        words[words.index(name) + 1 :] if (name := next((w for w in words if w in {"./warifu", "warifu"}), "")) else []
    )


def test_same_structure():
    """Both have headings of the same levels in the same order, as many tables of the same shape, and as many lists and blocks of code."""

    def shape(page):
        return {
            "headings": [level for level, _ in markdown.headings(page)],
            "tables": [(len(table), len(table[0])) for table in markdown.tables(page)],
            "points": len(re.findall(r"^(?:-|\d+\.) ", markdown.prose(page), re.MULTILINE)),
            "blocks": len(markdown.code_blocks(page)),
        }

    assert shape(ENGLISH) == shape(JAPANESE)


def test_same_commands_and_links():
    """Both name the same commands and lead to the same pages, beside the link to each other."""
    assert _commands(ENGLISH) == _commands(JAPANESE)
    english, japanese = (set(markdown.links(page)) - {"README.md", "README.ja.md"} for page in (ENGLISH, JAPANESE))
    assert english == japanese


def test_same_stores():
    """Both tables of stores name the same stores, in the same order."""

    def names(page):
        table = next(t for t in markdown.tables(page) if len(t[0]) == 5)
        found = [re.findall(r"`([^`]+)`", row[0])[:1] for row in table[1:]]
        ours = {"<業務>": "<agency>", "<機関>.": "<institution>.", "<機関>/": "<party>/"}
        return [re.sub("|".join(ours), lambda part: ours[part[0]], "".join(name)) for name in found]

    assert names(ENGLISH) == names(JAPANESE)


@BOTH
def test_two_commands(page):
    """The page has the two commands, first of all commands."""
    assert _commands(page)[:2] == ["./warifu demo", "./warifu test"]


@BOTH
def test_verbs_and_options_exist(page):
    """Every verb on the page is one of the command's, every option one of that verb's."""
    verbs = typer.main.get_command(app).commands
    assert len(_commands(page)) > 8
    for command in _commands(page):
        words = _warifu(command)
        if not words or words[0] == "--help":
            continue
        assert words[0] in verbs, command
        verb = verbs[words[0]]
        verb = getattr(verb, "commands", {}).get(words[1], verb) if len(words) > 1 else verb
        known = {name for parameter in verb.params for name in parameter.opts}
        assert {word.split("=")[0] for word in words[1:] if word.startswith("--")} <= known, command
