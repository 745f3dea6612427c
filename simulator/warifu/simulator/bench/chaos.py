"""Parties are killed at random while exchanges go on; afterwards every record is looked for. Nothing may be missing.

SIGKILL, to one or several at once, the requester's process too: what it was told, it said the moment it was told. A party is started again as
its operator would, and what was under way goes on by itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from warifu.kernel.config import Config
from warifu.simulator.bench.field import GATEWAY_STORE, Field, reading, settled, start_requester
from warifu.simulator.bench.field import field as network_of
from warifu.simulator.bench.hands import STARTS_WITHIN, Hand, party
from warifu.simulator.told import ToldError

CALLERS: Final = 16
PEOPLE: Final = 100
BETWEEN: Final = 8
"""Answers that come between two rounds of kills: each hits a network that works."""
ENDS_WITHIN: Final = 120.0
"""Seconds for what is under way at the last kill."""
REQUESTER: Final = "requester"
_OPEN_INQUIRIES: Final = "SELECT count(*) FROM inquiries WHERE waiting > 0"
_OPEN_EXCHANGES: Final = "SELECT count(*) FROM exchange WHERE waiting > 0"
_FINDINGS: Final = "SELECT count(*) FROM finding"
_UNPLACED: Final = "SELECT count(*) FROM log_entry WHERE leaf_index IS NULL"
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Ruin:
    """What was done, and what is missing."""

    kills: Counter[str] = field(default_factory=Counter)
    """By party."""
    answers: int = 0
    """That the requester's business system was given."""
    lost: dict[str, list[str]] = field(default_factory=dict)
    """Request ids of answers that are not on record, by where; must all be empty."""
    unfinished: int = 0
    """Inquiries and exchanges that came to nothing; must be 0."""
    damaged: list[str] = field(default_factory=list)
    """Databases that SQLite finds fault with; must be none."""
    findings: int = 0
    """Of the supervisor; must be 0."""
    unlogged: int = 0
    """Records without a place in the public log; must be 0."""
    seconds: float = 0.0

    @property
    def losses(self) -> int:
        """Everything that must be 0, together."""
        return sum(map(len, self.lost.values())) + self.unfinished + len(self.damaged) + self.findings + self.unlogged


class Chaos:
    """Kills, starts again and asks on."""

    def __init__(self, network: Field, seed: int) -> None:
        self._field, self._dice = network, random.Random(seed)  # noqa: S311 - the same order of kills in every run
        self._hands = dict(network.hands)
        self.told: list[str] = []
        self._more = asyncio.Event()
        self._load: asyncio.Task[object] | None = None

    async def run(self, kills: int, ruin: Ruin, progress: Progress) -> None:
        """So many kills, each while exchanges are under way."""
        self._ask()
        while ruin.kills.total() < kills:
            await self._answers(BETWEEN)
            await asyncio.sleep(self._dice.uniform(0, 0.3))
            several = self._dice.sample(sorted(self._hands), self._dice.randint(1, 3))
            ruin.kills.update(several)
            await self._kill(several)
            progress(ruin.kills.total(), kills)
        await self._answers(BETWEEN)
        self._hands[REQUESTER].stop()
        if self._load is not None:
            await self._load

    async def end(self) -> None:
        """End every process that was started here."""
        if self._load is not None:
            self._load.cancel()
        for hand in reversed(self._hands.values()):
            await hand.end()

    async def settle(self) -> int:
        """Wait until what was under way has come to something; how much has not."""
        until = time.monotonic() + ENDS_WITHIN
        while (left := self._open()) and time.monotonic() < until:
            for name in ("tax", "health_insurance", "gateway"):
                await settled(self._field.state / name)
        await self._field.settle()
        return left

    def _open(self) -> int:
        own, _ = self._field.stores("connector")[REQUESTER]
        return _count(own, _OPEN_INQUIRIES) + _count(self._field.state / GATEWAY_STORE, _OPEN_EXCHANGES)

    def _ask(self) -> None:
        self._load = asyncio.create_task(self._hands[REQUESTER].load("stubborn", CALLERS, 24 * 3600.0, self._hear))

    def _hear(self, request_id: str) -> None:
        self.told.append(request_id)
        self._more.set()

    async def _answers(self, count: int) -> None:
        """Wait until so many more came."""
        wanted, until = len(self.told) + count, time.monotonic() + ENDS_WITHIN
        while len(self.told) < wanted:
            self._more.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), 1.0)
            if time.monotonic() > until:
                raise ToldError(
                    f"{ENDS_WITHIN:.0f} 秒たっても照会が再開しません。",
                    f"exchanges have not gone on for {ENDS_WITHIN:.0f} seconds.",
                )

    async def _kill(self, names: Iterable[str]) -> None:
        for name in names:
            os.kill(self._hands[name].pid, signal.SIGKILL)
        for name in names:
            await self._hands[name].ended_at_last()
            if name == REQUESTER and self._load is not None:
                with suppress(ToldError):  # it could not say how its load ended
                    await self._load
            self._hands[name] = await self._again(name)
        if REQUESTER in names:
            await self._hands[REQUESTER].ready()
            self._ask()

    async def _again(self, name: str) -> Hand:
        if name == REQUESTER:
            return await start_requester(self._field.state, PEOPLE, 1)
        hand = await party(name, self._field.state / name)
        await _listening(Config.load(self._field.state / name).listen, hand)
        return hand


async def _listening(address: str, hand: Hand) -> None:
    """Until a party listens again."""
    host, _, port = address.rpartition(":")
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and not hand.ended:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise ToldError(f"{hand.name} が起動しません。", f"{hand.name} does not start again.")


async def ruin(folder: Path, kills: int, seed: int, progress: Progress) -> Ruin:
    """Make a network in `folder`, kill its parties `kills` times in all, and count what is missing.

    Raises:
        ToldError: a party does not start again, or exchanges do not go on.
    """
    found, began = Ruin(), time.monotonic()
    async with network_of(folder / "n", PEOPLE, 1) as network:
        chaos = Chaos(network, seed)
        try:
            await chaos.run(kills, found, progress)
            found.unfinished = await chaos.settle()
        finally:
            await chaos.end()
        found.answers = len(chaos.told)
        _look(network, chaos.told, found)
    found.seconds = time.monotonic() - began
    return found


def _look(network: Field, told: Iterable[str], found: Ruin) -> None:
    """Every answer's two records at each of the three, its places in the log, its entry at the portal, and every database whole."""
    wanted = set(told)
    sides = {side: (path, f"SELECT request_id FROM {table} GROUP BY request_id HAVING count(*) = 2") for side, (path, table) in network.stores("connector").items()}  # fmt: skip
    sides["portal"] = (network.state / "portal" / "portal-main.db", "SELECT request_id FROM entries")
    for side, (path, query) in sides.items():
        with reading(path) as connection:
            found.lost[side] = sorted(wanted - {row[0] for row in connection.execute(query)})
    found.unlogged = _count(network.state / GATEWAY_STORE, _UNPLACED)
    found.findings = _count(network.state / "watchdog" / "watchdog.db", _FINDINGS)
    for path in sorted(network.state.glob("*/*.db")):
        if not _is_whole(path):
            found.damaged.append(path.name)


def _is_whole(path: Path) -> bool:
    try:
        with reading(path) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def _count(path: Path, query: str) -> int:
    try:
        with reading(path) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # its party starts just now
        return 1


def document(found: Ruin) -> dict[str, object]:
    """As `--json` prints it."""
    return {
        "kills": dict(sorted(found.kills.items())),
        "answers": found.answers,
        "losses": found.losses,
        "lost": {side: len(ids) for side, ids in found.lost.items()},
        "unfinished": found.unfinished,
        "unlogged": found.unlogged,
        "findings": found.findings,
        "damaged": found.damaged,
        "seconds": round(found.seconds, 1),
    }
