"""A text in both languages, as the stage's data have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """A text in Japanese and in English."""

    ja: str
    en: str

    def to(self, language: str) -> str:
        """The text in one language."""
        return self.en if language == "en" else self.ja

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Words:
        """From a table with both; KeyError when one is missing."""
        return cls(row["ja"], row["en"])
