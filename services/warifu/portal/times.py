"""Times as the portal keeps them: whole microseconds since 1970, UTC, so that they order and compare exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """An aware datetime as microseconds."""
    return (moment - _EPOCH) // _STEP


def moment(value: int) -> datetime:
    """Microseconds as an aware datetime, UTC."""
    return _EPOCH + value * _STEP


def from_timestamp(stamp: Timestamp) -> int:
    """A protobuf timestamp as microseconds; what is finer is cut off."""
    return stamp.seconds * 1_000_000 + stamp.nanos // 1_000
