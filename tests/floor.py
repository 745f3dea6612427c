"""What an exchange costs even if Python itself cost nothing: `PYTHONPATH=tests python tests/floor.py CALLERS EXCHANGES`.

The same exchanges as `tests/calls.py` makes, of which only the time inside libraries' own machine code is told: the database, sealing, signatures,
hashing, messages, random numbers. That work is what the guarantees ask for (rows that are durable, contents that are sealed, commitments, permits); what
is left beside it is Python between those calls, with gRPC and what else the profiler cannot see into. The time that the profiler itself takes for a
call is measured first and taken off.
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

KINDS: Final = {
    "database": r"sqlite3\.(Connection|Cursor)",
    "sealing": r"aead\.|hpke|hmac",
    "signatures": r"ffi",
    "hashing": r"_hashlib|HASH",
    "messages": r"google\._upb|FromString|SerializeToString|ByteSize|CopyFrom|HasField|WhichOneof|DiscardUnknown",
    "random numbers": r"urandom",
}
"""Kinds of work, each by what its functions are called."""
PYTHON: Final = "Python between them"
_EMPTY: Final = 200_000


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


def main(callers: int, exchanges: int) -> None:
    """Measure and print."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        uvloop.run(calls.exchange(Path(folder), callers, exchanges))
    seconds, number = parts()
    for kind in (*KINDS, PYTHON):
        spent, count = seconds[kind] / exchanges * 1e6, number[kind] / exchanges
        sys.stdout.write(f"{kind:20} {spent:7.0f} us {count:7.1f} calls an exchange\n")
    floor = sum(spent for kind, spent in seconds.items() if kind != PYTHON)
    sys.stdout.write(
        f"{'without Python':20} {floor / exchanges * 1e6:7.0f} us of {sum(seconds.values()) / exchanges * 1e6:.0f}\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
