"""`python -m warifu.simulator.migrations` reads `[[schema, url], …]` from standard input and upgrades each."""

import json
import sys

from warifu.simulator.migrations import Database, DatabaseUnusableError, SchemaTooNewError, upgrade

if __name__ == "__main__":
    try:
        upgrade(Database(schema, url) for schema, url in json.load(sys.stdin))
    except (SchemaTooNewError, DatabaseUnusableError) as error:
        sys.exit(str(error))
