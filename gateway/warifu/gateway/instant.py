"""Instants as the store keeps them: whole milliseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from warifu.kernel.clock import JAPAN

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(time: datetime | timedelta) -> int:
    """An aware datetime or a duration in whole milliseconds, cut off."""
    return (time - _EPOCH if isinstance(time, datetime) else time) // _MILLISECOND


def datetime_at(instant: int) -> datetime:
    """The aware datetime of an instant."""
    return _EPOCH + instant * _MILLISECOND


def day_at(instant: int) -> date:
    """The calendar day in Japan of an instant."""
    return datetime_at(instant).astimezone(JAPAN).date()


def timestamp(instant: int) -> Timestamp:
    """The protobuf form of an instant."""
    seconds, rest = divmod(instant, 1000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)
