"""Enrols again, by the items held here, whoever has no code that serves: after a change of resident code, an unbinding, an outage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from warifu.agencies import subjects
from warifu.agencies.deliver import Delivery
from warifu.agencies.office import Business
from warifu.interim.v1 import interim_pb2

_PAGE: Final = 500
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=6)


class Reenrolment:
    """The job of one business system. Whoever is refused is tried again after longer and longer pauses, unless the items changed."""

    def __init__(self, business: Business, delivery: Delivery) -> None:
        self._business, self._delivery = business, delivery
        self._pauses: dict[str, tuple[datetime, timedelta, bytes]] = {}
        """Addressee number to when to try again, the pause that led there, and the items that were refused."""

    async def run(self) -> int:
        """Enrol whoever can be; how many were."""
        if self._business.turn.locked():
            return 0  # whoever holds the turn enrols its own
        async with self._business.turn:
            rows = [row for row in await self._wanting() if self._may_try(row)]
            errors = await self._delivery.enrol_by_items(rows)
            by_number = {row.addressee_no: row for row in rows}
            done = [number for number, error in errors.items() if error is None]
            if done:
                await self._business.store.write(lambda connection: subjects.mark_enrolled(connection, done))
        for number, error in errors.items():
            if error is None:
                self._pauses.pop(number, None)
            elif not error.retryable:
                self._pause(by_number[number])
        return len(done)

    async def _wanting(self) -> Sequence[Row[Any]]:
        """Addressees whom the interim server lists, and those it has never heard of."""
        request = interim_pb2.ListUnboundRequest(institution=self._business.institution, page_size=_PAGE)
        unbound: list[str] = []
        while True:
            page = await self._business.interim.list_unbound(request)
            unbound += page.addressee_nos
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        store = self._business.store
        new = {row.addressee_no: row for row in store.read(subjects.unenrolled)}
        known = store.read(lambda connection: subjects.by_number(connection, unbound))
        return [*(new | dict(known)).values()]

    def _may_try(self, row: Row[Any]) -> bool:
        held = self._pauses.get(row.addressee_no)
        return held is None or row.digest != held[2] or self._business.clock.machine() >= held[0]

    def _pause(self, row: Row[Any]) -> None:
        held = self._pauses.get(row.addressee_no)
        pause = min(held[1] * 2, _LONGEST_PAUSE) if held is not None and held[2] == row.digest else _FIRST_PAUSE
        self._pauses[row.addressee_no] = (self._business.clock.machine() + pause, pause, row.digest)
