"""Months as numbers: what an instant's month is in Japan, whatever was asked for before."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.instants import day_at, moment
from warifu.kernel.months import month_at, text

TOKYO = ZoneInfo("Asia/Tokyo")


@given(st.datetimes(datetime(1960, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)), st.integers(-2, 2))  # noqa: DTZ001 - in UTC
def test_a_month_is_that_of_the_calendar_in_japan(time, beside):
    """The last millisecond of a month and the first of the next are told apart, also around the turn of the month."""
    turn = time.astimezone(TOKYO).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for instant in (round(time.timestamp() * 1000), round(turn.timestamp() * 1000) + beside):
        there = datetime.fromtimestamp(instant / 1000, TOKYO)
        assert text(month_at(instant)) == f"{there:%Y-%m}"


@given(st.integers(-(10**12), 6 * 10**12))
def test_a_day_is_that_of_the_calendar_in_japan(instant):
    """By arithmetic alone it is the day that the time-zone database gives."""
    assert day_at(instant) == datetime.fromtimestamp(instant // 1000, TOKYO).date()


@given(st.integers(-(2**40), 2**33), st.integers(-1, 10**9 + 1))
def test_a_timestamp_is_read_as_protobuf_s_own_code_reads_it(seconds, nanos):
    """To the microsecond, and refused where that refuses it."""
    stamp = Timestamp(seconds=seconds, nanos=nanos)
    try:
        expected = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        with pytest.raises((ValueError, OverflowError)):
            moment(stamp)
    else:
        assert moment(stamp) == expected
