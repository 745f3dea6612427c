"""What can be chosen about a network when it is made or opened again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How a network is made. Only a new one is made by `people` and `seed`; an existing one keeps its own."""

    state: Path
    people: int = 1000
    seed: int = 1
    port: int | None = None
    listen: str = "127.0.0.1"
    """Address on which the web faces listen."""
    reflection: bool = False
    """Serve gRPC reflection at every party."""
    database_url: str | None = None
    """A PostgreSQL server, with a role that may make databases and roles there, instead of SQLite files. A network that has been filled
    finds its databases without it."""
    fleeting: bool = False
    """The state goes at the end; so do databases on a server."""
    console: bool = False
    """Parties write their logs to standard error as well."""
    gateways: int | None = None
    """Processes of the gateway, on one server; as many as before, or one."""
    stopped_clock: bool = False
    metrics_port: int | None = None
    """First of the ports at which the parties' metrics are read."""
    otlp: str | None = None
    """Collector of traces."""
    dev_origin: str | None = None
    """Origin whose pages may call the portal's API with a token."""
    bare: bool = False
    """Without the clerks' counter and the trainer's stage: what a portal's developer needs."""
