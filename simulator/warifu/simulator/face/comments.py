"""What the contracts say of each message and field, read from their .proto files beside the generated code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import warifu.interim.v1 as beside

_OPENS: Final = re.compile(r"^(message|enum|service|oneof) (\w+) \{$")
_ALONE: Final = re.compile(r"^(?:rpc|message) (\w+)(?: \{\}$|\()")
_FIELD: Final = re.compile(r"^(?:optional |repeated )?[\w.]+ (\w+) = \d+")
_VALUE: Final = re.compile(r"^(\w+) = \d+")
_SCOPES: Final = {"message", "enum", "service"}


@cache
def comments(file: str) -> Mapping[str, str]:
    """Comments by full name without the package, such as "InquireRequest.span", of a contract such as "warifu/interim/v1/interim.proto"."""
    root = Path(next(iter(beside.__path__))).parents[2]
    path = root / file
    return _read(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _read(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    scopes: list[str] = []
    said: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("//"):
            said.append(line.removeprefix("//").strip())
            continue
        opened = _OPENS.match(line)
        named = opened or _ALONE.match(line) or _FIELD.match(line) or (_VALUE.match(line) if scopes else None)
        if named and said:
            name = opened[2] if opened else named[1]
            found[".".join(filter(None, (*scopes, name)))] = " ".join(said)
        said = []
        if opened:
            scopes.append(opened[2] if opened[1] in _SCOPES else "")
        elif line == "}":
            scopes.pop()
    return found
