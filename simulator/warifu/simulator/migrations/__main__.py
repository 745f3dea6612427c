"""`python -m warifu.simulator.migrations` reads `[[schema, url], …]` from standard input and upgrades each.

What a person must be told comes as `[Japanese, English]` on the last line of standard error.
"""

import json
import sys

from warifu.simulator.migrations import Database, upgrade
from warifu.simulator.told import ToldError

if __name__ == "__main__":
    try:
        upgrade(Database(schema, url) for schema, url in json.load(sys.stdin))
    except ToldError as error:
        sys.exit(json.dumps([error.ja, error.en]))
