"""A party's configuration: `party.json` in its own folder, written by the launcher or the set-up service.

A party that is several processes has a folder for each but the first within its own: there lie that one's configuration, log and control
socket, while keys, certificates and trust are the party's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CONFIG_NAME = "party.json"


def own_server(party: str, institution: str) -> str:
    """By which name an institution's own server is known, where it has one and its party's does not serve it: tax-480011.tax."""
    return f"{institution}.{party}"


@dataclass(frozen=True, slots=True)
class Simulation:
    """Settings that exist in simulation mode only."""

    seed: int
    """From which token keys and ids derive; TLS, HPKE and signing keys never do."""
    now: str
    """Network time at the start of the process, ISO 8601 with offset."""
    stopped: bool = False
    """The network clock stands still."""

    since: str | None = None
    """Machine time at which `now` held, ISO 8601 with offset; absent means when the process starts. With it a process that starts late,
    or again, is at the same network time as the others."""

    def start(self, machine: datetime) -> datetime:
        """The network time when the machine's is `machine`."""
        now = datetime.fromisoformat(self.now)
        if self.stopped or self.since is None:
            return now
        return now + max(machine - datetime.fromisoformat(self.since), timedelta(0))


@dataclass(frozen=True, slots=True)
class Web:
    """A party's web face."""

    host: str
    """The only Host it answers to, such as "portal.localhost"."""
    port: int
    origins: Mapping[str, str] = field(default_factory=dict)
    """Origins of other faces that it may link to or accept from, by name: portal, card."""
    bind: str = "127.0.0.1"
    """Address that it listens on; "0.0.0.0" inside a container."""
    shared: bool = False
    """Other processes of the party listen on the same port: the system gives each connection to one of them."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What an operator's monitoring is told (docs/OPERATIONS.md). Nothing, unless it is asked for."""

    metrics: str | None = None
    """Address at which OpenMetrics are read over HTTP, such as "127.0.0.1:9464"; whoever reaches it may read them."""
    otlp: str | None = None
    """Collector of traces, such as "http://127.0.0.1:4317"; needs the extra `warifu[otlp]`."""
    sampled: float = 0.01
    """Share of the traces begun here that are sent."""
    console: bool = False
    """Write the log to standard error as well, as containers want it."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a party is told. Paths are relative to its folder."""

    party: str
    """Name: numbering, gateway, residency, tax, health_insurance, portal, simulator."""
    listen: str
    """Address of the mTLS port, such as "127.0.0.1:4001"."""
    addresses: Mapping[str, str]
    """Where the other parties listen, by name; several addresses with commas between them (`warifu.kernel.peers.target`). An institution
    that has a server of its own is here by `own_server`."""
    institutions: tuple[str, ...] = ()
    """Codes of the institutions that this process serves."""
    simulation: Simulation | None = None
    web: Web | None = None
    database_url: str | None = None
    """The party's own database on a server, with its role and password, instead of a SQLite file in the folder."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """Likewise, each institution's by its code."""
    reflection: bool = False
    """Serve gRPC reflection."""
    telemetry: Telemetry = Telemetry()
    within: str | None = None
    """Path of this configuration's folder within the party's, such as "replicas/2": this is one of several processes of the party."""
    folder: Path = Path()
    """The party's folder; set by `load`, not stored."""

    @property
    def own(self) -> Path:
        """This process's folder: the party's, or one within it."""
        return self.folder if self.within is None else self.folder / self.within

    def server_of(self, party: str, institution: str) -> str:
        """By which name the server of an institution of `party` is known here: its own, where it has one, else the party's."""
        own = own_server(party, institution)
        return own if own in self.addresses else party

    @classmethod
    def load(cls, folder: Path) -> Config:
        """Read the configuration in `folder`.

        Raises:
            ValueError: the file is not valid; the message names it and the field.
        """
        path = folder / CONFIG_NAME
        values = json.loads(path.read_text(encoding="utf-8"))
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown or "folder" in values:
            msg = f"{path}: unknown settings {sorted(unknown | ({'folder'} & set(values)))}"
            raise ValueError(msg)
        try:
            return cls(**_nested(values), folder=_around(folder.absolute(), values.get("within")))
        except TypeError as error:
            msg = f"{path}: {error}"
            raise ValueError(msg) from error

    def save(self, folder: Path) -> None:
        """Write the configuration into `folder`, readable by the owner alone."""
        values = {name: value for name, value in asdict(self).items() if name != "folder"}
        fresh = folder / f".{CONFIG_NAME}"
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.replace(folder / CONFIG_NAME)


def _around(own: Path, within: str | None) -> Path:
    """The party's folder, around a process's own.

    Raises:
        ValueError: it is not there.
    """
    if within is None:
        return own
    parts = Path(within).parts
    if not parts or own.parts[-len(parts) :] != parts:
        msg = f"{own / CONFIG_NAME}: within: the folder does not end in {within!r}"
        raise ValueError(msg)
    return own.parents[len(parts) - 1]


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    nested = dict(values)
    if nested.get("simulation"):
        nested["simulation"] = Simulation(**nested["simulation"])
    if nested.get("web"):
        nested["web"] = Web(**nested["web"])
    if nested.get("telemetry"):
        nested["telemetry"] = Telemetry(**nested["telemetry"])
    nested["institutions"] = tuple(nested.get("institutions", ()))
    return nested
