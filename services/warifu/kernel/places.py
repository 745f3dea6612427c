"""Where a party's stores lie: each a file in its folder, or, on a server, in the database of its institution or of the party.

On a server the stores of one institution in one process lie in one database, whose role is that institution's in this party alone, and share
its connections: so a network of many institutions keeps within what a server admits by default. Nothing else is shared, and no query
spans two institutions: their databases have other roles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import MetaData
from sqlalchemy.engine import URL, make_url

from warifu.kernel.config import Config
from warifu.kernel.lines import Lines
from warifu.kernel.store import Store, sqlite_url

_OPEN: Final[dict[tuple[Path, URL], Lines]] = {}
"""Lines that stores of this process share, by the party's folder: a second party in a test's process has lines of its own."""

_KEPT: Final[set[str]] = set()
"""Beginnings of paths."""


def place(config: Config, name: str, institution: str | None = None) -> URL:
    """The URL of a store: of the file `name`, or of a database on a server.

    Raises:
        LookupError: the party is on a server, and no database is configured for that institution.
    """
    if institution is None:
        return make_url(config.database_url) if config.database_url else sqlite_url(config.folder / name)
    if institution in config.databases:
        return make_url(config.databases[institution])
    if config.databases or config.database_url:  # never beside another institution's, and never in two places
        raise LookupError(f"{config.party} is on a database server, but no database is configured for {institution}")
    return sqlite_url(config.folder / name)


def open_store(config: Config, name: str, metadata: MetaData, institution: str | None = None) -> Store:
    """The store, with its tables.

    Raises:
        LookupError: see `place`.
    """
    return open_at(config.folder, place(config, name, institution), metadata)


def open_at(folder: Path, url: URL | str, metadata: MetaData) -> Store:
    """The store at `url` of the party in `folder`, with its tables."""
    store = _opened(folder, make_url(url), metadata)
    store.create()
    return store


@contextmanager
def kept_open(folder: Path) -> Iterator[None]:
    """Keep what parties beneath `folder` open until the block ends, also after they closed it: who opens it again finds it open.

    For a process in which parties give way to others of the same folders, one after the other, in one thread.
    """
    name = f"{folder}{os.sep}"
    _KEPT.add(name)
    try:
        yield
    finally:
        _KEPT.discard(name)
        for lines in beneath(folder):
            lines.close()


def beneath(folder: Path) -> list[Lines]:
    """What is open of parties beneath `folder`."""
    name = f"{folder}{os.sep}"
    return [lines for (party, _), lines in _OPEN.items() if str(party).startswith(name) and not lines.closed]


def _opened(folder: Path, url: URL, metadata: MetaData) -> Store:
    kept = any(str(folder).startswith(one) for one in _KEPT)
    if url.get_backend_name() == "sqlite" and not kept:
        return Store(url, metadata)
    lines = _OPEN.get((folder, url))
    if lines is None or lines.closed:
        lines = _OPEN[folder, url] = Lines(url)
        if kept:
            lines.hold()
    else:
        lines.hold()
    return Store(lines, metadata)
