"""A network's state folder: `network.json`, its lock, and the list of networks that live on this machine.

If `network.json` is read by another user, addresses and paths are known, no secret; if it is lost, the folders and their keys are still
whole, and the next start writes it anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from warifu.kernel.config import own_server
from warifu.simulator.told import ToldError

SCHEMA = 1
"""Version of the state folder's layout. Databases carry their own revision (warifu.simulator.migrations)."""
NETWORK_NAME = "network.json"


class StateError(ToldError):
    """The state folder cannot be used; the message says why and what to do."""


@dataclass(slots=True)
class ProcessEntry:
    """One process of a party."""

    address: str
    control: str
    """Path of its control socket."""


@dataclass(slots=True)
class PartyEntry:
    """One party in `network.json`."""

    name: str
    address: str
    server_name: str
    control: str
    """Path of its control socket."""
    url: str | None = None
    """Its web face."""
    replicas: list[ProcessEntry] = field(default_factory=list)
    """Further processes of it."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> PartyEntry:
        """An entry as it is in the file."""
        further = [ProcessEntry(**one) for one in values.get("replicas", ())]
        return cls(**values | {"replicas": further})

    @property
    def processes(self) -> tuple[ProcessEntry, ...]:
        """All of its processes."""
        return (ProcessEntry(self.address, self.control), *self.replicas)

    @property
    def addresses(self) -> str:
        """Of all its processes, as callers are told them (`warifu.kernel.peers.target`)."""
        return ",".join(one.address for one in self.processes)


@dataclass(slots=True)
class NetworkFile:
    """What `network.json` says."""

    schema: int
    seed: int
    people: int
    simulation: bool
    pid: int
    """Process that keeps the network; dead when the network is down."""
    ca: str
    parties: list[PartyEntry]
    counters: dict[str, dict[str, str]]
    """Certificate and key path of each institution's counter."""
    simulator: dict[str, str]
    """Certificate and key path of the simulator's identity, used to register people in bulk."""
    inspector: dict[str, str] = field(default_factory=dict)
    """Certificate and key path of the supervisor's inspector, under which the network is audited."""
    log: dict[str, str] = field(default_factory=dict)
    """The public log: "url" where it is served, "key" and "witness", the verifier keys of the log and of its witness."""
    stage: str = ""
    """Origin of the trainer's stage, which the launcher serves."""
    database_url: str | None = None
    clock: str = ""
    """Network time at which the network was stopped, ISO 8601; the next start goes on from there. Empty while it runs, and after a crash."""
    ready_seconds: float | None = None
    filled: bool = False
    """The population is loaded."""
    key_copies: dict[str, int] = field(default_factory=dict)
    """Where backups keep copies of the month keys, with the first month that each opened when it was last seen (warifu.kernel.months)."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """Institutions that a system outside serves in their party's place, each with that system's address (docs/ONBOARD.md)."""
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, state: Path) -> NetworkFile:
        """Read the file of `state`.

        Raises:
            StateError: there is none, it is damaged, or a newer program wrote it.
        """
        path = state / NETWORK_NAME
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            parties = [PartyEntry.of(entry) for entry in values.pop("parties")]
        except FileNotFoundError:
            raise StateError(
                f"{state} にネットワークはありません。作成: warifu demo --state {state}",
                f"{state} holds no network. Make one with: warifu demo --state {state}",
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"{path} が壊れています（{error}）。バックアップから戻してください: warifu restore",
                f"{path} is damaged ({error}). Restore it from a backup with: warifu restore",
            ) from error
        if values.get("schema", 0) > SCHEMA:
            raise StateError(
                f"{state} は新しい版の warifu が書いたものです（状態の版 {values['schema']}、このプログラムは {SCHEMA} まで）。その版を入れてください。",
                f"{state} was written by a newer warifu (state version {values['schema']}, this one knows {SCHEMA}). Install that version.",
            )
        return cls(parties=parties, **values)

    @property
    def folder(self) -> Path:
        """The state folder that the file speaks of."""
        return Path(self.ca).parents[1]

    def save(self, state: Path) -> None:
        """Write the file atomically, readable by the owner alone."""
        path, fresh = state / NETWORK_NAME, state / f".{NETWORK_NAME}.new"
        fresh.touch(mode=0o600)
        # Every value on a line of its own: an indented document is written by Python, letter by letter.
        parts = (
            (one.name, json.dumps(getattr(self, one.name), ensure_ascii=False, default=_as_json))
            for one in fields(self)
        )
        fresh.write_text(
            "{\n" + ",\n".join(f'  "{name}": {value}' for name, value in parts) + "\n}\n", encoding="utf-8"
        )
        fresh.replace(path)

    def party(self, name: str) -> PartyEntry:
        """The entry of one party.

        Raises:
            StateError: there is no such party; the message lists those there are.
        """
        for entry in (*self.parties, *map(self.server_of, self.elsewhere)):
            if entry.name == name:
                return entry
        raise StateError(
            f"{name!r} という機関はありません。ある機関: {', '.join(p.name for p in self.parties)}",
            f"no party is named {name!r}; there are: {', '.join(p.name for p in self.parties)}",
        )

    def server_of(self, institution: str) -> PartyEntry:
        """Where an institution is served: its party, or a server of its own. That has no control socket here.

        Raises:
            KeyError: there is no such institution.
        """
        kind = self.extra["kinds"][institution]
        if institution not in self.elsewhere:
            return self.party(kind)
        from warifu.kernel.peers import server_name  # noqa: PLC0415 - gRPC takes a while to load, and most networks have none such

        name = own_server(kind, institution)
        return PartyEntry(name, self.elsewhere[institution], server_name(name), "")

    @property
    def trusting(self) -> list[str]:
        """Folders that hold what is to be trusted: every party's, and those of institutions that are served elsewhere."""
        return [*(party.name for party in self.parties), *(self.server_of(code).name for code in self.elsewhere)]

    @property
    def urls(self) -> Mapping[str, str]:
        """Web faces by party; the stage's, which is no party's, as "stage"."""
        return {p.name: p.url for p in self.parties if p.url} | ({"stage": self.stage} if self.stage else {})

    def living(self) -> bool:
        """Whether the process that keeps the network runs."""
        return _alive(self.pid)


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the state folder for this process alone.

    Raises:
        StateError: another process holds it, or the folder cannot be written.
    """
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(state / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateError(
            f"{state} に書き込めません: {error.strerror}。--state で別のフォルダーを指定してください。",
            f"cannot write to {state}: {error.strerror}. Choose another folder with --state.",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StateError(
            f"{state} ではすでにネットワークが動いています。確認: warifu status --state {state}",
            f"a network already runs on {state}. See it with: warifu status --state {state}",
        ) from None
    finally:
        os.close(handle)


def _registry() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "warifu" / "networks"


@contextlib.contextmanager
def registered(state: Path) -> Iterator[None]:
    """List the network as living while the block runs, so that verbs without --state find it."""
    folder = _registry()
    folder.mkdir(parents=True, exist_ok=True)
    entry = folder / f"{os.getpid()}.json"
    entry.write_text(json.dumps({"state": str(state), "pid": os.getpid()}), encoding="utf-8")
    try:
        yield
    finally:
        entry.unlink(missing_ok=True)


def newest_living() -> tuple[Path, int]:
    """The state folder of the network that was started last and still lives, and how many live.

    Raises:
        StateError: none lives.
    """
    entries = sorted(_registry().glob("*.json"), key=lambda e: e.stat().st_mtime, reverse=True)
    found = []
    for entry in entries:
        values = json.loads(entry.read_text(encoding="utf-8"))
        if _alive(values["pid"]):
            found.append(Path(values["state"]))
        else:
            entry.unlink(missing_ok=True)
    if found:
        return found[0], len(found)
    raise StateError(
        "動いているネットワークがありません。別の端末で起動してください: warifu demo",
        "no network is running. Start one in another terminal with: ./warifu demo",
    )


def _as_json(entry: Any) -> dict[str, Any]:
    """An entry's values as they are: `asdict` copies all of them first, and a test kit writes the file between two tests."""
    return {one.name: getattr(entry, one.name) for one in fields(entry)}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
