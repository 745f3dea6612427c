"""Months as numbers: what an instant's month is in Japan, whatever was asked for before."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.months import month_at, text

TOKYO = ZoneInfo("Asia/Tokyo")


@given(st.datetimes(datetime(1960, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)), st.integers(-2, 2))  # noqa: DTZ001 - in UTC
def test_a_month_is_that_of_the_calendar_in_japan(moment, beside):
    """The last millisecond of a month and the first of the next are told apart, also around the turn of the month."""
    turn = moment.astimezone(TOKYO).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for instant in (round(moment.timestamp() * 1000), round(turn.timestamp() * 1000) + beside):
        there = datetime.fromtimestamp(instant / 1000, TOKYO)
        assert text(month_at(instant)) == f"{there:%Y-%m}"
