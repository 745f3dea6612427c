"""A party's real build function, after it has tried, confined as it is, to reach what is not its own. Named to `run_party` by the tests."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from warifu.kernel.party import Context, Party

ORDER, FINDINGS = "probe.json", "findings.json"
"""In the party's own folder: what to try, `{"build": "module:function", "paths": [...]}`; and what came of it, `{path: what}`."""


async def build(context: Context) -> Party:
    """Try each path of the order, note what happened, and be the party."""
    folder = context.config.folder
    order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    findings = {path: {"read": _tried(_read, path), "write": _tried(_write, path)} for path in order["paths"]}
    findings["/bin/true"] = {"run": _tried(_execute, "/bin/true")}
    (folder / FINDINGS).write_text(json.dumps(findings), encoding="utf-8")
    module, _, function = order["build"].partition(":")
    party: Party = await getattr(importlib.import_module(module), function)(context)
    return party


def _tried(act: Callable[[str], None], path: str) -> str:
    try:
        act(path)
    except OSError as error:
        return type(error).__name__
    return "done"


def _read(path: str) -> None:
    if Path(path).is_dir():
        list(Path(path).iterdir())
    else:
        with Path(path).open("rb") as file:
            file.read(1)


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def _execute(path: str) -> None:
    os.posix_spawn(path, [path], {})
