"""`python -m warifu.simulator.testing`: a network under test in this process, for whoever started it.

Prints one line of JSON when it is ready, and ends when its standard input closes, or by SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping

from warifu.simulator.testing import LARGEST_SEED, LEAST_PEOPLE
from warifu.simulator.testing.serving import places, run, served, until_signalled
from warifu.simulator.told import ToldError


def main() -> None:
    """Run until whoever started it is gone."""
    parser = argparse.ArgumentParser(prog="warifu.simulator.testing")
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", default=[], metavar="INSTITUTION[=HOST:PORT]")
    options = parser.parse_args()
    if options.people < LEAST_PEOPLE:
        parser.error(f"--people {options.people}: at least {LEAST_PEOPLE}")
    if not 0 <= options.seed <= LARGEST_SEED:
        parser.error(f"--seed {options.seed}: from 0 to {LARGEST_SEED}")
    logging.basicConfig(level=logging.CRITICAL)
    try:
        run(_serve(options.people, options.seed, places(options.at)))
    except ToldError as error:
        sys.exit(error.en)


async def _serve(people: int, seed: int, elsewhere: Mapping[str, str]) -> None:
    over, source = until_signalled(), sys.stdin.fileno()

    def heard() -> None:
        if not os.read(source, 4096):
            over.set()

    asyncio.get_running_loop().add_reader(source, heard)
    async with served(people, seed, elsewhere=elsewhere) as told:
        document = told.document()
        del document["faces"], document["urls"]  # asked for when they are wanted
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
        await over.wait()


if __name__ == "__main__":
    main()
