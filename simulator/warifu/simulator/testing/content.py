"""All that a network's folder holds at one moment, and laying it back: of databases and files only what has changed since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from warifu.kernel.places import beneath

_PASSING: Final = (".db", ".db-wal", ".db-shm", ".sock", ".lock", ".log", ".err", "network.json", "party.json")
"""Ends of names of what is no content: databases are copied as such, and the rest says what runs now."""
Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Content:
    """What was held. Lasts as long as the process; the databases lie in memory."""

    files: Mapping[str, bytes]
    """By path."""
    databases: Mapping[URL, sqlite3.Connection]

    def close(self) -> None:
        """Let it go."""
        for one in self.databases.values():
            one.close()


@dataclass(slots=True)
class Shelf:
    """A network's folder, and what was laid there last. No party may be writing meanwhile."""

    state: Path
    _laid: Content | None = None
    _versions: dict[URL, int] = field(default_factory=dict)
    _stamps: dict[str, Stamp] = field(default_factory=dict)

    def take(self) -> Content:
        """What lies there now."""
        self._stamps = dict(self._files())
        content = Content(
            {path: Path(path).read_bytes() for path in self._stamps},
            {url: lines.copy() for url, lines in beneath(self.state).items()},
        )
        self._laid = content
        self._versions = {url: lines.version for url, lines in beneath(self.state).items()}
        return content

    def lay(self, content: Content) -> None:
        """Have that lie there, and nothing else. A database that was opened since it was taken stays as it is."""
        if self._laid is not content:
            self._versions.clear()
            self._stamps.clear()
        for url, lines in beneath(self.state).items():
            if url in content.databases and lines.version != self._versions.get(url):
                lines.lay(content.databases[url])
                self._versions[url] = lines.version
        there = dict(self._files())
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
        status = path.stat()
        self._stamps[name] = (status.st_mtime_ns, status.st_size)

    def _files(self) -> Iterator[tuple[str, Stamp]]:
        for folder, _, names in os.walk(self.state):
            for name in names:
                if not name.endswith(_PASSING):
                    path = os.path.join(folder, name)  # noqa: PTH118 - some hundred of them between two tests
                    status = os.stat(path)  # noqa: PTH116
                    yield path, (status.st_mtime_ns, status.st_size)
