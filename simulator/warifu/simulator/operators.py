"""What an institution's system operators do beside its counter: look at a file, unlink an addressee, register copies anew.

No page of the counter does these: in reality, too, it is another terminal. All go by the institution's own front doors.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warifu.agencies.kind import Case, Kind, Office, Records, find
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError
from warifu.law import LawBook
from warifu.simulator.clerk import Clerk
from warifu.simulator.told import ToldError

_DEADLINE = 15
_PAGE = 500
_PAUSE = 0.2


class OperatorError(ToldError):
    """It cannot be done here; the message says why."""


@dataclass(frozen=True, slots=True)
class File:
    """What an institution holds of one addressee."""

    items: common_pb2.BasicItems
    records: Sequence[items_pb2.ItemContent]
    """Originals (正本)."""
    linked: bool
    """The addressee number has a code that serves."""


@dataclass(frozen=True, slots=True)
class Operator:
    """The system operators of one institution. Every method raises as `Clerk`'s do."""

    clerk: Clerk
    book: LawBook

    async def find(self, items: common_pb2.BasicItems) -> str | None:
        """The addressee number here of whoever has these four items."""
        return await self.clerk.find(items)

    async def file(self, addressee_no: str) -> File:
        """The file of an addressee."""
        held = await self.clerk.agency.GetSubject(
            agency_pb2.GetSubjectRequest(institution=self.clerk.institution, addressee_no=addressee_no),
            timeout=_DEADLINE,
        )
        return File(held.basic_items, held.records, addressee_no not in await self._unlinked())

    async def unlink(self, addressee_no: str, reason: str) -> None:
        """Take an addressee number off its code. The business system then has it linked anew, by the four items that it holds."""
        await self.clerk.interim.Unbind(
            interim_pb2.UnbindRequest(institution=self.clerk.institution, addressee_no=addressee_no, reason=reason),
            timeout=_DEADLINE,
        )

    async def linked_again(self, addressee_no: str, within: float = 10.0) -> bool:
        """Wait until the addressee number is linked, at most so many seconds; whether it is."""
        until = time.monotonic() + within
        while addressee_no in await self._unlinked():
            if time.monotonic() > until:
                return False
            await self.clerk.doors.settle([self.clerk.doors.network.extra["kinds"][self.clerk.institution]])
            await asyncio.sleep(_PAUSE)
        return True

    async def register_again(self, addressee_no: str, today: date) -> list[str]:
        """Register the copies (副本) of an addressee anew from the originals; their keys.

        Raises:
            OperatorError: this kind of institution keeps nothing, or nothing that can be registered so.
        """
        held = await self.file(addressee_no)
        requests = [self.copy(addressee_no, held.items, content, today) for content in held.records]
        await self.register(requests)
        return [request.record_key for request in requests]

    async def register(self, requests: Sequence[interim_pb2.RegisterCopiesRequest]) -> None:
        """Register copies; every one must succeed."""
        answers = [answer async for answer in self.clerk.interim.RegisterCopies(iter(requests))]
        for answer in answers:
            if answer.HasField("error"):
                raise LinkageError.from_failure(answer.error)

    def copy(
        self, addressee_no: str, items: common_pb2.BasicItems, content: items_pb2.ItemContent, today: date
    ) -> interim_pb2.RegisterCopiesRequest:
        """The change that registers `content` as the addressee's copy, in place of the one before; raises as `register_again`."""
        kind, records = self._kind()
        here = self.book.institutions[self.clerk.institution]
        office = Office(here.code, here.role.code, here.operator.lg_code, here.insurer_number, today)
        change = agency_pb2.Change(**{records.branch: getattr(content, records.content)})
        assert kind.keep is not None  # with records comes what keeps them
        kept = kind.keep(change, Case(office, items, {}))
        return interim_pb2.RegisterCopiesRequest(
            institution=here.code,
            record_id=f"again/{uuid.uuid4()}",
            change=interim_pb2.COPY_CHANGE_DIFFERENCE,
            addressee_no=addressee_no,
            item=records.item,
            record_key=kept.record_key,
            layout_version=records.layout(today),
            published_from=kept.published_from,
            about=common_pb2.Period(first_day=kept.first_day, last_day=kept.last_day),
            content=content,
        )

    def _kind(self) -> tuple[Kind, Records]:
        kind = find(self.clerk.doors.network.extra["kinds"][self.clerk.institution])
        records = kind.table.records
        if records is None or records.branch == "residency":
            raise OperatorError(
                f"{self.clerk.institution} では、この方法で副本を登録し直せません。",
                f"{self.clerk.institution} cannot register its copies anew in this way.",
            )
        return kind, records

    async def _unlinked(self) -> set[str]:
        request = interim_pb2.ListUnboundRequest(institution=self.clerk.institution, page_size=_PAGE)
        found: set[str] = set()
        while True:
            page = await self.clerk.interim.ListUnbound(request, timeout=_DEADLINE)
            found |= set(page.addressee_nos)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token
