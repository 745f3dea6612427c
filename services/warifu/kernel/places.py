"""Where a party's stores lie: each a file in its folder, or, on a server, in the database of its institution or of the party.

On a server the stores of one institution in one process lie in one database, whose role is that institution's in this party alone, and share
its connections: so a network of many institutions keeps within what a server admits by default. Nothing else is shared, and no query
spans two institutions: their databases have other roles.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import MetaData
from sqlalchemy.engine import URL, make_url

from warifu.kernel.config import Config
from warifu.kernel.lines import Lines
from warifu.kernel.store import Store, sqlite_url

_OPEN: Final[dict[tuple[Path, URL], Lines]] = {}
"""Lines to servers that stores of this process share, by the party's folder: a second party in a test's process has lines of its own."""


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
    store = _opened(config.folder, place(config, name, institution), metadata)
    store.create()
    return store


def _opened(folder: Path, url: URL, metadata: MetaData) -> Store:
    if url.get_backend_name() == "sqlite":
        return Store(url, metadata)
    lines = _OPEN.get((folder, url))
    if lines is None or lines.closed:
        lines = _OPEN[folder, url] = Lines(url)
    else:
        lines.hold()
    return Store(lines, metadata)
