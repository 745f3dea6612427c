"""`python -m warifu.simulator.testing`: a network under test in this process, for whoever started it.

Prints one line of JSON when it is ready, and ends when its standard input closes, or by SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys

from warifu.kernel.server import COLLECTING
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.service import serve_control
from warifu.simulator.told import ToldError


def main() -> None:
    """Run until whoever started it is gone."""
    parser = argparse.ArgumentParser(prog="warifu.simulator.testing")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    try:
        _run(_serve(options.people, options.seed))
    except ToldError as error:
        sys.exit(json.dumps({"error": error.en}))


async def _serve(people: int, seed: int) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)

    def heard() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            over.set()

    loop.add_reader(sys.stdin.fileno(), heard)
    async with Engine.run(people, seed) as engine, serve_control(engine) as (address, token):
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTING)
        told = {"address": address, "token": token, "state": str(engine.state), "ready_seconds": engine.ready_seconds}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        await over.wait()


def _run(work: object) -> None:
    try:
        import uvloop  # noqa: PLC0415 - a third less CPU a call, where there is one
    except ImportError:
        asyncio.run(work)  # type: ignore[arg-type]
    else:
        uvloop.run(work)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
