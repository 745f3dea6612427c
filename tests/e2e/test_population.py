"""A population of many: loaded whole, party by party, also when its loading was interrupted."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from running import start, stop

from warifu.simulator import places
from warifu.simulator.launcher.chunks import chunks
from warifu.simulator.state import NetworkFile

SEED = 3
FEW, MANY = 5_000, 20_000
CLOSED_WITHIN = 180.0
"""Seconds in which enrolments that an ended process left open are closed; after one of a minute's age they are nobody's any more."""


def count(path: Path, query: str) -> int:
    """One number out of a party's file."""
    with closing(sqlite3.connect(path)) as store:
        return int(store.execute(query).fetchone()[0])


def reconcile(state: Path, people: int) -> None:
    """Every party holds what the population says: nobody too many, nobody missing, nothing owed, everyone bound to a code."""
    kinds = NetworkFile.load(state).extra["kinds"]
    known: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    cards = 0
    for chunk in chunks(SEED, people):
        cards += len(chunk.cards)
        for code, requests in chunk.records.items():
            known[code] += sum(len(request.people) for request in requests)
            changes[code] += sum(len(one.changes) for request in requests for one in request.people)
    assert count(state / "numbering" / "numbering.db", "SELECT count(*) FROM person") == people
    assert count(state / "numbering" / "numbering.db", "SELECT count(*) FROM individual_number") == people
    assert count(state / "simulator" / "people.db", "SELECT count(*) FROM cards") == cards
    under_way = [state / kind / f"{code}.interim.db" for code, kind in kinds.items()]
    give_up = time.monotonic() + CLOSED_WITHIN
    while any(count(path, "SELECT count(*) FROM enrolments") for path in under_way):
        assert time.monotonic() < give_up
        time.sleep(1)
    for code in known:
        business, interim = state / kinds[code] / f"{code}.db", state / kinds[code] / f"{code}.interim.db"
        held = (
            count(business, "SELECT count(*) FROM subject WHERE enrolled"),
            count(business, "SELECT count(*) FROM original"),
            count(business, "SELECT count(*) FROM change"),
            count(business, "SELECT count(*) FROM due"),
            count(interim, "SELECT count(*) FROM addressees WHERE subject IS NOT NULL"),
            count(interim, "SELECT count(*) FROM copies"),
        )
        people_here, changes_here = known[code], changes[code]
        assert held == (people_here, changes_here, changes_here, 0, people_here, changes_here), code


def begun(state: Path) -> int:
    """How many people are known to be loaded."""
    known = places.load(state)
    return known[-1].people if known else 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_population_whose_loading_was_interrupted_is_loaded_whole(tmp_path: Path) -> None:
    """Killed in the middle of its loading, and interrupted once more, a network goes on where it was until every party has everybody."""
    state = tmp_path / "state"
    words = ["demo", "--people", str(MANY), "--seed", str(SEED), "--state", str(state), "--no-browser"]
    for number, beyond in ((signal.SIGKILL, 0), (signal.SIGINT, FEW)):
        process = subprocess.Popen(
            [sys.executable, "-m", "warifu.cli", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        while begun(state) <= beyond:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.1)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        assert not NetworkFile.load(state).filled
        if number == signal.SIGINT:
            assert (process.returncode, str(state) in said.replace("\n", "")) == (0, True)
    running = start(state, "--people", str(MANY), "--seed", str(SEED))
    try:
        assert running.file.filled
        reconcile(state, MANY)
        found = running.json("people", "--limit", "1", "--name", "p-019000")["people"]
        assert [one["person"] for one in found] == ["p-019000"]  # far beyond those that are drawn at once
    finally:
        stop(running)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_everybody_has_a_card_and_a_history(tmp_path: Path) -> None:
    """In a population with more people than are drawn at once, the last of them is found, logs in and has no exchange yet."""
    running = start(tmp_path / "state", "--people", str(FEW + 600), "--seed", str(SEED))
    try:
        reconcile(tmp_path / "state", FEW + 600)
        shown = running.json("people", "--limit", str(FEW + 700))["people"]
        handle = shown[-1]["person"]
        assert int(handle.removeprefix("p-")) > FEW
        assert running.json("history", handle) == {"entries": []}
    finally:
        stop(running)
