"""What an exchange costs even if Python itself cost nothing: `PYTHONPATH=tests python tests/floor.py CALLERS EXCHANGES [WAY]`.

The same exchanges as `tests/calls.py` makes, by the connector or (WAY `plain`) by the bench's plain gRPC client. Of them only the time inside
libraries' own machine code is told: the database, sealing, signatures, hashing, messages, random numbers. That work is what the guarantees ask for
(rows that are durable, contents that are sealed, commitments, permits); what is left beside it is Python between those calls, with gRPC and what else
the profiler cannot see into. The time that the profiler itself takes for a call is measured first and taken off.

What gRPC itself needs is told after that: the calls that carried these exchanges, each at what a call of E2 costs its client and its far end, which
are processes of their own and do nothing else. That has the Python of gRPC and of the event loop in it, as E2 has. The last line is E2 whole, with
as many callers, 64 at most: divided by a required ratio it is what that leaves for everything, where both cores are busy.
"""

from __future__ import annotations

import cProfile
import pstats
import re
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import calls
import uvloop

from warifu.simulator.bench.rows import ECHO
from warifu.simulator.bench.turns import Side, echo

KINDS: Final = {
    "database": r"sqlite3\.(Connection|Cursor)",
    "sealing": r"aead\.|hpke|hmac",
    "signatures": r"ffi|_sodium",
    "hashing": r"_hashlib|HASH|blake2",
    "messages": r"google\._upb|FromString|SerializeToString|ByteSize|CopyFrom|HasField|WhichOneof|DiscardUnknown|msgpack",
    "random numbers": r"urandom",
}
"""Kinds of work, each by what its functions are called."""
PYTHON: Final = "Python between them"
_EMPTY: Final = 200_000
_SECONDS: Final = 3.0
"""Of E2."""
_MOST: Final = 64
"""Callers of E2, as it is measured: a connection has no room for more calls than `STREAMS`."""


def overhead() -> float:
    """Seconds that the profiler adds to a call of a built-in function."""
    profile, numbers = cProfile.Profile(time.thread_time), range(_EMPTY)
    absolute = abs
    profile.enable()
    for number in numbers:
        absolute(number)
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    spent = next(own for (file, _, name), (_, _, own, *_) in stats.items() if file == "~" and "abs" in name)
    return float(spent) / _EMPTY


def parts() -> tuple[Counter[str], Counter[str]]:
    """(seconds, calls) by kind of work, over all that was profiled."""
    seconds: Counter[str] = Counter()
    number: Counter[str] = Counter()
    added = overhead()
    for one in calls.PROFILES:
        for (file, _, name), (_, count, own, *_) in pstats.Stats(one).stats.items():  # type: ignore[attr-defined]
            known = (kind for kind, form in KINDS.items() if file == "~" and re.search(form, name))
            kind = next(known, PYTHON)
            seconds[kind] += max(0.0, own - count * added)
            number[kind] += count
    return seconds, number


async def of_echo(folder: Path, callers: int) -> tuple[float, float]:
    """CPU seconds that a call of E2 costs its client and its far end together, and all three of its processes."""
    async with echo(folder) as one:
        side = Side(one.client, ECHO, one.hands)
        await side.run(min(callers, _MOST), _SECONDS / 4)
        measured = await side.run(min(callers, _MOST), _SECONDS)
    done, cpu = measured.stretch.done, measured.cpu
    return (cpu["echo-client"] + cpu["echo-end"]) / done, sum(cpu.values()) / done


def main(callers: int, exchanges: int, way: str = calls.CONNECTOR) -> None:
    """Measure and print."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        one_call, whole = uvloop.run(of_echo(Path(folder) / "echo", callers))  # first: it starts processes
        carried = uvloop.run(calls.exchange(Path(folder) / "world", callers, exchanges, way))
    seconds, number = parts()
    for kind in (*KINDS, PYTHON):
        spent, count = seconds[kind] / exchanges * 1e6, number[kind] / exchanges
        sys.stdout.write(f"{kind:20} {spent:7.0f} us {count:7.1f} calls an exchange\n")
    floor = sum(spent for kind, spent in seconds.items() if kind != PYTHON)
    sys.stdout.write(
        f"{'without Python':20} {floor / exchanges * 1e6:7.0f} us of {sum(seconds.values()) / exchanges * 1e6:.0f}\n"
    )
    by_method = ", ".join(f"{count / exchanges:.2f} {method}" for method, count in sorted(carried.items()))
    needed = carried.total() / exchanges * one_call
    sys.stdout.write(f"{'gRPC itself':20} {needed * 1e6:7.0f} us: {by_method}, {one_call * 1e6:.0f} us each\n")
    sys.stdout.write(f"{'E2':20} {whole * 1e6:7.0f} us\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])
