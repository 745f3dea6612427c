"""All that a network's folder holds at one moment, and laying it back: of databases and files only what has changed since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from warifu.kernel.lines import Lines
from warifu.kernel.places import beneath

_PASSING: Final = (".db", ".db-wal", ".db-shm", ".sock", ".lock", ".log", ".err", "network.json", "party.json")
"""Ends of names of what is no content: databases are copied as such, and the rest says what runs now."""
_OF_THE_LOG: Final = frozenset({"log.vkey", "witness.vkey", "log.key", "witness.key"})
"""Nor are keys of log and witness: every log has its own, so none ever comes back."""
Stamp = tuple[int, int, int]
"""When a file was written, its size, and which file it is: one in its place is another, however soon it was put there."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was held. Lasts as long as the process; the databases lie in memory."""

    files: Mapping[str, bytes]
    """By path."""
    databases: Mapping[Lines, sqlite3.Connection]

    def close(self) -> None:
        """Let it go."""
        for one in self.databases.values():
            one.close()


@dataclass(slots=True)
class Shelf:
    """A network's folder, and what was laid there last. No party may be writing meanwhile."""

    state: Path
    apart: frozenset[str] = frozenset()
    """Folders in it that are nobody's here, and stay as they are."""
    _laid: Content | None = None
    _versions: dict[Lines, int] = field(default_factory=dict)
    _stamps: dict[str, Stamp] = field(default_factory=dict)

    def take(self) -> Content:
        """What lies there now."""
        self._stamps = self._files()
        content = Content(
            {path: Path(path).read_bytes() for path in self._stamps},
            {lines: lines.copy() for lines in beneath(self.state)},
        )
        self._laid = content
        self._versions = {lines: lines.version for lines in beneath(self.state)}
        return content

    def lay(self, content: Content) -> None:
        """Have that lie there, and nothing else. A database that was opened since it was taken stays as it is."""
        if self._laid is not content:
            self._versions.clear()
            self._stamps.clear()
        for lines in beneath(self.state):
            if lines in content.databases and lines.version != self._versions.get(lines):
                lines.lay(content.databases[lines])
                self._versions[lines] = lines.version
        there = self._files()
        for path, stamp in there.items():
            if path not in content.files:
                os.unlink(path)  # noqa: PTH108
            elif self._stamps.get(path) != stamp:
                self._put(path, content.files[path])
        for path in content.files.keys() - there.keys():
            self._put(path, content.files[path])
        self._laid = content

    def _put(self, name: str, data: bytes) -> None:
        path = Path(name)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        if path.read_bytes() != data:
            path.write_bytes(data)
        self._stamps[name] = _stamp(path.stat())

    def _files(self) -> dict[str, Stamp]:
        found, folders = dict[str, Stamp](), [os.fspath(self.state)]
        for folder in folders:  # which grows meanwhile
            with os.scandir(folder) as there:
                for one in there:
                    name = one.name
                    if name.endswith(_PASSING) or name in _OF_THE_LOG or name in self.apart:
                        continue
                    if one.is_dir(follow_symlinks=False):
                        folders.append(one.path)
                    else:
                        found[one.path] = _stamp(one.stat())
        return found


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
