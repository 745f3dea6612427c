"""Makes or reopens a network's state folder: certificates, law book, and each party's configuration."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from warifu.authority import provision
from warifu.exchange.logkeys import LogKeys
from warifu.kernel.config import Config, Simulation, Telemetry, Web, own_server
from warifu.kernel.control import SOCKET_NAME, control_address
from warifu.kernel.peers import server_name
from warifu.law import packaged
from warifu.simulator.launcher import databases, elsewhere
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import GATEWAY, PORTAL, STAGE, PlannedParty, plan
from warifu.simulator.launcher.ports import PortError, Ports
from warifu.simulator.launcher.processes import folder_of, within
from warifu.simulator.population import CLOCK_START
from warifu.simulator.state import NETWORK_NAME, SCHEMA, NetworkFile, PartyEntry, ProcessEntry, StateError

METRICS = "metrics"
"""Where `network.json` says, under "extra", at which URL each party's metrics are read."""
OFFICE_OPENS = time(9, tzinfo=timezone(timedelta(hours=9)))
"""Time of day in Japan at which a new network's clock starts."""


def prepare(state: Path, options: Options, ports: Ports) -> NetworkFile:
    """Make the folder's network, or reopen it with what it was made by; either way its ports are free now.

    Raises:
        StateError: the folder holds something else, is damaged, was written by a newer program, or lies too deep for sockets; or what
            traces need is not installed.
        PortError: a port that was asked for is taken.
    """
    _traceable(options.otlp)
    parties = plan(packaged(), bare=options.bare)
    for party in parties:
        _reachable(state / party.name)
    old = NetworkFile.load(state) if (state / NETWORK_NAME).exists() else None
    seed, people = (old.seed, old.people) if old else (options.seed, options.people)
    kinds = {code: party.name for party in parties if party.agency for code in party.institutions}
    counters = list(kinds)
    server = databases.place(options.database_url, old, state)
    network = (old.extra.get(databases.ID) if old else None) or secrets.token_hex(4)
    homes = databases.urls(server, network, state, databases.homes(kinds, (party.name for party in parties)))
    away = old.elsewhere if old else {}
    provision(state, _identities(parties, kinds, away), counters=counters)
    addresses = _addresses(parties, old, ports)
    further = _further(_gateways(options, old, server), old, ports, state)
    webs = _webs(parties, old, options, ports)
    clock = clock_of(state, old)
    file = NetworkFile(
        schema=SCHEMA,
        seed=seed,
        people=people,
        simulation=True,
        pid=os.getpid(),
        ca=str(state / "ca" / "root.pem"),
        parties=[
            PartyEntry(
                p.name, addresses[p.name], server_name(p.name), str(state / p.name / "control.sock"),
                _origin(webs[p.name]) if p.name in webs else None, further if p.name == GATEWAY else [],
            )
            for p in parties
        ],
        counters={code: _pair(state / "counters" / code) for code in counters},
        simulator=_pair(state / "simulator" / "identities" / "main"),
        inspector=_pair(state / "inspector"),
        log=log_of(state, _origin(webs["gateway"])),
        stage=_origin(webs[STAGE.name]) if STAGE.name in webs else "",
        database_url=server,
        clock="",
        filled=old.filled if old else False,
        key_copies=old.key_copies if old else {},
        elsewhere=dict(away),
        extra={"kinds": kinds} | ({databases.ID: network} if server is not None else {}),
    )  # fmt: skip
    since = datetime.now(tz=UTC).isoformat()
    simulation = Simulation(seed, clock.isoformat(), stopped=options.stopped_clock, since=since)
    told = _telemetry([*(p.name for p in parties), *_names(further)], options, ports)
    file.extra[METRICS] = {name: f"http://{one.metrics}/metrics" for name, one in told.items() if one.metrics}
    for party in parties:
        own, institutions = databases.configured(homes, party.name)
        config = Config(
            party=party.name,
            listen=addresses[party.name],
            addresses={name: file.party(name).addresses for name in party.calls},
            institutions=party.institutions,
            simulation=simulation,
            reflection=options.reflection,
            web=webs.get(party.name),
            database_url=own,
            databases=institutions,
            telemetry=told[party.name],
        )
        config = elsewhere.told(config, file, party.institutions)
        _save(config, file.party(party.name), told, state)
    elsewhere.tell_own(state, file)
    file.save(state)
    return file


def _identities(
    parties: Sequence[PlannedParty], kinds: Mapping[str, str], away: Mapping[str, str]
) -> Mapping[str, Sequence[str]]:
    """Whose certificates lie in which folder: an institution's in its party's, or in that of its own server."""
    here = {
        party.name: [code for code in party.identities if code not in away or kinds[code] != party.name]
        for party in parties
    }
    return here | {own_server(kinds[code], code): [code] for code in away}


def _save(config: Config, entry: PartyEntry, told: Mapping[str, Telemetry], state: Path) -> None:
    """Write the configuration of each process of a party."""
    if entry.replicas and config.web is not None:
        config = replace(config, web=replace(config.web, shared=True))
    config.save(state / entry.name)
    for number, (process, name) in enumerate(zip(entry.replicas, _names(entry.replicas), strict=True), 2):
        folder = folder_of(state, entry.name, number)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(config, listen=process.address, within=within(number), telemetry=told[name]).save(folder)


def _reachable(folder: Path) -> None:
    """Refuse a party's folder whose path has no room for a socket; its process could only say so at every start."""
    try:
        control_address(folder)
    except ValueError as error:
        path = folder / SOCKET_NAME
        raise StateError(
            f"{path} は Unix ソケットのパスとして長すぎます。--state でより短いフォルダーを指定してください。",
            f"{path} is too long for the path of a socket. Choose a shorter folder with --state.",
        ) from error


def _traceable(collector: str | None) -> None:
    """Refuse traces that no party could send; each could only say so at every start."""
    if collector is None:
        return
    try:
        there = all(map(find_spec, ("opentelemetry.sdk", "opentelemetry.exporter.otlp")))
    except ModuleNotFoundError:
        there = False
    if not there:
        raise StateError(
            "--otlp には追加機能が要ります: pip install 'warifu[otlp]'（クローンでは .venv/bin/pip install -e '.[otlp]'）",
            "--otlp needs an extra: pip install 'warifu[otlp]' (in a clone: .venv/bin/pip install -e '.[otlp]')",
        )


def _gateways(options: Options, old: NetworkFile | None, server: str | None) -> int:
    """How many processes the gateway is.

    Raises:
        StateError: several, without a server that they could share.
    """
    before = len(old.party(GATEWAY).processes) if old else 1
    wanted = options.gateways or before
    if wanted > 1 and server is None:
        raise StateError(
            "ゲートウェイを複数動かすには、共用する PostgreSQL サーバーが要ります。--database-url（または環境変数 WARIFU_DATABASE_URL）を指定してください。",
            "several gateways need a PostgreSQL server that they share. Give it with --database-url, or by the variable WARIFU_DATABASE_URL.",
        )
    return wanted


def _further(gateways: int, old: NetworkFile | None, ports: Ports, state: Path) -> list[ProcessEntry]:
    """The gateway's processes but the first, at their addresses of last time where those are free."""
    for number in range(2, gateways + 1):
        _reachable(folder_of(state, GATEWAY, number))
    known = [int(one.address.rpartition(":")[2]) for one in old.party(GATEWAY).replicas] if old else []
    kept = [port for port in known[: gateways - 1] if ports.claim(port)]
    got = [*kept, *ports.grpc(gateways - 1 - len(kept))]
    return [
        ProcessEntry(f"127.0.0.1:{port}", str(folder_of(state, GATEWAY, number) / SOCKET_NAME))
        for number, port in enumerate(got, 2)
    ]


def _names(further: Sequence[ProcessEntry]) -> list[str]:
    """By which the gateway's further processes are known where each has its own place, such as of metrics."""
    return [f"{GATEWAY}-{number}" for number, _ in enumerate(further, 2)]


def _telemetry(processes: Sequence[str], options: Options, ports: Ports) -> dict[str, Telemetry]:
    """Where each process's metrics are read, and where its traces go; nowhere, unless it is asked for.

    Raises:
        PortError: a port that was asked for is taken.
    """
    first, numbers = options.metrics_port, None
    if first is not None and (numbers := ports.claim_all(first, len(processes))) is None:
        last = first + len(processes) - 1
        raise PortError(
            f"ポート {first} から {last} のどれかは別のプログラムが使っています。--metrics-port で別の番号を指定してください。",
            f"one of the ports {first} to {last} is in use by another program. Choose others with --metrics-port.",
        )
    return {
        name: Telemetry(
            metrics=None if numbers is None else f"127.0.0.1:{numbers[place]}",
            otlp=options.otlp,
            # A simulation is small and looked at closely: here every trace is sent.
            sampled=1.0,
            console=options.console,
        )
        for place, name in enumerate(processes)
    }


def database_order(state: Path, file: NetworkFile, database_url: str | None) -> dict[str, Any]:
    """What the launcher's child is to see to before the parties start (`warifu.simulator.migrations.__main__`).

    `database_url`: with which rights databases may be made; without it they have to be there.

    Raises:
        StateError: it is missing although the network was never filled.
    """
    planned = databases.homes(file.extra["kinds"], (party.name for party in file.parties))
    if file.database_url is None:
        return {"files": databases.files(state, planned)}
    if database_url is None and not file.filled:
        raise StateError(
            f"{state} のネットワークはまだ出来上がっていません。もう一度 --database-url を付けて起動してください。",
            f"the network in {state} was never finished. Start it with --database-url once more.",
        )
    homes = databases.urls(file.database_url, file.extra[databases.ID], state, planned)
    return {
        "server": database_url,
        "new": not file.filled,
        "homes": [
            {
                "url": url,
                "schemas": [schema for schema, _ in home.stores],
                "processes": len(file.party(home.party).processes),
            }
            for home, url in homes.items()
        ],
    }


def drop_order(file: NetworkFile, database_url: str) -> dict[str, Any]:
    """What the launcher's child is to do at the end of a network whose state goes with it."""
    planned = databases.homes(file.extra["kinds"], (party.name for party in file.parties))
    return {"server": database_url, "drop": [home.name(file.extra[databases.ID]) for home in planned]}


def _addresses(parties: tuple[PlannedParty, ...], old: NetworkFile | None, ports: Ports) -> dict[str, str]:
    """The addresses of last time where they are free, so that what was configured by hand keeps working."""
    known = {p.name: p.address for p in old.parties} if old else {}
    kept = {name: address for name, address in known.items() if ports.claim(int(address.rpartition(":")[2]))}
    missing = [party.name for party in parties if party.name not in kept]
    fresh = ports.grpc(len(missing))
    return kept | {name: f"127.0.0.1:{port}" for name, port in zip(missing, fresh, strict=True)}


def _webs(parties: tuple[PlannedParty, ...], old: NetworkFile | None, options: Options, ports: Ports) -> dict[str, Web]:
    """The web faces, the stage's too, on the ports that are asked for, or those of last time where they are free."""
    faces = {party.name: party.web for party in parties if party.web is not None}
    if not options.bare:
        faces[STAGE.name] = STAGE
    count = 1 + max(face.rank for face in faces.values())
    before = min((int(url.rpartition(":")[2]) for url in old.urls.values()), default=0) if old else 0
    got = ports.claim_all(before, count) if before and options.port is None else None
    numbers = got or ports.web(count, options.port)
    webs = {name: Web(face.host, numbers[face.rank], bind=options.listen) for name, face in faces.items()}
    origins = {face.name: _origin(webs[party]) for party, face in faces.items()}
    for name, face in faces.items():
        known = {other: origins[other] for other in (face.name, *face.knows)}
        if name == PORTAL and options.dev_origin is not None:
            known["dev"] = options.dev_origin
        webs[name] = replace(webs[name], origins=known)
    return webs


def log_of(state: Path, url: str) -> dict[str, str]:
    """What `network.json` says of the log: where it is served, and the verifier keys to check it with."""
    keys = LogKeys.load(state / "gateway")
    return {"url": url, "key": keys.log.vkey, "witness": keys.witness.vkey}


def _origin(web: Web) -> str:
    return f"http://{web.host}:{web.port}"


def clock_of(state: Path, old: NetworkFile | None) -> datetime:
    """Where the network's clock goes on: at the beginning, where it was stopped, or, after a crash, where it would be by now."""
    if old is None:
        return datetime.combine(CLOCK_START, OFFICE_OPENS)
    if old.clock:
        return datetime.fromisoformat(old.clock)
    anchor = Config.load(state / "gateway").simulation
    assert anchor is not None
    return anchor.start(datetime.now(tz=UTC))


def _pair(folder: Path) -> dict[str, str]:
    return {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
