"""Once a day: open records that end with an age are ended, as the law does by itself."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, select

from warifu.agencies.kind import Original, reached
from warifu.agencies.office import Business
from warifu.agencies.record import Recording
from warifu.agencies.schema import ORIGINAL, SUBJECT
from warifu.agency.v1 import agency_pb2
from warifu.items.v1 import items_pb2

_OPEN = (
    select(ORIGINAL, SUBJECT.c.birth_date)
    .join_from(ORIGINAL, SUBJECT, ORIGINAL.c.addressee_no == SUBJECT.c.addressee_no)
    .where(ORIGINAL.c.last_day.is_(None), SUBJECT.c.birth_date <= bindparam("born"))
    .order_by(SUBJECT.c.addressee_no)
    .limit(500)
)


class Ages:
    """The daily job of one business system."""

    def __init__(self, business: Business, recording: Recording) -> None:
        self._business, self._recording = business, recording
        self._done: date | None = None

    async def run(self) -> int:
        """End what is to be ended today; how many records. Looks once a day of the network."""
        kind, office = self._business.kind, self._business.office()
        age = kind.ages(office)
        if age is None or kind.ended is None or self._done == office.today:
            return 0
        latest = _years_before(office.today, age)
        rows = self._business.store.read(
            lambda connection: connection.execute(_OPEN, {"born": latest.isoformat()}).all()
        )
        responses = [] if not rows else await self._recording.record([self._change(row, age) for row in rows])
        done = sum(not response.HasField("error") for response in responses)
        if done == 0:  # nothing left that could be ended
            self._done = office.today
        return done

    def _change(self, row: Row[Any], age: int) -> agency_pb2.RecordRequest:
        assert self._business.kind.ended is not None
        content = items_pb2.ItemContent.FromString(row.content)
        original = Original(row.record_key, content, row.first_day, row.last_day)
        day = reached(date.fromisoformat(row.birth_date), age)
        return agency_pb2.RecordRequest(
            institution=self._business.institution,
            reference=f"age-{age}/{row.addressee_no}/{row.record_key}",
            addressee_no=row.addressee_no,
            change=self._business.kind.ended(original, day),
        )


def _years_before(day: date, years: int) -> date:
    """The latest birth date of those who have reached the age on `day`."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 2, 28)
