"""Where a network's stores lie: files in the parties' folders, or databases of a PostgreSQL server.

On a server each institution of a party, and each party that serves none, has a database and a role of its own, named alike and after the
network, with a random password that stands in that party's folder alone (`party.json`). They are made, migrated and dropped by a child of
the launcher (`warifu.simulator.migrations`), which alone ever connects with the rights of `--database-url`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from warifu.kernel.config import CONFIG_NAME, Config
from warifu.simulator.launcher.plan import COUNTER, PORTAL
from warifu.simulator.state import NetworkFile, StateError

_SCHEMES: Final = frozenset({"postgresql", "postgres"})
_FOR_PARTIES: Final = frozenset({"host", "port", "sslmode", "connect_timeout", "tcp_user_timeout"})
"""What of the query of `--database-url` the parties are told; other options are the set-up role's affair."""
DATABASE_VARIABLE: Final = "WARIFU_DATABASE_URL"
"""Environment variable that stands for `--database-url`; no party's process gets it."""
ID: Final = "databases"
"""In `NetworkFile.extra`: what the names of the network's databases and roles have in common."""


@dataclass(frozen=True, slots=True)
class Home:
    """The stores of one institution in one party, or of a party that serves none."""

    party: str
    institution: str | None
    stores: tuple[tuple[str, str], ...]
    """(kind of schema, name of the file where there is no server)."""

    def name(self, network: str) -> str:
        """The name of its database and of its role."""
        words = ("warifu", network, self.party, *([self.institution] if self.institution else ()))
        return "_".join(words).replace("-", "_")


def homes(kinds: Mapping[str, str], parties: Iterable[str]) -> list[Home]:
    """All of them; `kinds`: the party of each agency's institution."""
    found = [
        Home("numbering", None, (("numbering", "numbering.db"),)),
        Home("gateway", None, (("gateway", "gateway.db"),)),
        Home(PORTAL, "portal-main", (("portal", "portal-main.db"), ("interim", "portal-main.interim.db"))),
        Home("watchdog", None, (("watchdog", "watchdog.db"),)),
        Home("simulator", None, (("simulator", "people.db"),)),
    ]
    for code, kind in kinds.items():
        found.append(Home(kind, code, (("interim", f"{code}.interim.db"), ("agency", f"{code}.db"))))
    if COUNTER in set(parties):
        found += [Home(COUNTER, code, (("counter", f"{code}.counter.db"),)) for code in kinds]
    return found


def check(given: str) -> None:
    """Look whether `--database-url` names a PostgreSQL server.

    Raises:
        StateError: it does not.
    """
    try:
        parts = urlsplit(given)
        sound = parts.scheme in _SCHEMES and bool(parts.hostname or parts.query) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise StateError(
            "--database-url は PostgreSQL サーバーを指す必要があります。例: postgresql://postgres:PASSWORD@localhost:5432/postgres",
            "--database-url must name a PostgreSQL server, such as postgresql://postgres:PASSWORD@localhost:5432/postgres",
        )


def place(given: str | None, old: NetworkFile | None, state: Path) -> str | None:
    """Where the network's server is, without user, password and database; None for files.

    Raises:
        StateError: the network keeps its data elsewhere; or `given` names no PostgreSQL server.
    """
    if given is not None:
        check(given)
    if old is None:
        return _bare(given) if given is not None else None
    if given is not None and old.database_url is None:
        raise StateError(
            f"{state} のネットワークは SQLite ファイルにデータを置いています。サーバーへは移せません。--database-url なしで起動するか、新しいフォルダーを指定してください。",
            f"the network in {state} keeps its data in SQLite files and cannot be moved to a server. Start it without --database-url, or choose a new folder.",
        )
    return _bare(given) if given is not None else old.database_url


def urls(server: str | None, network: str, state: Path, planned: Sequence[Home]) -> dict[Home, str]:
    """The URL of each home on a server, with its role's password: the one in the party's folder, or a new one. None for files."""
    if server is None:
        return {}
    known: dict[str, Config] = {}
    for party in {home.party for home in planned}:
        if (state / party / CONFIG_NAME).exists():
            known[party] = Config.load(state / party)
    return {home: _with_role(server, home.name(network), _password(known.get(home.party), home)) for home in planned}


def configured(given: Mapping[Home, str], party: str) -> tuple[str | None, dict[str, str]]:
    """What a party is told: the URL of its own database, and those of its institutions'."""
    mine = {home.institution: url for home, url in given.items() if home.party == party}
    institutions = {code: url for code, url in mine.items() if code is not None}
    return mine.get(None, institutions.get("portal-main")), institutions


def files(state: Path, planned: Iterable[Home]) -> list[tuple[str, str]]:
    """(kind of schema, URL) of every SQLite file."""
    return [(schema, f"sqlite:///{state / home.party / name}") for home in planned for schema, name in home.stores]


def _password(config: Config | None, home: Home) -> str:
    if config is not None:
        url = config.databases.get(home.institution) if home.institution else config.database_url
        if url and (password := urlsplit(url).password):
            return password
    return secrets.token_urlsafe(24)


def _bare(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = urlencode(
        [(name, value) for name, value in parse_qsl(parts.query) if name in _FOR_PARTIES], quote_via=quote
    )
    return f"postgresql://{host}" + (f"?{query}" if query else "")


def _with_role(server: str, name: str, password: str) -> str:
    parts = urlsplit(server)
    return urlunsplit((parts.scheme, f"{name}:{password}@{parts.netloc}", f"/{name}", parts.query, ""))
