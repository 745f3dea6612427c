"""`python -m warifu.dev proto [--check]`, `python -m warifu.dev migration KIND MESSAGE`, `python -m warifu.dev pages` and `python -m warifu.dev vectors`."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run one tool."""
    parser = argparse.ArgumentParser(prog="python -m warifu.dev", description=__doc__)
    tools = parser.add_subparsers(dest="tool", required=True)
    proto = tools.add_parser("proto", help="generate the code beside the contracts")
    proto.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when the code is not what the contracts say"
    )
    migration = tools.add_parser(
        "migration", help="write the migration from the newest revision to the schema in the code"
    )
    migration.add_argument("kind", help="numbering, gateway, interim, agency, portal, watchdog or simulator")
    migration.add_argument("message", help="what changes and why, a few words")
    tools.add_parser("pages", help="fill the tables of docs/PROTOCOL.md and docs/COVERAGE.md from the code")
    tools.add_parser("vectors", help="write tests/vectors, by which other implementations check theirs")
    options = parser.parse_args()
    if options.tool == "pages":
        from warifu.dev import pages  # noqa: PLC0415

        pages.write()
        return 0
    if options.tool == "vectors":
        from warifu.dev import vectors  # noqa: PLC0415

        vectors.write()
        return 0
    if options.tool == "migration":
        from warifu.dev.migration import write  # noqa: PLC0415 - Alembic loads slowly

        print(write(options.kind, options.message))  # noqa: T201 - the tool's output
        return 0
    from warifu.dev import protos  # noqa: PLC0415

    if not options.check:
        protos.generate()
        return 0
    stale = protos.check()
    for name in stale:
        print(f"{name} is not what the contracts give; run: python -m warifu.dev proto", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
