"""What plays have changed in people's lives since a network began: the simulator's own ground truth, beside its seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NAME: Final = "lives.json"


def lives(state: Path) -> Mapping[str, Mapping[str, str]]:
    """By handle: what differs now from the beginning, such as "address" or "individual_number"."""
    path = _path(state)
    found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def note(state: Path, handle: str, **facts: str) -> None:
    """Note what is true of a person from now on."""
    known = dict(lives(state))
    known[handle] = {**known.get(handle, {}), **facts}
    _path(state).write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")


def _path(state: Path) -> Path:
    return state / "simulator" / _NAME
