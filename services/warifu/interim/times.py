"""Times as the store keeps them: whole milliseconds since 1970, UTC; days are calendar days in Japan, ISO 8601."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from warifu.kernel.clock import JAPAN

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(time: datetime) -> int:
    """An aware datetime in whole milliseconds, cut off."""
    return (time - _EPOCH) // _MILLISECOND


def timestamp(instant: int) -> Timestamp:
    """The protobuf form of milliseconds."""
    seconds, rest = divmod(instant, 1000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)


def stamped(stamp: Timestamp) -> int:
    """Milliseconds of a protobuf timestamp."""
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def day_of(time: datetime) -> date:
    """The calendar day in Japan."""
    return time.astimezone(JAPAN).date()


def day_at(instant: int) -> date:
    """The calendar day in Japan of milliseconds."""
    return day_of(_EPOCH + instant * _MILLISECOND)
