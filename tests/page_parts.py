"""What the parts of a page of the history take, each by itself: `PYTHONPATH=tests python tests/page_parts.py FOLDER [ROUNDS]`.

FOLDER is where `warifu bench history_p50 --kept FOLDER` left its records. The same pages are answered as that row measures them: of 2,000 people,
by the portal's own application, in one process. Then each part of the work is done by itself, over and over for all of these people, with what the
part before it gave. A figure is CPU time by the thread that does it, the lowest twentieth of all times, less what it takes to tell the time.

What is left of the whole is not a part: done one after the other the parts find the processor's caches cold, and what leads from one to the
next belongs to none. The statement has bare SQL's beside it, which the row divides by.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request

from warifu.kernel import interpreter
from warifu.portal.history import holds, lines
from warifu.portal.history.asked import Asked
from warifu.portal.history.entries import Entry
from warifu.portal.history.queries import _FEW, _few, _when
from warifu.portal.history.views import HistoryViews
from warifu.simulator.bench.pages import ASKED, LIST, PAGE, Pages, people
from warifu.simulator.bench.stock import MADE, Stock
from warifu.web.face import Ahead, Direct, Document

ROUNDS: Final = 5
LOWEST: Final = 0.05
FRAME, SESSION, MONTHS, TAGS, STATEMENT, ENTRIES, DOCUMENT = (
    "guard, routes, request and answer of the web framework",
    "the session, with it the account's codes",
    "the months that hold anything of theirs, opened",
    "their tags",
    "the statement for their lines",
    "its values: contents unsealed, entries",
    "JSON",
)
LEFT, WHOLE, BARE = "what is left", "whole", "bare SQL"
Work = Callable[[int], Any]


class Parts:
    """The steps of `HistoryViews.listed_json`, each with what the one before it gave for everybody."""

    def __init__(self, pages: Pages, connection: Connection) -> None:
        self.pages, self._connection = pages, connection
        self.direct = _direct(pages.app)
        self.views: HistoryViews = self.direct.answer.__self__  # type: ignore[attr-defined]
        self.vault = self.views.history.seals.vault
        self.limit = Asked.read(pages.scope(0)["query_string"]).size + 1
        everybody = range(ASKED)
        self.requests = [Request(pages.scope(number)) for number in everybody]
        self.owns = [self.session(number) for number in everybody]
        self.codes = [self.months(number) for number in everybody]
        self.keys = [self.tags(number) for number in everybody]
        self.values = [
            [*(value for pair in keys for value in pair), _FEW * self.limit] for keys in self.keys
        ]  # month and tag by turns
        self.rows = [self.statement(number) for number in everybody]
        self.entries = [self.opened(number) for number in everybody]
        self.documents = [self.document(number) for number in everybody]

    def named(self) -> Mapping[str, Work]:
        """What is done in this thread without waiting."""
        return {
            SESSION: self.session,
            MONTHS: self.months,
            TAGS: self.tags,
            STATEMENT: self.statement,
            ENTRIES: self.opened,
            DOCUMENT: self.document,
        }

    def session(self, number: int) -> holds.Rows:
        """Looked up, and what lies beside it."""
        session, own = self.views.sessions.beside(self.requests[number], holds.BESIDE)
        assert session is not None
        assert own is not None
        return own

    def months(self, number: int) -> tuple[bytes, Sequence[int]]:
        """The one code of a person, with its months."""
        ((subject, months),) = holds.months_of(self._connection, self.vault, self.owns[number])
        return subject, months

    def tags(self, number: int) -> Sequence[tuple[int, bytes]]:
        """Months with the tags under which lines lie there."""
        subject, months = self.codes[number]
        return self.views.history._keys(months, subject)

    def statement(self, number: int) -> Sequence[Any]:
        """Rows, in no order."""
        return _few(len(self.keys[number]), forward=False, bounded=False).rows(self._connection, self.values[number])

    def opened(self, number: int) -> list[Entry]:
        """Entries, newest first."""
        rows = sorted(self.rows[number], key=_when, reverse=True)[: self.limit]
        return lines.opened(self.vault, dict(self.keys[number]), rows)

    def document(self, number: int) -> Document:
        """The answer; these people have less than a page."""
        assert len(self.entries[number]) <= PAGE
        return Document(self.views.documents.page(self.entries[number], None, None))


def _direct(app: Any) -> Direct:
    """The endpoint, below the layers around it: each is an object that holds the next one, or a function around it."""
    waiting = [app]
    for one in waiting:
        if isinstance(one, Ahead):
            return one._direct[LIST]
        cells = [cell.cell_contents for cell in getattr(one, "__closure__", None) or ()]
        held = [getattr(one, name, None) for name in ("app", "_app")]
        waiting += [inner for inner in (*cells, *held) if callable(inner)]
    raise LookupError(f"no endpoint of {LIST} below {app}")


def measured(pages: Pages, rounds: int) -> dict[str, float]:
    """Microseconds by part, of the whole, and of bare SQL."""
    return asyncio.run(_measured(pages, rounds))


async def _measured(pages: Pages, rounds: int) -> dict[str, float]:
    connection = pages._store.read(
        lambda connection: connection
    )  # the one that pages are read by, while nobody else does
    parts = Parts(pages, connection)
    took: dict[str, list[int]] = {}
    for _ in range(rounds):
        took.setdefault("", []).extend(_times(lambda _: None))
        for name, work in parts.named().items():
            took.setdefault(name, []).extend(_times(work))
        took.setdefault(FRAME, []).extend(await _frame(parts))
        took.setdefault(BARE, []).extend(await _awaited(parts.pages.sql))
        took.setdefault(WHOLE, []).extend(await _awaited(parts.pages.page))
    nothing = _lowest(took.pop(""))
    return {name: _lowest(times) - nothing for name, times in took.items()}


def _times(work: Work) -> list[int]:
    found = []
    for number in range(ASKED):
        began = time.thread_time_ns()
        work(number)
        found.append(time.thread_time_ns() - began)
    return found


async def _awaited(work: Callable[[int], Awaitable[Any]]) -> list[int]:
    found = []
    for number in range(ASKED):
        began = time.thread_time_ns()
        await work(number)
        found.append(time.thread_time_ns() - began)
    return found


async def _frame(parts: Parts) -> list[int]:
    """The whole application around an answer that is there already."""
    real, ready = parts.direct.answer, iter(parts.documents)

    async def answer(_: Request) -> Document:
        return next(ready)

    parts.direct.answer = answer
    try:
        return await _awaited(parts.pages.page)
    finally:
        parts.direct.answer = real


def _lowest(times: Sequence[int]) -> float:
    return sorted(times)[int(LOWEST * len(times))] / 1000


def told(found: Mapping[str, float]) -> str:
    """A line a part."""
    parts = [FRAME, SESSION, MONTHS, TAGS, STATEMENT, ENTRIES, DOCUMENT]
    rows = {name: found[name] for name in parts}
    rows[LEFT] = found[WHOLE] - sum(rows.values())
    rows |= {WHOLE: found[WHOLE], BARE: found[BARE]}
    return "\n".join(f"{spent:7.1f} us {name}" for name, spent in rows.items())


def main(folder: Path, rounds: int = ROUNDS) -> None:
    """Measure and print."""
    made = folder / "h" / MADE
    if not made.exists():
        sys.exit(f"{folder} holds no records yet: warifu bench history_p50 --kept {folder}")
    stock = Stock(folder / "h", json.loads(made.read_text(encoding="ascii"))["records"])
    if not stock.is_there():
        sys.exit(f"the records of {folder} are of another schema: warifu bench history_p50 --kept {folder}")
    pages = Pages(stock.folder, people(stock))
    interpreter.settle()
    asyncio.run(pages.warm())
    sys.stdout.write(f"{stock.records:,} records\n{told(measured(pages, rounds))}\n")
    pages.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
