"""The frame of `warifu bench`: rows and goals, workers, the check of durability, what is told."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, redirect_stdout
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from warifu.cli.__main__ import app
from warifu.cli.bench_run import NAMES
from warifu.simulator.bench import chaos, durable, echo, nginx
from warifu.simulator.bench.compare import Found, Plan, compare, document
from warifu.simulator.bench.durable import Held
from warifu.simulator.bench.field import Field
from warifu.simulator.bench.hands import Hand, Stretch
from warifu.simulator.bench.ledger import File, Ledger
from warifu.simulator.bench.report import page
from warifu.simulator.bench.rows import ECHO, EXCHANGES, ROWS, Goal, Step, steps
from warifu.simulator.bench.turns import Measured, ratio
from warifu.simulator.told import ToldError

NAMED = {
    "unary_p50_c1", "unary_c16", "connector_c16", "connector_c64", "connector_c256", "bulk", "ledger_c64", "history_p50",
    "p99_p50_c16",
}  # fmt: skip


def stretch(rate: float, latency: float = 0.01) -> Stretch:
    """A second's load."""
    return Stretch(tuple(latency * (1 + place / 100) for place in range(100)), 1.0, round(rate))


def measured(rate: float, latency: float = 0.01) -> Measured:
    """With a millisecond of CPU for each."""
    return Measured(stretch(rate, latency), {"gateway": rate / 1000})


def found() -> Found:
    """Three turns in which everything is twice the echo."""
    wanted = steps(EXCHANGES)
    turns = [
        {step: measured(1000, 0.01) if step.call == ECHO else measured(2000, 0.02) for step in wanted} for _ in range(3)
    ]
    made = Found(Plan(tuple(ROWS), 3, quick=True), datetime(2026, 11, 22, tzinfo=UTC), {1: stretch(900)})
    made.add(EXCHANGES, turns)
    made.held["unary"] = [Held("gateway", 3, (), 32, 40)]
    return made


def test_the_rows_that_goals_are_set_for_are_there():
    """Each row of the table of goals is measured under its name, and nothing is measured twice in a turn."""
    assert {name for name, row in ROWS.items() if row.goal is not None} == NAMED
    wanted = steps(ROWS.values())
    assert len(set(wanted)) == len(wanted)


@pytest.mark.parametrize(("most", "value", "met"), [(True, 2, "aim"), (True, 3.5, "required"), (True, 4, "missed"), (False, 2, "missed"), (False, 3.5, "required"), (False, 5, "aim")])  # fmt: skip
def test_a_goal_is_met_from_its_side(most, value, met):
    """What must not be more is met from below, what must not be less from above."""
    goal = Goal(3.6, 2.4, most=True) if most else Goal(3, 5, most=False)
    assert goal.met(value) == met


def test_a_ratio_is_of_the_same_turn():
    """A machine that is slow for a whole turn moves no ratio."""
    row = ROWS["connector_c64"]
    turns = [
        {Step(ECHO, 64): measured(1000 * load), Step("connector", 64): measured(2000 * load)} for load in (1, 0.1, 7)
    ]
    told = ratio(row, turns)
    assert (told.median, told.low, told.high, told.pairs) == (2.0, 2.0, 2.0, 3)


def test_the_document_has_one_entry_a_row():
    """`ratios` gives median, low, high and pairs by row; CPU is told for each party and exchange."""
    told = document(found())
    assert set(told["ratios"]["unary_c16"]) == {"median", "low", "high", "pairs"}
    assert told["ratios"]["unary_c16"]["median"] == 2.0
    assert told["goals"]["unary_c16"] == {"required": 0.3, "aim": 0.5, "met": "aim"}
    assert told["steps"][0]["cpu_us"] == {"gateway": 1000.0}
    assert told["durability"] == [
        {"call": "unary", "held": "gateway", "before": 32, "while_held": 3, "early": 0, "after": 40}
    ]
    assert json.loads(json.dumps(told)) == told


class Links(HTMLParser):
    """Everything that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        """See HTMLParser."""
        self.found += [value for name, value in attributes if name in {"src", "href", "data", "action"}]


def test_the_report_loads_nothing():
    """The report has its charts in itself, and neither loads nor leads anywhere."""
    text, links = page(found()), Links()
    links.feed(text)
    assert links.found == []
    assert "url(" not in text
    assert text.count("<svg") == 3
    assert "unary_c16" in text
    assert text.count('role="img" aria-label="') == 3


@pytest.mark.parametrize(("records", "marked"), [(100_000, True), (10**7, False)])
def test_the_report_says_how_many_records_were_behind_a_page(records, marked):
    """With fewer records than the goal is set for, which a quick run has, the report says so; the rates of ledger and history are told in a table."""
    made = found()
    rows = [ROWS["ledger_c64"], ROWS["history_p50"]]
    made.add(rows, [{step: measured(1000) for step in steps(rows)}])
    made.notes["history_records"] = records
    text = page(made)
    assert f"Records behind the history: {records:,}" in text
    assert ("the goal is set for 10,000,000" in text) is marked
    assert text.count("<svg") == 3
    assert "<td>ledger c=64</td>" in text.partition("Ledger and history")[2]


async def test_a_row_that_cannot_be_measured_here_is_an_error_when_it_is_named(tmp_path, monkeypatch):
    """`bench nginx_c64` without nginx says what to install, instead of telling nothing; a run of all rows leaves that one out."""
    monkeypatch.setattr(nginx, "installed", lambda: None)
    with pytest.raises(ToldError, match="apt install nginx"):
        await compare(tmp_path, Plan(("nginx_c64",), 1, named=True), lambda _done, _of: None)
    assert (await compare(tmp_path, Plan((), 1), lambda _done, _of: None)).ratios == {}


def test_the_help_names_every_row():
    """Whoever asks for help reads which rows there are."""
    assert tuple(ROWS) == NAMES
    told = CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "400"}).output
    assert all(name in told for name in NAMES)
    assert "bench population --help" in told


def test_the_yardstick_is_short():
    """The source of the echo, all three processes of it, stays under 100 lines."""
    assert len(Path(echo.__file__).read_text(encoding="utf-8").splitlines()) < 100


def test_an_unknown_row_is_refused():
    """A row that does not exist is named, with those that do."""
    told = CliRunner().invoke(app, ["bench", "no_such_row"])
    assert told.exit_code == 2
    assert "no_such_row" in told.output
    assert "unary_c16" in told.output


@pytest.mark.parametrize("words", [["bulk"], ["--quick"], ["--html", "x.html"], ["--pairs", "3"]])
def test_what_chaos_does_not_do_is_refused(words, tmp_path, monkeypatch):
    """Rows, and what is said of how to measure them, are not left out without a word: the refusal names what goes with --chaos."""
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["bench", "--chaos", *words])
    assert told.exit_code == 2
    assert "--kills" in told.output
    assert not list(tmp_path.iterdir())


def test_the_other_measurements_keep_their_names():
    """`warifu bench log` and `warifu bench history` are commands of their own; `warifu bench --help` tells of them."""
    assert "--exchanges" in CliRunner().invoke(app, ["bench", "log", "--help"], env={"COLUMNS": "200"}).output
    told = CliRunner().invoke(app, ["bench", "--help"], env={"COLUMNS": "200"}).output
    assert "--quick" in told
    assert "bench log" in told


WORKER = """
import asyncio
from warifu.simulator.bench.worker import work

async def call(number):
    await asyncio.sleep(0)
    return (f"r{number}",)

async def bad(number):
    raise ValueError("out of order")

asyncio.run(work({"call": call, "bad": bad}))
"""


async def test_a_worker_makes_load_tells_answers_and_stops(tmp_path: Path) -> None:
    """A worker makes load until it is stopped or its time is over, tells each answer as it comes, and a call that fails fails the stretch."""
    script = tmp_path / "one.py"
    script.write_text(WORKER, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    hand = Hand("worker", process)
    told: list[str] = []

    def hear(request_id: str) -> None:
        told.append(request_id)
        if len(told) == 1:
            hand.stop()

    await hand.ready()
    first = await hand.load("call", 2, 60.0, hear)
    assert 0 < first.done == len(told) == len(first.latencies)
    assert len(set(told)) == len(told)
    with pytest.raises(ToldError, match="out of order"):
        await hand.load("bad", 1, 60.0)
    assert hand.cpu() > 0
    await hand.end()
    assert hand.ended


async def test_ctrl_c_is_not_for_workers(tmp_path: Path) -> None:
    """A worker is in a session of its own, where a terminal's Ctrl-C does not reach it, and ends when it is told to."""
    hand = await Hand.start("ledger", "warifu.simulator.bench.ledger", tmp_path)
    await hand.ready()
    assert os.getsid(hand.pid) == hand.pid != os.getsid(0)
    await hand.end()
    assert hand.ended


class Requester:
    """Stands in for a requester's process: answers by writing the records of an exchange into three databases."""

    def __init__(self, field: SimpleNamespace, *, early: str | None) -> None:
        """`early`: the side whose record it does not wait for."""
        self._field, self._early, self._going = field, early, True

    def stop(self) -> None:
        """See Hand."""
        self._going = False

    async def load(self, call: str, callers: int, seconds: float, told) -> Stretch:
        """See Hand."""
        self._going, done, until = True, 0, time.monotonic() + seconds
        late: set[asyncio.Task[None]] = set()
        while self._going and time.monotonic() < until:
            request_id = f"{call}-{time.monotonic_ns()}"
            for side, (path, table) in self._field.stores(call).items():
                writing = asyncio.create_task(asyncio.to_thread(_record, path, table, request_id))
                late.add(writing)
                if side != self._early:
                    await writing
            told(request_id)
            done += 1
        await asyncio.gather(*late)
        return Stretch((0.0,), 1.0, done)


def _record(path: Path, table: str, request_id: str) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        connection.execute(f"INSERT INTO {table} VALUES (?, 2)", (request_id,))


def _field(folder: Path, *, early: str | None) -> Field:
    stores = {"gateway": "record", "provider": "records", "requester": "records"}
    for side, table in stores.items():
        with closing(sqlite3.connect(folder / f"{side}.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"CREATE TABLE {table} (request_id TEXT, kind INTEGER)")

    async def settle() -> None:
        await asyncio.sleep(0)

    made = SimpleNamespace(
        stores=lambda _call: {side: (folder / f"{side}.db", table) for side, table in stores.items()}, settle=settle
    )
    made.requester = Requester(made, early=early)
    return made  # type: ignore[return-value]


async def test_answers_that_wait_for_their_records_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a store is held, nothing comes that was not recorded before, and answers go on afterwards."""
    monkeypatch.setattr(durable, "ENOUGH", 3)
    held = await durable.check(_field(tmp_path, early=None), "unary")
    assert [one.side for one in held] == ["gateway", "provider", "requester"]
    assert all(one.sound and one.before >= 3 and one.after >= 3 for one in held)


async def test_an_answer_ahead_of_its_record_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is given before its record is committed is found, and the run says at whose store."""
    monkeypatch.setattr(durable, "ENOUGH", 3)
    with pytest.raises(ToldError) as told:
        await durable.check(_field(tmp_path, early="gateway"), "unary")
    assert "gateway" in told.value.en


async def test_the_ledger_and_the_file_keep_what_they_were_given(tmp_path: Path) -> None:
    """Records of the ledger are in the gateway's table with their log entries, those of the bare file in the file, when the calls return."""
    ledger, file = Ledger(tmp_path), File(tmp_path / "bare")
    await asyncio.gather(*(ledger.record(number) for number in range(50)), *(file.append(n) for n in range(50)))
    ledger.store.close()
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT request_id) FROM record").fetchone() == (50, 50)
        assert connection.execute("SELECT count(*) FROM log_entry").fetchone() == (50,)
    assert (tmp_path / "bare").stat().st_size == 50 * (330 + 32)


def test_plans_differ_by_quick():
    """A quick run has 100,000 records of history, a whole one 10,000,000, unless it is told otherwise."""
    assert (Plan((), 1, quick=True).records, Plan((), 1).records, Plan((), 1, history=5).records) == (100_000, 10**7, 5)
    with redirect_stdout(io.StringIO()):
        assert Plan((), 1, quick=True).seconds < Plan((), 1).seconds


def _network(folder: Path, told: list[str]) -> Field:
    """Databases in which each of these answers is on record everywhere, as parties leave them."""
    columns = {
        "gateway/gateway.db": {"record": told * 2, "log_entry": [], "exchange": []},
        "tax/tax.db": {"records": told * 2},
        "health_insurance/own.db": {"records": told * 2, "inquiries": []},
        "portal/portal-main.db": {"entries": told},
        "watchdog/watchdog.db": {"finding": []},
    }
    for path, tables in columns.items():
        (folder / path).parent.mkdir()
        with closing(sqlite3.connect(folder / path)) as connection, connection:
            for table, ids in tables.items():
                connection.execute(f"CREATE TABLE {table} (request_id TEXT, leaf_index INTEGER, waiting INTEGER)")
                connection.executemany(f"INSERT INTO {table} VALUES (?, 1, 0)", [(one,) for one in ids])
    sides = {
        "gateway": (folder / "gateway/gateway.db", "record"),
        "provider": (folder / "tax/tax.db", "records"),
        "requester": (folder / "health_insurance/own.db", "records"),
    }
    return SimpleNamespace(state=folder, stores=lambda _call: sides)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("path", "statement", "what"),
    [
        ("gateway/gateway.db", "DELETE FROM record WHERE rowid = 1", "gateway"),
        ("tax/tax.db", "DELETE FROM records WHERE request_id = 'b'", "provider"),
        ("health_insurance/own.db", "DELETE FROM records WHERE rowid = 3", "requester"),
        ("portal/portal-main.db", "DELETE FROM entries", "portal"),
        ("watchdog/watchdog.db", "INSERT INTO finding VALUES ('x', 1, 0)", "findings"),
        ("gateway/gateway.db", "INSERT INTO log_entry VALUES ('x', NULL, 0)", "unlogged"),
    ],
)
def test_whatever_a_kill_loses_is_counted(tmp_path: Path, path: str, statement: str, what: str) -> None:
    """A record that is missing at any party, one without a place in the log, and a finding are losses; without them there is none."""
    network = _network(tmp_path, ["a", "b"])
    whole = chaos.Ruin()
    chaos._look(network, ["a", "b"], whole)
    assert whole.losses == 0
    with closing(sqlite3.connect(tmp_path / path)) as connection, connection:
        connection.execute(statement)
    found = chaos.Ruin()
    chaos._look(network, ["a", "b"], found)
    assert found.losses >= 1
    assert found.lost.get(what) or getattr(found, what, 0)


def test_a_damaged_database_is_counted(tmp_path: Path) -> None:
    """A database that SQLite finds fault with is a loss."""
    network = _network(tmp_path, ["a"])
    path = tmp_path / "tax" / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x TEXT)")
        connection.execute("CREATE INDEX i ON t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(str(n) * 50,) for n in range(500)])
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET rootpage = 2 WHERE name = 'i'")
    found = chaos.Ruin()
    chaos._look(network, ["a"], found)
    assert found.damaged == ["other.db"]
