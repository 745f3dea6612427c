"""Requests for own information: stored, then sent and followed by a job; their outcome is told by a notice.

The citizen names the institutions, since the portal does not know where anybody lives. Nothing of an answer is kept here: it is read from
the portal's interim server, where it lies under the key of its day (`warifu.interim.contents`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from warifu.kernel import packing
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.ids import Ids
from warifu.kernel.instants import day_at, milliseconds
from warifu.kernel.limits import OWN_INFORMATION
from warifu.kernel.months import month_at
from warifu.kernel.store import Store
from warifu.law import Institution, Item, LawBook, Row
from warifu.portal.accounts import Accounts
from warifu.portal.information.refusals import Refusal, RefusedError
from warifu.portal.information.requester import Answer, Asked, Requester, State
from warifu.portal.information.schema import information_requests
from warifu.portal.kept import Seals
from warifu.portal.notices.queries import Notices
from warifu.portal.schema import mandates

ROLE: Final = "portal"
MOST_AT_ONCE: Final = 3
"""Institutions asked by one form."""
MOST_OPEN: Final = 10
"""Requests of one account that wait for an answer."""
YEARS: Final = 5
"""Tax years to choose from."""
LISTED: Final = timedelta(days=365)
"""Simulated time for which a request is listed, long after its answer is gone."""
PAGE_SIZE: Final = 20
KIND: Final = "information"
_APRIL: Final = 4
_JUNE: Final = 6
_LOCAL_TAX: Final = "local_tax"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Category:
    """What can be asked for, by one row of the permission table."""

    row: Row
    item: Item
    providers: Sequence[Institution]
    years: Sequence[int]
    """Tax years, newest first; empty where the item is of the day."""
    usual: int | None
    """The newest tax year whose amounts are fixed by now."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request with what has become of it."""

    request_id: str
    at: int
    """Simulated time, milliseconds."""
    row: str
    provider: str
    year: int | None
    mandate: str
    """Under which a proxy asked; empty when the person did."""
    answer: Answer
    until: date | None
    """Last day on which it can be read; None before there is an answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some requests, newest first."""

    requests: Sequence[Request]
    older: str | None
    """Pass as `before` for the page of older ones; None at the end."""


_TABLE: Final = information_requests
_ADD: Final = insert(_TABLE)
_COUNT_OPEN: Final = (
    select(func.count()).select_from(_TABLE).where(_TABLE.c.account == bindparam("account"), _TABLE.c.open)
)
_OPEN: Final = select(_TABLE).where(_TABLE.c.open).order_by(_TABLE.c.number)
_CLOSE: Final = update(_TABLE).where(_TABLE.c.request_id == bindparam("which"), _TABLE.c.open).values(open=False)
_NEWEST: Final = (
    select(_TABLE)
    .where(_TABLE.c.account == bindparam("account"), _TABLE.c.at >= bindparam("since"))
    .order_by(_TABLE.c.number.desc())
    .limit(bindparam("limit"))
)
_MARKED: Final = _TABLE.alias("marked")
_OLDER: Final = _NEWEST.where(
    _TABLE.c.number
    < select(_MARKED.c.number)
    .where(_MARKED.c.request_id == bindparam("before"), _MARKED.c.account == bindparam("account"))
    .scalar_subquery()
)
_ONE: Final = select(_TABLE).where(
    _TABLE.c.request_id == bindparam("which"),
    _TABLE.c.account == bindparam("account"),
    _TABLE.c.at >= bindparam("since"),
)
_DROP: Final = delete(_TABLE).where(_TABLE.c.at < bindparam("before"), ~_TABLE.c.open)
_PROXY: Final = select(mandates.c.proxy, mandates.c.principal_label).where(mandates.c.mandate == bindparam("which"))


@dataclass(frozen=True, slots=True)
class Information:
    """The requests of one portal."""

    store: Store
    seals: Seals
    clock: Clock
    book: Callable[[], LawBook]
    accounts: Accounts
    requester: Requester
    notices: Notices
    ids: Ids

    def categories(self) -> Sequence[Category]:
        """What can be asked for today, in the order of the permission table."""
        book, today = self.book(), self.clock.today()
        rows = [row for row in book.rows.values() if ROLE in row.requester_roles and row.in_force(today)]
        return [self._category(book, row, today) for row in rows]

    def category(self, row: str) -> Category | None:
        """One of them."""
        return next((one for one in self.categories() if one.row.id == row), None)

    async def ask(
        self, account: str, category: Category, providers: Sequence[str], year: int | None, mandate: str = ""
    ) -> Sequence[str]:
        """Have one request sent to each of `providers`; their ids. Durable when this returns, answered later.

        Raises:
            RefusedError: PROVIDERS, YEAR, TOO_MANY.
        """
        known = {one.code for one in category.providers}
        if not 1 <= len(providers) <= MOST_AT_ONCE or len(set(providers)) < len(providers) or set(providers) - known:
            raise RefusedError(Refusal.PROVIDERS)
        if (year is None) != (not category.years) or (year is not None and year not in category.years):
            raise RefusedError(Refusal.YEAR)
        at = milliseconds(self.clock.network())
        rows = [self._row(account, at, category.row.id, provider, year, mandate) for provider in providers]

        def add(connection: Connection) -> bool:
            if connection.execute(_COUNT_OPEN, {"account": account}).scalar_one() + len(rows) > MOST_OPEN:
                return False
            connection.execute(_ADD, rows)
            return True

        if not await self.store.write(add):
            raise RefusedError(Refusal.TOO_MANY)
        return [str(row["request_id"]) for row in rows]

    def page(self, account: str, before: str | None = None, size: int = PAGE_SIZE) -> Page:
        """The requests of `account`, newest first."""
        keys: dict[str, object] = {"account": account, "since": self._since(), "limit": size + 1}
        if before is not None:
            keys["before"] = before
        statement = _NEWEST if before is None else _OLDER
        found = [self._opened(row) for row in self.store.read(lambda c: c.execute(statement, keys).all())]
        return Page(found[:size], found[size - 1].request_id if len(found) > size else None)

    def one(self, account: str, request_id: str) -> Request | None:
        """One request of `account`."""
        keys = {"which": request_id, "account": account, "since": self._since()}
        row = self.store.read(lambda c: c.execute(_ONE, keys).one_or_none())
        return None if row is None else self._opened(row)

    async def tend(self) -> int:
        """Send what is to be sent and tell of what has come; how many came to something."""
        done = 0
        for row in self.store.read(lambda c: c.execute(_OPEN).all()):
            request = self._opened(row)
            try:
                done += await self._tended(row.account, request)
            except LinkageError as error:
                _LOG.info("own information waits", extra={"request_id": row.request_id, "reason": error.reason})
        return done

    async def purge(self) -> int:
        """Drop what is past its term; how many."""
        before = {"before": self._since()}
        return await self.store.write(lambda c: c.execute(_DROP, before).rowcount)

    async def _tended(self, account: str, request: Request) -> bool:
        if request.answer.state is State.WAITING:
            subject = self.accounts.subjects(account)[-1]
            row = self.book().rows[request.row]
            await self.requester.ask(Asked(request.request_id, subject, row, request.provider, request.year))
        if not request.answer.is_final:
            return False
        return await self.store.write(lambda connection: self._tell(connection, account, request))

    def _tell(self, connection: Connection, account: str, request: Request) -> bool:
        """Once a request; to the proxy too, who may be waiting for it on behalf of somebody who never logs in."""
        if not connection.execute(_CLOSE, {"which": request.request_id}).rowcount:
            return False
        book = self.book()
        provider, item = book.institutions[request.provider].name, book.items[book.rows[request.row].item].name
        values = {"provider-ja": provider.ja, "provider-en": provider.en, "item-ja": item.ja, "item-en": item.en}
        self.notices.add(connection, account, KIND, f"/information/{request.request_id}", values)
        asked_by = connection.execute(_PROXY, {"which": request.mandate}).one_or_none()
        if asked_by is not None:
            told = {**values, "label": asked_by.principal_label}
            self.notices.add(connection, asked_by.proxy, f"{KIND}-for-other", "/proxies", told)
        return True

    def _category(self, book: LawBook, row: Row, today: date) -> Category:
        item = book.items[row.item]
        newest = today.year if today.month >= _APRIL else today.year - 1
        years = tuple(range(newest, newest - YEARS, -1)) if item.content == _LOCAL_TAX else ()
        usual = (newest - 1 if _APRIL <= today.month < _JUNE else newest) if years else None
        return Category(row, item, book.register.with_roles(row.provider_roles), years, usual)

    def _row(self, account: str, at: int, row: str, provider: str, year: int | None, mandate: str) -> dict[str, object]:
        request_id = self.ids.uuid("own-information", at)
        content = packing.pack([row, provider, year, mandate])
        sealed = self.seals.vault.seal(month_at(at), content, _context(request_id))
        return {"request_id": request_id, "account": account, "at": at, "sealed": sealed, "open": True}

    def _since(self) -> int:
        return milliseconds(self.clock.network() - LISTED)

    def _opened(self, row: Any) -> Request:
        content = self.seals.vault.unseal(month_at(row.at), row.sealed, _context(row.request_id))
        which, provider, year, mandate = packing.unpack(content)
        answer = self.requester.answer(row.request_id)
        until = None
        if answer.answered_at is not None:
            until = day_at(answer.answered_at) + timedelta(days=int(OWN_INFORMATION))
            if self.clock.today() > until:  # whatever it was: nothing must still tell it afterwards
                answer = Answer(State.EXPIRED, answer.answered_at)
        year_asked = year if isinstance(year, int) else None
        return Request(row.request_id, row.at, str(which), str(provider), year_asked, str(mandate), answer, until)


def _context(request_id: str) -> bytes:
    return f"own-information/{request_id}".encode()
