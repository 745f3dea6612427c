"""`python -m warifu.simulator.migrations` does one order, a JSON document on standard input, to a network's databases.

`{"files": [[schema, url], …]}` upgrades SQLite files; `{"homes": [{"url", "schemas"}, …], "server": url or null, "new": bool}` makes what is
missing on a PostgreSQL server, when its URL is given, and upgrades; `{"drop": [name, …], "server": url}` drops databases and roles.
What a person must be told comes as `[Japanese, English]` on the last line of standard error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from warifu.simulator.migrations import Database, upgrade
from warifu.simulator.told import ToldError


def _carry_out(order: dict[str, Any]) -> None:
    if "files" in order:
        upgrade(Database(schema, url) for schema, url in order["files"])
        return
    from warifu.simulator.migrations import server  # noqa: PLC0415 - its driver is needed for a server alone

    if "drop" in order:
        server.drop(order["server"], order["drop"])
        return
    homes = [server.Home(home["url"], tuple(home["schemas"]), home["processes"]) for home in order["homes"]]
    if order["server"] is not None:
        server.provide(order["server"], homes, new=order["new"])
    server.upgrade(homes)


if __name__ == "__main__":
    try:
        _carry_out(json.load(sys.stdin))
    except ToldError as error:
        sys.exit(json.dumps([error.ja, error.en]))
