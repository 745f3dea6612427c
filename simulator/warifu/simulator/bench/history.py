"""What a page of the citizen's history costs with many entries behind it, and with filters: as ratios to the plain page of the same person.

The portal's own views, templates and store, without a socket: the same request is answered by turns with and without a filter. The entries
are one person's, spread over the months of the term; a second person has one page of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, insert
from starlette.applications import Starlette
from starlette.types import ASGIApp

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.law import packaged
from warifu.portal.accounts import Accounts
from warifu.portal.app import DOMAIN, HERE
from warifu.portal.history import keeping
from warifu.portal.history.documents import Documents
from warifu.portal.history.queries import History
from warifu.portal.history.story import Teller
from warifu.portal.history.views import HistoryViews
from warifu.portal.kept import Kept, Seals
from warifu.portal.letters.queries import Letters
from warifu.portal.proxies.traces import Traces
from warifu.portal.schema import account_subjects, accounts
from warifu.portal.sessions import Session
from warifu.portal.tables import metadata
from warifu.simulator.bench.ratios import Block, Pair, Ratio, ratio_of
from warifu.web.pages import Pages

BOOK: Final = packaged()
NOW: Final = datetime(2026, 6, 1, 0, tzinfo=UTC)
TERM: Final = timedelta(days=30 * int(RETENTION) - 60)
FEW: Final = 20
"""Entries of the second person: one page."""
MANY_ACCOUNT, FEW_ACCOUNT = "a" * 32, "b" * 32
MANY_SUBJECT, FEW_SUBJECT = b"\1" * 20, b"\2" * 20
RARE: Final = 10_000
"""One in so many is of the rare procedure."""
REFUSED: Final = 100
"""One in so many was refused."""
STEP: Final = 5_000
Progress = Callable[[int, int], None]

COMMON_ROW, RARE_ROW = "P07", "P08"
NHI, TAX, INSURER = "nhi-480029", "tax-480011", "insurer-06480016"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    entries: int
    """Behind the page."""
    pairs: int
    pages: int
    """In a block."""


@dataclass(frozen=True, slots=True)
class Measured:
    """By the name of what was asked: pairs of it and of the plain page."""

    pairs: dict[str, list[Pair]]
    shown: dict[str, int]
    """How many entries each page showed."""

    def ratios(self) -> dict[str, Ratio]:
        """Median time of a page ÷ that of the plain page."""
        return {name: ratio_of(pairs, lambda block: block.p50) for name, pairs in self.pairs.items()}


def queries() -> dict[str, str]:
    """What is asked, by name; the plain page is `/history` of the same person."""
    rare = BOOK.rows[RARE_ROW].procedure.code
    middle, month = (NOW - TERM / 2).date(), (NOW - TERM / 2).date() - timedelta(days=30)
    return {
        "common_institution": f"?institution={NHI}",
        "rare_procedure": f"?procedure={rare}",
        "outcome": "?outcome=DENIED",
        "two_conditions": f"?institution={INSURER}&outcome=ANSWERED",
        "common_and_rare": f"?institution={TAX}&outcome=DENIED",
        "nothing_fits": "?institution=union-39480017",
        "one_month": f"?from={month.isoformat()}&to={middle.isoformat()}",
        "in_the_middle": f"?to={middle.isoformat()}",
        "few_behind": "",
    }


_BEGIN, _TERM = milliseconds(NOW - TERM), milliseconds(TERM)


def requested_at(number: int, of: int) -> int:
    """When one of `of` entries was asked, which are spread evenly over the term; milliseconds."""
    return _BEGIN + _TERM * (number + 1) // (of + 1)


def kept(number: int, of: int, subject: bytes) -> Kept:
    """One entry of `of`, in the order of time."""
    rare, refused = number % RARE == RARE // 2, number % REFUSED == REFUSED // 2
    row = BOOK.rows[RARE_ROW if rare else COMMON_ROW]
    at = requested_at(number, of)
    outcome = pb.OUTCOME_DENIED if refused else pb.OUTCOME_ANSWERED
    request_id = str(UUID(int=number + 1 + (1 << 100) * subject[0]))
    provider = INSURER if rare else TAX
    return Kept(
        request_id, at, subject, at + 2000, NHI, provider, row.affair.code, row.procedure.code, row.item, row.id, outcome,
        *_RECORDS, None, None, None, number + 1 if subject == MANY_SUBJECT else -number - 1,
    )  # fmt: skip


def _sample() -> pb.AccessRecord:
    row = BOOK.rows[COMMON_ROW]
    return pb.AccessRecord(
        version=1, kind=pb.RECORD_KIND_REQUEST, request_id="0" * 36, requester=NHI, provider=TAX, affair=row.affair.code,
        procedure=row.procedure.code, item=row.item, table_version="2026.1+00000000", row=row.id, requested_at=timestamp(0),
    )  # fmt: skip


SAMPLE: Final = _sample()
"""A record of the usual size."""
_RECORDS: Final = (record.commit(SAMPLE).SerializeToString(),) * 2
"""A pair of them; the page reads neither."""


class Ground:
    """A portal's history over a store of its own, with the two persons in it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(sqlite_url(folder / "portal-main.db"), metadata)
        self.store.create()
        self.seals = Seals(Vault.open(folder / "portal-main.months.json", month_of(NOW.date()) - RETENTION))
        self.who = MANY_ACCOUNT
        self.app = self._application()

    async def fill(self, count: int, progress: Progress) -> None:
        """Both accounts and their entries."""
        for account, subject, own in ((MANY_ACCOUNT, MANY_SUBJECT, count), (FEW_ACCOUNT, FEW_SUBJECT, FEW)):
            await self.store.write(lambda c, a=account, s=subject: _open(c, a, s))  # type: ignore[misc]
            for begin in range(0, own, STEP):
                numbers = range(begin, min(begin + STEP, own))
                await self.store.write(lambda c, n=numbers, o=own, s=subject: self._add(c, n, o, s))  # type: ignore[misc]
                progress(numbers.stop, own)

    def _add(self, connection: Connection, numbers: range, of: int, subject: bytes) -> None:
        keeping.keep_all(connection, self.seals, [kept(number, of, subject) for number in numbers])

    async def of(self, _request: object) -> Session:
        """See `Sessions.of`: whoever is to be measured."""
        return Session(b"", self.who)

    def _application(self) -> ASGIApp:
        clock = SimulatedClock(NOW, stopped=True)
        absent: Any = None  # numbering and enrolment: nobody logs in here
        here: Any = self
        views = HistoryViews(
            Pages.of(HERE, DOMAIN, made={"keys.js": "", "names.js": ""}),
            here,
            Accounts(self.store, clock, absent, absent, Ids()),
            History(self.store, self.seals),
            Documents(Teller(lambda: BOOK)),
            Letters(self.store, self.seals, clock),
            Traces(self.store, clock),
            secure=False,
        )
        return Starlette(routes=views.routes())

    async def page(self, query: str) -> bytes:
        """A page of the history; `query` with its question mark."""
        return await self.get("/history", query.removeprefix("?"))

    async def get(self, path: str, asked: str) -> bytes:
        """What the application answers, which must be 200."""
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": asked.encode(),
        }
        scope |= {"headers": [], "http_version": "1.1", "scheme": "http", "server": ("portal.localhost", 80)}
        body: list[bytes] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:  # noqa: PLR2004
                raise RuntimeError(f"{path}: status {message['status']}")
            body.append(message.get("body", b""))

        await self.app(scope, receive, send)
        return b"".join(body)


async def measure(folder: Path, plan: Plan, progress: Progress) -> Measured:
    """Fill, then measure by turns."""
    ground = Ground(folder)
    await ground.fill(plan.entries, progress)
    found: dict[str, list[Pair]] = {}
    shown: dict[str, int] = {}
    for name, query in queries().items():
        ground.who = MANY_ACCOUNT
        await ground.page("")
        shown[name] = (await _as(ground, name, query)).count(b'data-testid="entry"')
        found[name] = [pair async for pair in _pairs(ground, name, query, plan)]
    ground.store.close()
    return Measured(found, shown)


async def _pairs(ground: Ground, name: str, query: str, plan: Plan) -> Any:
    for turn in range(plan.pairs):
        order = [(name, query), ("", "")][:: 1 if turn % 2 == 0 else -1]
        blocks = {which: await _block(ground, which, asked, plan.pages) for which, asked in order}
        yield blocks[name], blocks[""]
        await asyncio.sleep(0)


async def _block(ground: Ground, name: str, query: str, pages: int) -> Block:
    latencies, began, cpu = [], time.perf_counter(), time.process_time()
    for _ in range(pages):
        start = time.perf_counter()
        await _as(ground, name, query)
        latencies.append(time.perf_counter() - start)
    return Block(tuple(latencies), time.perf_counter() - began, time.process_time() - cpu)


async def _as(ground: Ground, name: str, query: str) -> bytes:
    """The page of the second person where that is what is measured."""
    ground.who = FEW_ACCOUNT if name == "few_behind" else MANY_ACCOUNT
    return await ground.page(query)


def _open(connection: Connection, account: str, subject: bytes) -> None:
    connection.execute(insert(accounts), {"account": account, "opened_at": 0})
    row = {"subject": subject, "account": account, "claimed_at": 0}
    connection.execute(insert(account_subjects), row)


def document(found: Measured, plan: Plan) -> dict[str, object]:
    """As `warifu bench history --json` prints it."""
    return {
        "entries": plan.entries,
        "pages": plan.pages,
        "ratios": {name: _told(ratio) for name, ratio in found.ratios().items()},
        "shown": found.shown,
    }


def _told(ratio: Ratio) -> dict[str, object]:
    return {"median": ratio.median, "low": ratio.low, "high": ratio.high, "pairs": ratio.pairs}


def rows(found: Measured) -> Iterator[tuple[str, float, float, Ratio, int]]:
    """Name, seconds of such a page and of the plain page, their ratio, entries shown."""
    for name, ratio in found.ratios().items():
        these = [one.p50 for one, _ in found.pairs[name]]
        plain = [other.p50 for _, other in found.pairs[name]]
        yield name, sorted(these)[len(these) // 2], sorted(plain)[len(plain) // 2], ratio, found.shown[name]
