"""Words in the language of the terminal: every text is written in both, side by side."""

from __future__ import annotations

import os


def language() -> str:
    """The terminal's language, "ja" or "en": by LC_ALL, LC_MESSAGES and LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "ja" if value.lower().startswith("ja") else "en"
    return "en"


def t(ja: str, en: str) -> str:
    """The text in the terminal's language."""
    return ja if language() == "ja" else en
