"""Attacks on what a real gateway has stored of its log: the watchdog finds each, and says what happened (PROTO §14)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from contract.gateway_world import PERSON, REQUESTER, World, inquire

from warifu.kernel.clock import SystemClock
from warifu.kernel.config import Config
from warifu.watchdog.findings import Findings
from warifu.watchdog.party import open_store


@pytest.fixture
async def world(tmp_path):
    """A network with a real gateway, in which an exchange took place that was witnessed."""
    world = await World.begin(tmp_path / "net")
    await inquire(world, world.ask(await world.code(REQUESTER, "health_insurance", PERSON)))
    await world.settle()
    yield world
    await world.end()


def database(world: World) -> Path:
    """The gateway's file."""
    return world.state / "gateway" / "gateway.db"


def tamper(world: World, *statements: str) -> None:
    """Change the gateway's file while the gateway is down."""
    with closing(sqlite3.connect(database(world))) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.commit()


async def looked(world: World) -> list[tuple[str, str]]:
    """What the watchdog has found after a look of a newly started one; kinds and details."""
    await world.up("gateway", witnessed=False)
    await world.restart("watchdog")
    await world.running["watchdog"].jobs.settle()
    store = open_store(Config.load(world.state / "watchdog"))
    rows = Findings(store, SystemClock()).page()
    store.close()
    return [(row.kind, row.detail_en) for row in rows]


async def test_an_untouched_log_is_clean(world: World) -> None:
    """A gateway that was merely started again is found to have done nothing."""
    await world.down("gateway")

    assert await looked(world) == []


async def test_an_altered_entry_is_found(world: World) -> None:
    """An entry whose commitment was changed in the file makes tiles that are not those of the signed tree."""
    await world.down("gateway")
    tamper(world, "UPDATE log_entry SET commitment = randomblob(32) WHERE leaf_index = 2")

    ((kind, detail),) = await looked(world)
    assert kind == "wrong-tiles"
    assert "not the tree" in detail


async def test_two_swapped_entries_are_found(world: World) -> None:
    """Two entries that changed places make tiles that are not those of the signed tree."""
    await world.down("gateway")
    tamper(
        world,
        "UPDATE log_entry SET leaf_index = -1 WHERE leaf_index = 1",
        "UPDATE log_entry SET leaf_index = 1 WHERE leaf_index = 2",
        "UPDATE log_entry SET leaf_index = 2 WHERE leaf_index = -1",
    )

    assert [kind for kind, _ in await looked(world)] == ["wrong-tiles"]


async def test_a_removed_newest_entry_is_found(world: World) -> None:
    """When the newest entry was deleted from the file, the tree that was signed cannot be served any more."""
    await world.down("gateway")
    tamper(world, "DELETE FROM log_entry WHERE leaf_index = (SELECT max(leaf_index) FROM log_entry)")

    assert [kind for kind, _ in await looked(world)] == ["wrong-tiles"]


async def test_a_copy_of_yesterday_is_found(world: World) -> None:
    """A whole older file in the place of the newer one is a log that became shorter, or, grown again, one that forked or continues nothing."""
    await world.down("gateway")
    yesterday = world.state / "yesterday.db"
    shutil.copy(database(world), yesterday)
    await world.up("gateway")
    for _ in range(3):
        await inquire(world, world.ask(await world.code(REQUESTER, "health_insurance", PERSON)))
    await world.settle()
    await world.down("gateway")
    shutil.copy(yesterday, database(world))

    kinds = {kind for kind, _ in await looked(world)}
    assert kinds
    assert kinds <= {"smaller-tree", "fork", "altered-past"}
