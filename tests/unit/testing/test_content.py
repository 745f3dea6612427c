"""What a network's folder holds, taken and laid back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, delete, insert, select

from warifu.kernel.places import beneath, kept_open, open_at
from warifu.kernel.store import Store, sqlite_url
from warifu.simulator.testing.content import Shelf

METADATA = MetaData()
NUMBERS = Table("numbers", METADATA, Column("number", Integer, primary_key=True))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A network's folder with two parties, whose stores stay open."""
    for party in ("tax", "gateway"):
        (tmp_path / "network" / party / "secrets").mkdir(parents=True)
    with kept_open(tmp_path / "network"):
        yield tmp_path / "network"


def opened(state: Path, party: str) -> Store:
    """A party's store."""
    return open_at(state / party, sqlite_url(state / party / f"{party}.db"), METADATA)


def numbers(store: Store) -> list[int]:
    """What it holds."""
    return list(store.read(lambda connection: connection.execute(select(NUMBERS.c.number)).scalars()))


def put(store: Store, wanted: set[int]) -> None:
    """Have it hold these."""

    def change(connection) -> None:
        connection.execute(delete(NUMBERS))
        for number in wanted:
            connection.execute(insert(NUMBERS).values(number=number))

    asyncio.run(store.write(change))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 99), max_size=5)), min_size=1, max_size=6))
def test_what_was_taken_is_there_again_whatever_was_done(state: Path, steps: list[tuple[bool, set[int]]]) -> None:
    """After any changes, with or without laying back between them, laying a content gives exactly what it was taken of."""
    stores = [opened(state, party) for party in ("tax", "gateway")]
    shelf = Shelf(state)
    put(stores[0], {1, 2, 3})
    put(stores[1], {7})
    content = shelf.take()
    for other, wanted in steps:
        put(stores[other], wanted)
        if len(wanted) % 2:
            shelf.lay(content)
    shelf.lay(content)
    assert [sorted(numbers(store)) for store in stores] == [[1, 2, 3], [7]]
    content.close()
    for store in stores:
        store.close()


def test_files_come_and_go_with_a_content(state: Path) -> None:
    """A changed, a removed and a new file are as they were; what says what runs now is left alone."""
    kept, gone, running = state / "tax" / "secrets" / "a.key", state / "tax" / "b.json", state / "tax" / "party.json"
    for path in (kept, gone, running):
        path.write_text("before")
    shelf = Shelf(state)
    content = shelf.take()
    kept.write_text("after")
    gone.unlink()
    running.write_text("after")
    (state / "tax" / "c.json").write_text("new")
    shelf.lay(content)
    assert (kept.read_text(), gone.read_text(), running.read_text()) == ("before", "before", "after")
    assert not (state / "tax" / "c.json").exists()
    assert gone.stat().st_mode & 0o077 == 0


def test_a_file_is_known_from_another_of_the_same_moment_and_size(state: Path) -> None:
    """A file that is put in another's place is noticed although its time and size are the same: a machine's ticks are longer than a write."""
    path, other = state / "tax" / "starts", state / "tax" / "starts.new"
    path.write_text("1")
    shelf = Shelf(state)
    content = shelf.take()
    other.write_text("2")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    shelf.lay(content)
    assert path.read_text() == "1"


def test_two_contents_take_turns(state: Path) -> None:
    """Laying one after the other gives each, although neither was changed in between."""
    store, shelf = opened(state, "tax"), Shelf(state)
    put(store, {1})
    first = shelf.take()
    put(store, {2})
    second = shelf.take()
    for content, wanted in ((first, [1]), (second, [2]), (first, [1]), (first, [1])):
        shelf.lay(content)
        assert numbers(store) == wanted
    store.close()


def test_a_store_that_was_closed_writes_no_more_and_stays_open_for_the_next(state: Path) -> None:
    """Whoever comes after a party finds its store open on the same lines; what the party left running writes nothing."""
    before = opened(state, "tax")
    put(before, {1})
    before.close()
    with pytest.raises(RuntimeError, match="closed"):
        put(before, {2})
    after = opened(state, "tax")
    assert after.lines is before.lines
    assert numbers(after) == [1]
    after.close()
    assert [lines.closed for lines in beneath(state)] == [False]
