"""The network's clock on the stage: forward only, one move at a time, and the work in between done before anything else."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.stage.lab import START, Lab, ended

from warifu.simulator.stage.clock.work import month_after


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"move": "day"}, START + timedelta(days=1)),
        ({"move": "week"}, START + timedelta(days=7)),
        ({"move": "month"}, datetime(2026, 5, 6, tzinfo=UTC)),
        ({"move": "date", "day": "2026-06-12"}, datetime(2026, 6, 12, tzinfo=UTC)),
    ],
)
async def test_the_clock_goes_where_the_button_says(lab: Lab, form: dict[str, str], expected: datetime) -> None:
    """A day, a week, a month, or the morning of a date in Japan; then what has become due is done."""
    assert (await lab.post("/clock", **form)).status_code == 303
    assert lab.doors.now == expected
    await ended("settle")
    assert lab.doors.settled == 1


@pytest.mark.parametrize("day", ["2026-04-06", "2026-04-05", "2036-12-31", "", "tomorrow", "2026-02-30"])
async def test_it_never_goes_back_nor_beyond_reason(lab: Lab, day: str) -> None:
    """Today, an earlier day, one too far ahead and what is no date are refused beside the field, and nothing moves."""
    answer = await lab.post("/clock", move="date", day=day)
    assert answer.status_code == 422
    assert 'id="day-error"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert lab.doors.now == START


async def test_it_stands_still_and_runs_again(lab: Lab) -> None:
    """Stopping and starting keeps the time but for the second that no clock may go back by."""
    await lab.post("/clock", move="stop")
    await ended("settle")
    assert lab.doors.settled == 1
    assert (lab.doors.stopped, lab.doors.now - START) == (True, timedelta(seconds=1))
    assert 'data-testid="clock-run"' in (await lab.get("/clock")).text
    await lab.post("/clock", move="run")
    await ended("settle")
    assert lab.doors.settled == 2
    assert not lab.doors.stopped


async def test_one_move_at_a_time(lab: Lab) -> None:
    """While the work of a move is being done neither another move nor a play begins; afterwards both can."""
    lab.doors.settling = asyncio.Event()
    await lab.post("/clock", move="day")
    assert 'data-testid="clock-working"' in (await lab.get("/clock")).text
    assert (await lab.post("/clock", move="day")).headers["location"] == "/clock?problem=busy"
    assert (await lab.post("/scenarios/refused/play")).headers["location"] == "/scenarios/refused?busy"
    lab.doors.settling.set()
    await ended("settle")
    assert lab.doors.settled == 1
    assert (await lab.post("/clock", move="day")).headers["location"] == "/clock?done"
    assert lab.doors.now == START + timedelta(days=2)


async def test_a_party_that_is_gone_is_told(lab: Lab) -> None:
    """When a clock could not be set the page says so instead of that all went well, and the next move is free to try."""
    lab.doors.silent = {"tax"}
    await lab.post("/clock", move="day")
    await ended("settle")
    assert lab.doors.settled == 1
    page = (await lab.get("/clock?done")).text
    assert "時計をそろえられませんでした" in page
    assert 'data-testid="stage-done"' not in page
    lab.doors.silent = set()
    await lab.post("/clock", move="day")
    await ended("settle")
    assert lab.doors.settled == 2
    assert "時計をそろえられませんでした" not in (await lab.get("/clock")).text


async def test_without_a_gateway_nobody_knows_the_time(lab: Lab) -> None:
    """The page says so, and a move is refused."""
    lab.doors.silent = {"gateway"}
    assert "ゲートウェイが応答しない" in (await lab.get("/clock")).text
    assert (await lab.post("/clock", move="day")).status_code == 422


@given(st.builds(datetime.combine, st.dates(date(2026, 1, 1), date(2040, 1, 1)), st.times()))
def test_a_month_on_is_the_same_day_or_the_month_s_last(moment: datetime) -> None:
    """It is later, in the next month, at the same time of day, and on the same day unless that month is shorter."""
    then = month_after(moment)
    assert (then.year * 12 + then.month) - (moment.year * 12 + moment.month) == 1
    assert then.time() == moment.time()
    assert then.day == moment.day or (then + timedelta(days=1)).day == 1
