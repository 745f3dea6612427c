"""How a person's name is read aloud, for whoever looks at a page: katakana in Japanese, Latin letters in English."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.simulator.population.romanise import romanise


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading, and the language that it is in."""

    text: str
    language: str


def latin(kana: str) -> str:
    """A reading in katakana, word by word in Latin letters; empty where it has syllables of foreign names."""
    try:
        return " ".join(romanise(word) for word in kana.split())
    except KeyError:
        return ""


def reading(name: str, kana: str, language: str) -> Reading | None:
    """The reading of a name for a page in `language`; None where the name says it already."""
    if language != "en":
        return Reading(kana, "ja")
    if name.isascii():
        return None
    told = latin(kana)
    return Reading(told, "en") if told else Reading(kana, "ja")
