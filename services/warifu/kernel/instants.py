"""Instants as stores keep them: whole milliseconds since 1970, UTC. Days are calendar days in Japan."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from warifu.kernel.clock import JAPAN

_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = 1_000_000_000
"""Nanoseconds."""
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400_000
_AHEAD: Final = 9 * 3_600_000
"""Milliseconds by which Japan's clocks are ahead of UTC."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(time: datetime | timedelta) -> int:
    """An aware datetime, or a duration, in whole milliseconds; what is finer is cut off."""
    return (time - _EPOCH if isinstance(time, datetime) else time) // _MILLISECOND


def datetime_at(instant: int) -> datetime:
    """The aware datetime, UTC, of an instant."""
    return _EPOCH + instant * _MILLISECOND


@lru_cache(maxsize=256)  # what goes together was taken at one moment
def timestamp(instant: int) -> Timestamp:
    """The protobuf form of an instant: the same object for all who ask, to be put into messages, which copy it, and never changed."""
    seconds, rest = divmod(instant, 1000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000_000)


def stamped(stamp: Timestamp) -> int:
    """The instant of a protobuf timestamp; what is finer is cut off."""
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def dated(stamp: Timestamp) -> int:
    """The instant of a protobuf timestamp that came from elsewhere, which a calendar must have.

    Raises:
        ValueError, OverflowError: no time.
    """
    instant = stamped(stamp)
    day_at(instant)
    return instant


def moment(stamp: Timestamp) -> datetime:
    """The aware datetime, UTC, of a protobuf timestamp, to the microsecond.

    Raises:
        ValueError, OverflowError: no time.
    """
    return _moment(stamp.seconds, stamp.nanos)


@lru_cache(maxsize=256)
def _moment(seconds: int, nanos: int) -> datetime:
    if not 0 <= nanos < _SECOND:
        raise ValueError("nanoseconds of more than a second")
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


@lru_cache(maxsize=256)
def day_of(time: datetime) -> date:
    """The calendar day in Japan of an aware datetime."""
    return time.astimezone(JAPAN).date()


def day_at(instant: int) -> date:
    """The calendar day in Japan of an instant."""
    if instant < 0:
        return day_of(datetime_at(instant))
    return date.fromordinal(_FIRST_DAY + day_number(instant))  # since 1951 Japan's clocks were never changed


def day_number(instant: int) -> int:
    """Days since 1970 in Japan of an instant that is not before."""
    return (instant + _AHEAD) // _DAY


def midnight(day: date) -> int:
    """The instant at which a calendar day begins in Japan."""
    return milliseconds(datetime.combine(day, time(), JAPAN).astimezone(UTC))
