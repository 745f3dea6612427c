"""A rehearsal's script, comparison, recording and report, without a network."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.law import packaged, packaged_files
from warifu.simulator.rehearsal import Aspect, Day, Recording, RecordingError, Result, Step, compare, table, write_day
from warifu.simulator.rehearsal.report import document, page
from warifu.simulator.rehearsal.script import TableError

DAY = date(2026, 4, 6)
WORDS = st.text("abcdefgh-", min_size=1, max_size=6)
VALUES = st.dictionaries(WORDS, st.one_of(st.integers(), WORDS), max_size=3)
RECORDS = st.builds(
    lambda key, values: {"record_key": key, "layout_version": "2025-06", "values": values, "empty": {}}, WORDS, VALUES
)
STEPS = st.builds(
    Step, WORDS, WORDS, WORDS, WORDS, WORDS, WORDS, WORDS, st.none() | st.integers(2000, 2030), st.booleans()
)
RESULTS = st.builds(
    Result, STEPS, st.sampled_from(["PROVIDED", "NO_RECORD", "WITHHELD"]), st.none(), st.lists(RECORDS, max_size=2),
    st.none() | st.builds(lambda text: {"outcome": "ANSWERED", "legal_basis (ja)": text}, WORDS),
)  # fmt: skip


def recording(results: list[Result]) -> Recording:
    """A run with these results."""
    steps = tuple(one.step for one in results)
    return Recording(Day(200, 1, DAY, steps, ("S01",)), "1.0", "2026.2+00000000", tuple(results), ("p-000001",))


@given(st.lists(RESULTS, max_size=6))
def test_a_run_is_like_itself(results: list[Result]) -> None:
    """A run compared with itself gives no difference, also by way of a file."""
    run = recording(results)
    again = Recording.read(run.text())
    assert again.text() == run.text()
    assert not compare(run, run).differs
    assert not compare(run, again).differs


@given(st.lists(RESULTS, min_size=1, max_size=6), st.data())
def test_one_denial_is_found(results: list[Result], data: st.DataObject) -> None:
    """One inquiry that is refused in the second run is the one difference, whichever it is, and differs in its decision."""
    place = data.draw(st.integers(0, len(results) - 1))
    changed = list(results)
    changed[place] = Result(results[place].step, "DENIED", "CLIENT_REQUESTER_NOT_PERMITTED")
    found = compare(recording(results), recording(changed))
    assert [one.step for one in found.differences] == [results[place].step]
    assert {Aspect.DECISION, Aspect.OUTCOME} <= set(found.differences[0].aspects)
    assert sum(one.permitted[0] - one.permitted[1] for one in found.rows) == 1
    assert sum(one.differ for one in found.rows) == 1


@pytest.mark.parametrize(
    ("change", "aspect"),
    [
        ({"outcome": "NO_RECORD"}, Aspect.OUTCOME),
        ({"values": ()}, Aspect.VALUES),
        ({"entry": None}, Aspect.HISTORY),
        ({"entry": {"outcome": "ANSWERED", "legal_basis (ja)": "新しい命令"}}, Aspect.HISTORY),
    ],
)
def test_each_aspect_is_found_alone(change: dict[str, Any], aspect: Aspect) -> None:
    """Another outcome, values that are missing, an entry that is missing and another legal basis differ in that one aspect."""
    step = Step("P07", "p-000001", "nhi-480011", "tax-480029", "JM", "JT", "TM", 2025, consent=False)
    record = {"record_key": "2025", "layout_version": "2025-06", "values": {"tax_class": "TAXED"}, "empty": {}}
    entry = {"outcome": "ANSWERED", "legal_basis (ja)": "古い命令"}
    before = Result(step, "PROVIDED", None, (record,), entry)
    found = compare(recording([before]), recording([replace(before, **change)]))
    assert found.differences[0].aspects == (aspect,)
    old, new = found.differences[0].shown(aspect)
    assert old != new


def test_runs_of_different_days_are_not_compared() -> None:
    """Two runs with different steps are no pair."""
    step = Step("P07", "p-000001", "nhi-480011", "tax-480029", "JM", "JT", "TM", 2025, consent=False)
    with pytest.raises(ValueError, match="different days"):
        compare(recording([Result(step, "PROVIDED")]), recording([]))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": 7}', '{"form": 1, "results": [{}]}'])
def test_what_is_no_recording_is_said(text: str) -> None:
    """A file that is no recording, or of another form, is refused with a message."""
    with pytest.raises(RecordingError):
        Recording.read(text)


def test_the_day_asks_under_both_tables() -> None:
    """The script has the inquiries that either table permits, each once, for people with a card that works, and names the rows that it does not ask under."""
    shipped = packaged_files()["permissions.toml"].decode()
    head, mark, rest = shipped.partition('id = "P07"')
    _, changed = table((head + mark + rest.replace('["nhi"]', '["late_elderly_union"]', 1)).encode())
    book = packaged()
    day = write_day(book, changed, people=200, seed=1, day=DAY, each=2)
    asked = {(one.row, book.institutions[one.requester].role.code) for one in day.steps}
    assert {("P07", "nhi"), ("P07", "late_elderly_union"), ("P08", "nhi")} <= asked
    assert len({one.question for one in day.steps}) == len(day.steps) == len({one.request_id for one in day.steps})
    bodies = {code: one.operator.code for code, one in book.institutions.items()}
    assert all(bodies[one.requester] != bodies[one.provider] for one in day.steps)
    assert day.unasked == ("S01", "S02", "S03")
    assert {one.row for one in day.steps} | set(day.unasked) == set(book.rows)
    assert day == write_day(book, changed, people=200, seed=1, day=DAY, each=2)


def test_a_wrong_table_is_said() -> None:
    """A table that is no table is refused, with the place."""
    with pytest.raises(TableError) as caught:
        table(b'version = "x"\n')
    assert "permissions.toml" in caught.value.en


def test_a_changed_row_that_nobody_asks_under_counts() -> None:
    """Where the tables differ only in a row of citizens' own requests, the rehearsal says so and does not call them equal."""
    run = recording([])
    assert compare(run, run, ["S01"]).unasked == {"S01": True}
    assert compare(run, run, ["S01"]).differs


@pytest.mark.parametrize("language", ["ja", "en"])
def test_report_shows_each_difference(language: str) -> None:
    """The page names row, person and reason of a difference, escapes what it shows, and the document is JSON."""
    step = Step("P07", "p-000001", "nhi-480011", "tax-480029", "JM", "JT", "TM", 2025, consent=False)
    before = Result(step, "PROVIDED", None, (), {"purpose (ja)": "<b>"})
    found = compare(recording([before]), recording([Result(step, "DENIED", "CLIENT_NOT_IN_FORCE")]))
    shown = page(found, packaged(), language)
    assert all(word in shown for word in ("P07", "p-000001", "CLIENT_NOT_IN_FORCE", "&lt;b&gt;"))
    assert "<b>" not in shown
    told = json.loads(json.dumps(document(found)))
    assert told["differences"][0]["differs"]["decision"] == {
        "before": "permitted",
        "after": "DENIED CLIENT_NOT_IN_FORCE",
    }
