"""What only somebody with the gateway's disk can do: a leaf of the log is another one, until the supervisor has found that, and is set back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from warifu.simulator.tour.state import until
from warifu.simulator.tour.visitors import Visitor, entered

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from warifu.simulator.state import NetworkFile
    from warifu.simulator.tour.acts import Scene

_EXAMINER: Final = Visitor("examiner", "", "", "watchdog", staff="examiner")
_NEWEST: Final = (
    "SELECT position, commitment FROM log_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index DESC LIMIT 1"
)
_CHANGE: Final = "UPDATE log_entry SET commitment = ? WHERE position = ?"


def change_a_leaf(browser: Browser, network: NetworkFile, scene: Scene) -> None:
    """Change the newest leaf, wait for the supervisor's next look at the log, and set it back: the finding stays."""
    database = scene.state / "gateway" / "gateway.db"
    with closing(sqlite3.connect(database, timeout=10)) as store:
        position, commitment = store.execute(_NEWEST).fetchone()
    _write(database, position, bytes(reversed(commitment)))
    try:
        with entered(browser, network, _EXAMINER, "", "") as context:
            page = context.new_page()
            page.goto(f"{network.urls['watchdog']}/findings")
            until("[data-testid=finding]")(page)
    finally:
        _write(database, position, commitment)


def _write(database: Path, position: int, commitment: bytes) -> None:
    with closing(sqlite3.connect(database, timeout=10)) as store, store:
        store.execute(_CHANGE, (commitment, position))
