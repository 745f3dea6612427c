"""What Typer prints by itself: in the terminal's language, and whole."""

import os
import re
import subprocess
import sys
from unicodedata import category

import pytest

ENGLISH = re.compile(
    r"\b(Usage|Error|Options|Arguments|Commands|Try|Show|Missing|Invalid|Input|such|requires|default)\b"
)


def run(*words: str, language: str, columns: int = 80) -> str:
    """What a verb prints on either stream."""
    environment = os.environ | {"LC_ALL": language, "COLUMNS": str(columns), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nix"], "nix というコマンドはありません。"),
        (["play", "--nix"], "--nix というオプションはありません。"),
        (["demo", "--peopel", "3"], "--peopel というオプションはありません。似たもの: --people"),
        (["protos", "export"], "引数 DIR が要ります。"),
        (["conformance", "provider", "--folder", "x"], "オプション --target が要ります。"),
        (["demo", "--people"], "オプション --people には値が要ります。"),
        (["demo", "--json=3"], "オプション --json は値をとりません。"),
        (["status", "x", "y"], "余分な引数があります: x y"),
        (["demo", "--people", "x"], "--people の値: 整数にしてください。"),
        (["demo", "--people", "3"], "--people の値: 50 以上にしてください。"),
        (["demo", "--port", "99999"], "--port の値: 65530 以下にしてください。"),
        (["traffic", "--rate", "x"], "--rate の値: 数にしてください。"),
        (["interim", "batch", "/nix"], "file の値: /nix がありません。"),
        (["interim", "batch", "/tmp"], "file の値: /tmp はフォルダーです。ファイルを指定してください。"),
        (["operator", "find", "--sex", "nix"], "--sex の値: nix は使えません。"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_wrong_call_is_told_in_japanese(words: list[str], said: str) -> None:
    """On a Japanese terminal what is wrong with a call is said in Japanese, with how to call it rightly; elsewhere in English."""
    printed = run(*words, language="ja_JP.UTF-8", columns=200)
    assert said in printed
    assert not ENGLISH.search(printed)
    assert ENGLISH.search(run(*words, language="C.UTF-8"))


@pytest.mark.parametrize("verb", ["demo", "traffic", "serve"])
def test_a_help_is_whole_on_a_narrow_terminal(verb: str) -> None:
    """A Japanese sentence, which has no spaces, is folded where its column ends: what a wide terminal shows a narrow one does, too."""
    narrow = run(verb, "--help", language="ja_JP.UTF-8", columns=60)
    assert "…" not in narrow
    assert not ENGLISH.search(narrow)
    assert _letters(narrow) == _letters(run(verb, "--help", language="ja_JP.UTF-8", columns=400))


def _letters(help_: str) -> str:
    """The letters of a help but those of its frame, in the order of the alphabet: where they are folded is left out."""
    return "".join(sorted(one for one in help_ if category(one)[0] in "LN"))
