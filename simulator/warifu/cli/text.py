"""Words in the language of the terminal: every text is written in both, side by side."""

from __future__ import annotations

import os
import re

_COMMAND = re.compile(r"(?<![\w./-])(?:\./)?warifu(?= [a-z])")
"""The command in a text, before a verb."""


def language() -> str:
    """The terminal's language, "ja" or "en": by LC_ALL, LC_MESSAGES and LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def t(ja: str, en: str) -> str:
    """The text in the terminal's language, with commands as they are typed here."""
    return as_typed(ja if language() == "ja" else en)


def as_typed(text: str) -> str:
    """`text` with the command as it is called here: `./warifu` says so to what it starts."""
    command = os.environ.get("WARIFU_COMMAND", "warifu")
    return _COMMAND.sub(command, text)


def example(ja: str, en: str, *lines: str) -> str:
    """A verb's help: what it does, and how it is called."""
    return t(ja, en) + "\n\n" + t("例", "Examples") + ":\n\n" + "\n\n".join(f"  {as_typed(line)}" for line in lines)
