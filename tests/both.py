"""Which tests run on both databases: those of what parties store, in one process. The second time every store lies on PostgreSQL.

Networks of processes on a server are tests/e2e/test_postgres.py; the gateway's own tests have fixtures of their own (unit/gateway,
contract/gateway), and so have those of the kernel.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatch

import pytest

EVERYDAY = (
    "*unit/portal/test_deliveries.py*",
    "*unit/interim/test_review.py*",
    "*unit/numbering/test_view.py*",
)
"""Patterns of node ids; the everyday run has them on both."""
LONG = (
    "*unit/agencies/*",
    "*unit/cards/*",
    "*unit/counter/*",
    "*unit/interim/*",
    "*unit/numbering/*",
    "*unit/portal/*",
    "*unit/watchdog/*",
    "*contract/agencies/*",
    "*contract/interim/*",
    "*contract/numbering/*",
    "*contract/watchdog/*",
    "*contract/test_portal.py*",
)
"""On PostgreSQL in the long run alone."""
FILES = frozenset({"test_months_go_when_their_term_is_over", "test_a_killed_process_gives_no_try_back"})
"""Names of tests that look into SQLite's own files, or have another process do so."""
_FOLDERS = frozenset({"tmp_path", "tmp_path_factory"})


def kinds(node: str, fixtures: Collection[str]) -> list[object]:
    """The parameters of a test; none for one that keeps nothing in a folder."""
    name = node.rpartition("::")[2].partition("[")[0]
    if name in FILES or _FOLDERS.isdisjoint(fixtures):
        return []
    if any(fnmatch(node, pattern) for pattern in EVERYDAY):
        return ["sqlite", "postgres"]
    if any(fnmatch(node, pattern) for pattern in LONG):
        return ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]
    return []
