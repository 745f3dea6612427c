"""Clock, configuration, identifiers, log, jobs."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Config, Simulation, Web
from warifu.kernel.control import keep_clock
from warifu.kernel.ids import Ids
from warifu.kernel.jobs import Jobs
from warifu.kernel.log import BLOT, Lines, open_log, redact

START = datetime(2026, 4, 1, tzinfo=UTC)


@given(steps=st.lists(st.integers(-1000, 1000), max_size=20))
def test_simulated_time_only_moves_forward(steps: list[int]) -> None:
    """Whatever is asked of it, a stopped clock shows the latest time ever set; an earlier one is refused."""
    clock = SimulatedClock(START, stopped=True)
    latest = START
    for step in steps:
        wanted = START + timedelta(seconds=step)
        if wanted < latest:
            with pytest.raises(ValueError, match="forward"):
                clock.set(wanted, stopped=True)
        else:
            clock.set(wanted, stopped=True)
            latest = wanted
        assert clock.network() == latest


def test_a_running_clock_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running simulated clock moves as far as the machine's, and stands still while that goes back."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(SimulatedClock, "machine", lambda _: now)
    clock = SimulatedClock(START)
    now += timedelta(hours=2)
    assert clock.network() == START + timedelta(hours=2)
    now -= timedelta(hours=5)
    assert clock.network() == START


def test_the_networks_day_is_japans() -> None:
    """At 15:00 UTC it is the next day in Japan."""
    assert SimulatedClock(datetime(2026, 3, 31, 14, 59, tzinfo=UTC), stopped=True).today() == date(2026, 3, 31)
    assert SimulatedClock(datetime(2026, 3, 31, 15, 0, tzinfo=UTC), stopped=True).today() == date(2026, 4, 1)


def test_a_configuration_comes_back_as_saved(tmp_path: Path) -> None:
    """What is saved is what is loaded, readable by its owner alone."""
    config = Config(
        party="portal",
        listen="127.0.0.1:4001",
        addresses={"gateway": "127.0.0.1:4000"},
        institutions=("portal-main",),
        simulation=Simulation(seed=3, now="2026-04-06T09:00:00+09:00", stopped=True),
        web=Web("portal.localhost", 8080, {"card": "http://card.localhost:8080"}),
        folder=tmp_path,
    )
    config.save(tmp_path)
    config.save(tmp_path)
    assert Config.load(tmp_path) == config
    assert (tmp_path / "party.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["party.json"]


@pytest.mark.parametrize("change", [{"colour": "red"}, {"folder": "/"}, {"listen": None, "listening": "x"}])
def test_a_configuration_with_unknown_settings_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """A setting that does not exist is refused by name, so that a slip of the pen is not silently ignored."""
    values = {"party": "tax", "listen": "127.0.0.1:0", "addresses": {}, **change}
    (tmp_path / "party.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=list(change)[-1]):
        Config.load(tmp_path)


def config_of(folder: Path, seed: int) -> Config:
    """A simulated party's configuration."""
    return Config("tax", "127.0.0.1:0", {}, simulation=Simulation(seed, START.isoformat()), folder=folder)


def test_seeded_identifiers_repeat_in_a_new_network_and_never_within_one(tmp_path: Path) -> None:
    """Two networks of one seed make the same identifiers, start by start; one network never makes one twice, across restarts too."""
    made: dict[str, list[str]] = {}
    for network in ("a", "b"):
        (tmp_path / network).mkdir()
        starts = [Ids.of(config_of(tmp_path / network, 7)) for _ in range(3)]
        made[network] = [ids.uuid("request", 1_000 * number) for ids in starts for number in range(50)]
    assert made["a"] == made["b"]
    assert len(set(made["a"])) == 150


def test_scopes_and_seeds_do_not_meet(tmp_path: Path) -> None:
    """Another scope or seed gives other identifiers."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = Ids.of(config_of(tmp_path / "a", 1)), Ids.of(config_of(tmp_path / "b", 2))
    assert len({first.token("x"), first.token("y"), second.token("x"), second.token("y")}) == 4


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_identifiers_stand_in_the_order_of_their_moments(one: int, other: int) -> None:
    """An identifier of a later moment comes later as text, and each is a version 7 UUID that tells its moment, as RFC 9562 lays it out."""
    ids = Ids()
    first, second = (uuid.UUID(ids.uuid("request", at)) for at in (one, other))
    assert (first.int >> 80, second.int >> 80) == (one, other)
    assert {first.version, second.version} == {7}
    assert {first.variant, second.variant} == {uuid.RFC_4122}
    assert one == other or (str(first) < str(second)) == (one < other)


def test_without_a_simulation_identifiers_are_random(tmp_path: Path) -> None:
    """Outside a simulation nothing is derived, and no start is counted."""
    made = {Ids.of(Config("tax", "127.0.0.1:0", {}, folder=tmp_path)).uuid("request", 0) for _ in range(100)}
    assert len(made) == 100
    assert list(tmp_path.iterdir()) == []


@given(digits=st.text("0123456789０１２３", min_size=11, max_size=20), before=st.text("abc ", max_size=5))
def test_long_numbers_are_blotted_out(digits: str, before: str) -> None:
    """Eleven digits or more never pass, full-width ones neither; the words around them do."""
    assert redact(f"{before}x{digits}y") == f"{before}x{BLOT}y"


@pytest.mark.parametrize("grouped", ["1234 5678 9018", "1234-5678-9018", "1234－5678－9018".replace("－", "―")])
def test_grouped_numbers_are_blotted_out(grouped: str) -> None:
    """The usual ways to group an individual number do not get past the blotting."""
    assert redact(grouped) == BLOT


@pytest.mark.parametrize("kept", ["2026-04-06T09:00:00+09:00", "tax-480011", "127.0.0.1:40001", "1234567890"])
def test_what_is_no_persons_number_stays(kept: str) -> None:
    """Times, institution codes and addresses stay readable."""
    assert redact(kept) == kept


def test_the_log_holds_no_number(tmp_path: Path) -> None:
    """Neither message nor extra values nor an exception's text bring a number into the file."""
    handler = open_log(tmp_path, "tax")
    logger = logging.getLogger("warifu.test")
    try:
        try:
            int("no number: 123456789018")
        except ValueError:
            logger.exception("failed for %s", "123456789018", extra={"subject": 123456789018, "kept": "tax-480011"})
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    path = tmp_path / "party.log"
    line = json.loads(path.read_text(encoding="utf-8"))
    assert "123456789018" not in path.read_text(encoding="utf-8")
    assert line["kept"] == "tax-480011"
    assert line["exception"].startswith("ValueError at test_small.py")
    assert path.stat().st_mode & 0o777 == 0o600


def test_formatting_keeps_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A newline in a message does not make a second entry."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("one\ntwo")
    assert "\n" not in Lines().format(caplog.records[0])


async def test_a_job_never_runs_twice_at_once() -> None:
    """While a job runs, settle waits for it instead of running it a second time."""
    inside, most, left = 0, 0, 5

    async def job() -> int:
        nonlocal inside, most, left
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        left -= left > 0
        return left

    jobs = Jobs({"work": job})
    jobs.start()
    await asyncio.gather(jobs.settle(), jobs.settle())
    await jobs.stop()
    assert most == 1
    assert left == 0


async def test_a_failing_job_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that raises is run again at its next turn, and other jobs go on."""
    monkeypatch.setattr("warifu.kernel.jobs.INTERVAL", 0)
    tries, again = [], asyncio.Event()

    async def flaky() -> int:
        tries.append(1)
        if len(tries) > 2:
            again.set()
        raise RuntimeError

    jobs = Jobs({"flaky": flaky})
    jobs.start()
    await asyncio.wait_for(again.wait(), 60)
    await jobs.stop()


async def test_a_job_that_asks_for_news_asks_less_often_while_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each look without news the pause doubles up to four seconds, and is one again after news or a failure; another job's stays one."""
    paused: dict[str, list[float]] = {"asking": [], "working": []}
    told = iter([0, 0, 0, 3, 0, RuntimeError("away"), 0, 0])
    over = asyncio.Event()

    async def pause(seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        paused[task.get_name().removeprefix("job ")].append(seconds)

    async def asking() -> int:
        found = next(told, None)
        if found is None:
            over.set()
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        return found or 0

    async def working() -> int:
        if len(paused["working"]) == 3:
            await asyncio.Event().wait()
        return 0

    monkeypatch.setattr("warifu.kernel.jobs.asyncio.sleep", pause)
    jobs = Jobs({"asking": asking, "working": working}, asking=["asking"])
    jobs.start()
    await asyncio.wait_for(over.wait(), 60)
    await jobs.stop()
    assert paused == {"asking": [2, 4, 4, 1, 2, 1, 2, 4], "working": [1, 1, 1]}


async def test_settle_runs_the_others_no_more_often_for_a_job_of_many_steps() -> None:
    """What one job does in a hundred steps has the others run a few times, not a hundred, and work that it makes for another is done too."""
    left, made, looks = 100, 0, 0

    async def stepping() -> int:
        nonlocal left, made
        if not left:
            return 0
        left, made = left - 1, made + 1
        return 1

    async def taking() -> int:
        nonlocal made
        if left:
            return 0
        taken, made = made, 0
        return taken

    async def looking() -> int:
        nonlocal looks
        looks += 1
        return 0

    done = await Jobs({"taking": taking, "looking": looking, "stepping": stepping}).settle()
    assert done == {"taking": 100, "looking": 0, "stepping": 100}
    assert looks <= 3


async def test_settle_tells_of_a_job_that_fails() -> None:
    """Settle does not call done what raised."""

    async def broken() -> int:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await Jobs({"broken": broken}).settle()


async def test_settle_ends_though_a_job_never_does() -> None:
    """A job that always finds work does not hold settle for ever."""

    async def restless() -> int:
        return 1

    assert (await Jobs({"restless": restless}).settle())["restless"] == 1000


def test_a_process_that_starts_again_is_at_the_time_of_the_others() -> None:
    """The network time of a running clock goes on from its anchor; a stopped one stands."""
    since = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    running = Simulation(1, "2026-04-06T09:00:00+09:00", since=since.isoformat())
    stopped = Simulation(1, "2026-04-06T09:00:00+09:00", stopped=True, since=since.isoformat())

    assert running.start(since + timedelta(hours=2)) == datetime(2026, 4, 6, 2, 0, tzinfo=UTC)
    assert running.start(since - timedelta(hours=2)) == datetime(2026, 4, 6, 0, 0, tzinfo=UTC)
    assert stopped.start(since + timedelta(hours=2)) == datetime(2026, 4, 6, 0, 0, tzinfo=UTC)


def test_a_clock_that_was_set_survives_the_process(tmp_path: Path) -> None:
    """What SetClock set is in the party's configuration, so that a start after kill -9 does not go back in time."""
    Config("tax", "127.0.0.1:0", {}, simulation=Simulation(1, "2026-04-06T09:00:00+09:00")).save(tmp_path)
    june = datetime(2026, 6, 12, tzinfo=UTC)

    keep_clock(tmp_path, SimulatedClock(june, stopped=True))

    kept = Config.load(tmp_path).simulation
    assert kept is not None
    assert kept.stopped
    assert kept.start(datetime.now(tz=UTC)) == june
