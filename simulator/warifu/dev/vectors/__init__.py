"""Test vectors: what bytes the rules of docs/PROTOCOL.md give, for whoever writes a party in another language.

`python -m warifu.dev vectors` writes tests/vectors/*.json; tests/vectors/README.md says what each field means. Everything is a function of the
keys and texts in `made`, except the seals: HPKE draws a fresh key for each. A seal that is on file is kept while it still opens to what it
should hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from warifu.dev.vectors import codes, permits, records, sealing, trees

FOLDER: Final = Path(__file__).resolve().parents[4] / "tests" / "vectors"
Kept = dict[str, Any]
"""A file as it was; empty when there is none."""
FILES: Final[dict[str, Callable[[Kept], dict[str, Any]]]] = {
    "batches.json": lambda _: trees.batches(),
    "codes.json": lambda _: codes.make(),
    "padding.json": lambda _: sealing.padding(),
    "permits.json": lambda _: permits.make(),
    "records.json": lambda _: records.make(),
    "sealing.json": sealing.make,
    "trees.json": lambda _: trees.make(),
}
"""Each file, and how it is made."""


def render(name: str, folder: Path = FOLDER) -> str:
    """The text of a file as the code gives it now; seals are taken from the file in `folder` while they fit."""
    return json.dumps(FILES[name](_kept(folder / name)), ensure_ascii=False, indent=1) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every file."""
    for name in FILES:
        (folder / name).write_text(render(name, folder), encoding="utf-8")


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of files that are not what the code gives."""
    return [name for name in FILES if _text(folder / name) != render(name, folder)]


def _kept(path: Path) -> Kept:
    try:
        kept = json.loads(_text(path))
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
