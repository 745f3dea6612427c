"""How many function calls an exchange costs, over all its parties: `PYTHONPATH=tests python tests/calls.py CALLERS EXCHANGES [WAY] [FUNCTIONS]`.

The parties of the interim server's contract run in this one process and exchange, by the connector or (WAY `plain`) by the bench's plain gRPC
client; each of their threads is profiled. Unlike times, calls hardly depend on the machine: only by how many exchanges travel together, and how
often the log's head moves meanwhile. The portal takes no part.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from contract.interim_world import NHI, TAX, World, copy, person

from warifu.kernel.lines import Lines
from warifu.linkage.v1 import linkage_pb2_grpc
from warifu.simulator.bench.plain import Plain

CONNECTOR, PLAIN = "connector", "plain"

PROFILES: list[cProfile.Profile] = []
_of_thread = threading.local()


def profile() -> cProfile.Profile:
    """This thread's."""
    if not hasattr(_of_thread, "profile"):
        _of_thread.profile = cProfile.Profile(time.thread_time)
        PROFILES.append(_of_thread.profile)
    made: cProfile.Profile = _of_thread.profile
    return made


def _profiled(commit: Any) -> Any:
    def run(self: Lines, jobs: Any) -> None:
        with profile():
            commit(self, jobs)

    return run


@contextmanager
def _asking(world: World, folder: Path, way: str) -> Iterator[Any]:
    """How the requester asks."""
    interim = world.interim(NHI)
    if way == CONNECTOR:
        yield interim.connector.inquire
        return
    assert way == PLAIN, f"WAY is {CONNECTOR} or {PLAIN}"
    stub = interim.ground.peers.stub(linkage_pb2_grpc.LinkageServiceStub, "gateway", NHI)
    plain = Plain(interim.ground, folder, stub)
    try:
        yield plain.exchange
    finally:
        plain.close()


def _asked(world: World) -> Counter[str]:
    """Calls that carried exchanges, by method."""
    counts = [(method, count) for running in world.running.values() for (method, _), count in running.counts.items()]
    wanted = {"Inquire", "InquireMany", "Provide"}
    return sum((Counter({name: n}) for method, n in counts if (name := method.rpartition("/")[2]) in wanted), Counter())


async def exchange(folder: Path, callers: int, exchanges: int, way: str = CONNECTOR) -> Counter[str]:
    """So many, that many at a time, of which only what comes after a first round is counted. Returns the calls that carried them, by method."""
    world = await World.begin(folder)
    try:
        await world.register([person(0)])
        for code in (NHI, TAX):
            await world.enrol(code, "1")
        await world.interim(TAX).register_copies([copy("r-1")])
        questions = iter([world.question() for _ in range(callers + exchanges)])
        with _asking(world, folder, way) as ask:
            await asyncio.gather(*(ask(next(questions)) for _ in range(callers)))

            async def caller() -> None:
                for question in questions:
                    await ask(question)

            Lines._commit = _profiled(Lines._commit)  # type: ignore[method-assign]
            for running in world.running.values():  # what is done once a second is done once, after the last exchange
                await running.jobs.stop()
            before = _asked(world)
            with profile():
                await asyncio.gather(*(caller() for _ in range(callers)))
                await world.settle()
            return _asked(world) - before
    finally:
        await world.end()


def told(exchanges: int, functions: int) -> str:
    """Calls an exchange by package, and of the functions that are called most."""
    packages: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for one in PROFILES:
        for (file, _, name), (_, calls, *_) in pstats.Stats(one).stats.items():  # type: ignore[attr-defined]
            found = re.search(r"warifu/(\w+)/", file)
            packages[found.group(1) if found else "builtin" if file == "~" else "other"] += calls
            named[f"{Path(file).stem}.{name}"] += calls
    lines = [f"{sum(packages.values()) / exchanges:7.0f} calls an exchange"]
    lines += [f"{calls / exchanges:7.1f} {name}" for name, calls in packages.most_common()]
    return "\n".join([*lines, *(f"{calls / exchanges:7.1f}   {name}" for name, calls in named.most_common(functions))])


def main(callers: int, exchanges: int, way: str = CONNECTOR, functions: int = 0) -> None:
    """Measure and print."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asyncio.run(exchange(Path(folder), callers, exchanges, way))
    sys.stdout.write(told(exchanges, functions) + "\n")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(*numbers[:2], PLAIN if PLAIN in sys.argv else CONNECTOR, *numbers[2:])
