"""A network whose processes are started one by one by something else, such as containers: `python -m warifu.simulator.launcher.apart`.

`setup` makes certificates, configurations, secrets and databases, and ends; `run PARTY` is one party's process, in whose container only that
party's folder lies; `conduct` fills the network and serves the trainer's stage. Each waits for what it needs, so they may start in any order.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

from warifu.exchange.keys import write_secret
from warifu.kernel.log import Lines
from warifu.law import packaged
from warifu.simulator.launcher import setup
from warifu.simulator.launcher.network import Network, load_of, migrate
from warifu.simulator.launcher.options import Options
from warifu.simulator.launcher.plan import plan
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.launcher.processes import Processes, folder_of
from warifu.simulator.state import NETWORK_NAME, NetworkFile, StateError, locked, registered
from warifu.simulator.told import ToldError

MARK: Final = "ready"
"""In a process's folder: which version of the program it was made ready for, databases included."""
LOOK: Final = 0.5
"""Seconds between two looks at what is waited for."""
SERVER_WITHIN: Final = 120.0
"""Seconds in which the database server must answer."""


def owner_url(server: str, password: Path) -> str:
    """The URL of PostgreSQL at `server` (host and port) under its owner, whose password lies in a file, made here when it is missing."""
    if not password.exists():
        write_secret(password, secrets.token_urlsafe(24).encode())
    return f"postgresql://postgres:{quote(password.read_text(encoding='ascii'), safe='')}@{server}/postgres"


async def set_up(options: Options) -> None:
    """Make a network, or bring its databases to this version; nothing where both were done.

    Raises:
        StateError: the folder or the server cannot be used.
    """
    state = options.state
    if is_made(state):
        tell("made already", version=version("warifu"))
        return
    with locked(state), contextlib.closing(Ports()) as ports:
        there = (state / NETWORK_NAME).exists()
        file = NetworkFile.load(state) if there else setup.prepare(state, options, ports)
        order = setup.database_order(state, file, options.database_url)
        await _patiently(lambda: migrate(order))
    for party in file.parties:
        for number, _ in enumerate(party.processes, 1):
            (folder_of(state, party.name, number) / MARK).write_text(version("warifu"), encoding="ascii")
    tell("made", version=version("warifu"), parties=len(file.parties))


def run_party(state: Path, name: str, number: int) -> None:
    """Be a process of a party, as soon as it is made ready."""
    from warifu.simulator.launcher.nursery import run_party as run  # noqa: PLC0415 - it is the one who imports a party

    (party,) = (one for one in plan(packaged()) if one.name == name)
    folder = folder_of(state, name, number)
    wait_for(lambda: is_ready(folder), "waiting for the set-up")
    os.chdir(folder)
    run(folder, party.build)


async def conduct(state: Path, listen: str) -> None:
    """Fill the network and serve its stage until SIGTERM.

    Raises:
        StateError: a party does not serve.
    """
    began = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from warifu.simulator.doors import doors  # noqa: PLC0415 - the others need none

    with locked(state):
        file = NetworkFile.load(state)
        file.pid = os.getpid()
        file.save(state)
        async with doors(file) as opened:
            network = Network(state, file, opened, Processes((), state))
            await network.until_healthy(_silent)
            tell("every party serves", parties=len(file.parties))
            await network.fill(await asyncio.to_thread(load_of, file, state), _silent)
            async with network.stage(listen):
                file.ready_seconds = round(time.monotonic() - began, 2)
                file.save(state)
                tell("ready", seconds=file.ready_seconds, urls=file.urls)
                with registered(state):
                    await stop.wait()


def is_made(state: Path) -> bool:
    """Whether everything is ready for this version of the program: each party's processes, further gateways among them."""
    folders = [*(state / party.name for party in plan(packaged())), *state.glob("*/replicas/*")]
    return (state / NETWORK_NAME).exists() and all(map(is_ready, folders))


def is_ready(folder: Path) -> bool:
    """Whether a process was made ready for this version of the program."""
    mark = folder / MARK
    return mark.exists() and mark.read_text(encoding="ascii") == version("warifu")


def wait_for(there: Callable[[], bool], event: str) -> None:
    """Look until it is there, and say once that it is waited for; SIGTERM ends the process."""
    said = False
    while not there():
        if not said:
            tell(event)
        said = True
        time.sleep(LOOK)


def tell(event: str, **fields: object) -> None:
    """A line on standard error, of the form of the parties' own: whoever started the process reads all of them in one place."""
    line = {
        "name": "warifu.simulator.launcher.apart",
        "levelname": "INFO",
        "levelno": logging.INFO,
        "msg": event,
        **fields,
    }
    print(Lines().format(logging.makeLogRecord(line)), file=sys.stderr, flush=True)  # noqa: T201 - a container's log


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    deadline, said = time.monotonic() + SERVER_WITHIN, ""
    while True:
        try:
            await work()
        except StateError as error:
            if time.monotonic() > deadline:
                raise
            if error.en != said:
                tell("waiting for the database server", detail=error.en)
            said = error.en
            await asyncio.sleep(LOOK)
        else:
            return


def _silent(_step: str, _done: int, _of: int) -> None:
    pass


def main(words: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    given = _parser().parse_args(words)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if given.verb == "run":
            run_party(given.state, given.party, given.number)
        elif given.verb == "conduct":
            wait_for(lambda: is_made(given.state), "waiting for the set-up")
            asyncio.run(conduct(given.state, given.listen))
        else:
            asyncio.run(set_up(_options(given)))
    except ToldError as error:
        sys.exit(f"{error.ja}\n{error.en}")


def _options(given: argparse.Namespace) -> Options:
    url = owner_url(given.server, given.password)
    return Options(
        given.state, given.people, given.seed, given.port, given.listen, database_url=url, gateways=given.gateways, console=True
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m warifu.simulator.launcher.apart", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("/state"), help="the state folder, with a folder a party")
    verbs = parser.add_subparsers(dest="verb", required=True)
    making = verbs.add_parser("setup", help="make the network ready, and end")
    making.add_argument("--people", type=int, default=1000)
    making.add_argument("--seed", type=int, default=1)
    making.add_argument("--port", type=int, default=None, help="of the first web face")
    making.add_argument("--gateways", type=int, default=2)
    making.add_argument("--listen", default="127.0.0.1", help="address on which the web faces listen")
    making.add_argument("--server", default="127.0.0.1:5432", help="host and port of PostgreSQL")
    making.add_argument("--password", type=Path, required=True, help="file of its owner's password, made when missing")
    running = verbs.add_parser("run", help="be one process of a party")
    running.add_argument("party", choices=[party.name for party in plan(packaged())])
    running.add_argument("number", type=int, nargs="?", default=1)
    conducting = verbs.add_parser("conduct", help="fill the network and serve the stage")
    conducting.add_argument("--listen", default="127.0.0.1", help="address on which the stage listens")
    return parser


if __name__ == "__main__":
    main()
