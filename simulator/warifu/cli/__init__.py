"""The `warifu` command: one module a verb. Verbs import what they need when they run, so that `--help` is quick."""

import time

BEGAN = time.monotonic()
"""When the command began: this is the first module of it that is read. `ready_seconds` counts from here."""
