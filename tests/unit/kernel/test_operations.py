"""The small parts of what an operator sees: classes of durations, counts of commits, a log that turns."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert
from sqlalchemy.exc import IntegrityError, OperationalError

from warifu.kernel import committed, log
from warifu.kernel.config import Config, Telemetry
from warifu.kernel.durations import BOUNDS, Durations
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.log import BLOT, Lines, open_log
from warifu.kernel.store import Store, sqlite_url

metadata = MetaData()
THINGS = Table("things", metadata, Column("number", Integer, primary_key=True))


@given(st.lists(st.floats(0, 100), max_size=50))
def test_a_class_counts_what_is_no_longer_than_its_end(seconds):
    """The classes of a histogram are cumulative, the last holds all, and the sum is the sum."""
    durations = Durations()
    for one in seconds:
        durations.note("x", one)
    if not seconds:
        assert durations.spreads == {}
        return
    spread = durations.spreads["x"]
    expected = [(str(end), sum(one <= end for one in seconds)) for end in BOUNDS] + [("+Inf", len(seconds))]
    assert spread.up_to() == expected
    assert spread.seconds == pytest.approx(sum(seconds))
    assert spread.count == len(seconds)


async def test_commits_writes_and_failures_are_counted(tmp_path: Path) -> None:
    """A committed write is counted with its transaction, and as a failure a transaction that the database failed, not one that its change refused."""
    before = committed.total()
    store = Store(sqlite_url(tmp_path / "x.db"), metadata)
    store.create()
    await store.write(lambda c: c.execute(insert(THINGS), {"number": 1}))
    for refused, told in (
        (lambda c: c.execute(insert(THINGS), {"number": 1}), IntegrityError),
        (_refuse, LinkageError),
    ):
        with pytest.raises(told):
            await store.write(refused)
    refusals = committed.total()
    await store.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1"))
    with pytest.raises(OperationalError, match="full"):
        await store.write(lambda c: c.execute(insert(THINGS), [{"number": n} for n in range(10, 10_000)]))
    store.close()
    after = committed.total()
    assert refusals.writes - before.writes == refusals.commits.count - before.commits.count == 1
    assert refusals.failures == before.failures
    assert after.failures - before.failures == 1
    assert after.commits.seconds > before.commits.seconds


def _refuse(_connection: object) -> None:
    raise LinkageError(Reason.CLIENT_NOT_YOURS)


async def test_a_commit_is_synced_before_it_is_told(tmp_path: Path) -> None:
    """The writer of a SQLite store runs with a write-ahead log that is synced at each commit (synchronous FULL is 2)."""
    store = Store(sqlite_url(tmp_path / "x.db"), metadata)
    names = ("journal_mode", "synchronous")
    settings = await store.write(lambda c: [c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names])
    store.close()
    assert settings == ["wal", 2]


def test_the_log_turns_and_stays_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that is full becomes party.log.1, so many are kept, all are readable by the owner alone, and the newest line is in party.log."""
    monkeypatch.setattr(log, "MOST_BYTES", 2_000)
    handler = open_log(tmp_path, "tax")
    before = log.WRITTEN["warning"]
    try:
        for number in range(200):
            logging.getLogger("warifu.test").warning("line", extra={"at": number})
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["party.log", "party.log.1", "party.log.2", "party.log.3"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    assert '"at": 199' in (tmp_path / "party.log").read_text(encoding="utf-8")
    assert log.WRITTEN["warning"] - before == 200


def test_further_fields_of_a_line_are_json_and_blotted_out_to_the_last() -> None:
    """Numbers, truths, lists and maps are told as JSON has them, nested ones too, and a run of eleven digits is blotted out wherever it is."""
    record = logging.makeLogRecord(
        {
            "ill": ["log", "x.db"],
            "confined": True,
            "none": None,
            "at": 7,
            "calls": {"/a.B/C OK": 3, "99912345678": (1,)},
        }
        | {"deep": [{"x": 999123456789}], "number": 99912345678, "kind": ValueError, "none_yet": []}
    )
    line = json.loads(Lines().format(record))
    assert (line["ill"], line["confined"], line["none"], line["at"]) == (["log", "x.db"], True, None, 7)
    assert line["calls"] == {"/a.B/C OK": 3, BLOT: [1]}
    assert (line["deep"], line["number"], line["none_yet"]) == ([{"x": BLOT}], BLOT, [])
    assert line["kind"] == "<class 'ValueError'>"


async def test_an_exception_is_told_by_our_own_places_however_deep_a_library_failed(tmp_path: Path) -> None:
    """Where a library fails many calls below us, the line still says where in this program that was; at most six places, innermost last."""
    store = Store(sqlite_url(tmp_path / "x.db"), metadata)
    store.create()
    with pytest.raises(OperationalError) as failed:
        store.read(lambda c: c.exec_driver_sql("SELECT * FROM nowhere"))
    store.close()
    told = log.describe(failed.value)
    places = told.removeprefix("OperationalError at ").split(" > ")
    assert any(place.startswith("lines.py:") for place in places)
    assert places[-1].endswith(" do_execute")
    assert len(places) == 6


def test_what_monitoring_is_told_is_configuration(tmp_path: Path) -> None:
    """A configuration says where metrics are read and traces go; one that does not, as before, tells nobody."""
    told = Telemetry(metrics="127.0.0.1:9464", otlp="http://127.0.0.1:4317", sampled=0.5, console=True)
    Config("tax", "127.0.0.1:1", {}, telemetry=told).save(tmp_path)
    assert Config.load(tmp_path).telemetry == told
    (tmp_path / "party.json").write_text('{"party": "tax", "listen": "127.0.0.1:1", "addresses": {}}', encoding="utf-8")
    assert Config.load(tmp_path).telemetry == Telemetry(metrics=None, otlp=None)
