"""本物との違い: how the real counterpart of a face differs. One file for all faces, `differs.toml`; a face is known by the first part of its host."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

PATH: Final = "/differs"
"""Where every face tells it."""
_HEADINGS: Final = {
    "ja": ("本物との違い", "本物", "ここ", "出典"),
    "en": ("How the real one differs", "Real", "Here", "Source"),
}
_UNSURE: Final = {"ja": "（要確認）", "en": " (to be verified)"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which the real thing is another; texts by language, "ja" and "en"."""

    topic: Mapping[str, str]
    real: Mapping[str, str]
    """How it really is."""
    here: Mapping[str, str]
    """What the simulation does."""
    source: Mapping[str, str]
    """Where the real is stated."""
    unsure: bool = False
    """It was read in no primary source."""


@cache
def _table() -> Mapping[str, Sequence[Difference]]:
    rows = tomllib.loads(Path(__file__).with_name("differs.toml").read_text(encoding="utf-8"))
    return {face: tuple(Difference(**row) for row in listed) for face, listed in rows.items()}


def differences(host: str) -> Sequence[Difference]:
    """Those of the face at `host`, such as "portal.localhost"; none for a host that the file does not know."""
    return _table().get(host.partition(".")[0], ())


def plain(host: str) -> str:
    """The same as text in both languages, for a face without pages."""
    return "\n".join(_told(differences(host), language) for language in ("ja", "en"))


def _told(listed: Sequence[Difference], language: str) -> str:
    heading, real, here, source = _HEADINGS[language]
    lines = [f"# {heading}\n"]
    for one in listed:
        doubt = _UNSURE[language] if one.unsure else ""
        lines.append(
            f"## {one.topic[language]}\n{real}: {one.real[language]}{doubt}\n"
            f"{here}: {one.here[language]}\n{source}: {one.source[language]}\n"
        )
    return "\n".join(lines)
