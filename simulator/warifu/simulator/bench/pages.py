"""A page of the history against bare SQL: `python -m warifu.simulator.bench.pages FOLDER RECORDS`, a worker (see `worker`).

`page`: what the portal answers to `/api/v1/history` for a person taken at random, logged in: the portal's whole application without a socket, from the
guard to the JSON: route, session, codes, months, tags, rows, unsealing, texts in both languages. `sql`: the newest fifty of a person by one
statement of plain sqlite3, out of a table of as many rows of the same size, with an index of person and time. People have ten records each,
spread over the whole term for which records are kept.

`page-http`: the same page by HTTP/1.1 on one connection, from the portal's own web server, which runs in this process; `empty-http`: the smallest
answer that needs a session there, so what is below any page.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, insert

from warifu.exchange.logkeys import ORIGIN, WITNESS, LogKeys
from warifu.kernel import interpreter
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Web
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.kernel.web import serve_web
from warifu.portal.api.faults import PATH as EMPTY
from warifu.portal.app import assemble
from warifu.portal.kept import Seals
from warifu.portal.schema import sessions
from warifu.portal.sessions import COOKIE
from warifu.portal.tables import metadata
from warifu.simulator.bench.history import BOOK, NOW
from warifu.simulator.bench.stock import BARE, STORE, VAULT, Stock, account_of, subject
from warifu.simulator.bench.worker import Told, work
from warifu.tlog.notes import LogSigner, WitnessSigner
from warifu.web.face import Face

PAGE: Final = 50
ASKED: Final = 2_000
"""People who have accounts and are asked about; the records of the others are there all the same."""
HOST: Final = "portal.localhost"
_BARE: Final = "SELECT seq, body FROM bare WHERE subject = ? ORDER BY seq DESC LIMIT ?"
LIST: Final = "/api/v1/history"
_QUERY: Final = f"limit={PAGE}".encode()
_ACCEPTED: Final = "HTTP/1.1 200"


class Pages:
    """A portal with so many records, and the same in a bare table."""

    def __init__(self, folder: Path, asked: Sequence[int]) -> None:
        self._store = Store(sqlite_url(folder / STORE), metadata)
        self._bare = sqlite3.connect(folder / BARE, isolation_level=None)
        self._codes = [subject(person) for person in asked]
        self._cookies = [f"{COOKIE}={_token(code)}" for code in self._codes]
        self._clock = SimulatedClock(NOW, stopped=True)
        self.app = self._portal(folder)
        self._store.lines.at_once(self._log_in)
        self._line: _Line | None = None

    def scope(self, number: int) -> dict[str, Any]:
        """Somebody's request for the newest fifty, as a web server hands it to the application."""
        headers = [(b"host", HOST.encode()), (b"cookie", self._cookies[number % ASKED].encode())]
        return {
            "type": "http", "method": "GET", "path": LIST, "raw_path": LIST.encode(), "query_string": _QUERY, "headers": headers,
            "http_version": "1.1", "scheme": "http", "server": (HOST, 80), "root_path": "",
        }  # fmt: skip

    async def page(self, number: int) -> Told:
        """The newest fifty of somebody, by the portal."""
        body: list[bytes] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] != 200:  # noqa: PLR2004
                raise RuntimeError(f"{LIST}: status {message['status']}")
            body.append(message.get("body", b""))

        await self.app(self.scope(number), _nothing, send)
        return _some(b"".join(body))

    async def sql(self, number: int) -> Told:
        """The newest fifty of somebody, by the statement."""
        found = self._bare.execute(_BARE, (self._codes[number % ASKED], PAGE)).fetchall()
        if not found:
            raise ValueError("nobody's records")
        return ()

    async def page_http(self, number: int) -> Told:
        """The page by HTTP."""
        assert self._line is not None
        return _some(await self._line.get(f"{LIST}?limit={PAGE}", self._cookies[number % ASKED]))

    async def empty_http(self, number: int) -> Told:
        """What the same server answers at least."""
        assert self._line is not None
        await self._line.get(EMPTY, self._cookies[number % ASKED])
        return ()

    async def listen(self, stack: AsyncExitStack) -> None:
        """Serve the portal on a port, and connect to it."""
        port = await stack.enter_async_context(serve_web(self.app, Web(HOST, 0)))
        self._line = _Line(port)
        stack.callback(self._line.close)

    async def warm(self) -> None:
        """Have read, once, what everybody is going to ask for: the disk is not what is compared."""
        for number in range(ASKED):
            await self.page(number)
            await self.sql(number)

    def close(self) -> None:
        """Close both."""
        self._bare.close()
        self._store.close()

    def _portal(self, folder: Path) -> Any:
        face = Face(HOST, f"http://{HOST}", {"portal": f"http://{HOST}", "card": "http://card.localhost"})
        seals = Seals(Vault.open(folder / VAULT, month_of(NOW.date()) - RETENTION))
        keys = LogKeys(LogSigner(ORIGIN, os.urandom(32)).key, WitnessSigner(WITNESS, os.urandom(32)).key)
        absent: Any = None  # numbering, enrolment, the log, other institutions: nobody asks for them here
        return assemble(
            face, self._store, seals, self._clock, lambda: BOOK, absent, absent, absent, keys, absent, Ids(), absent
        ).web.application

    def _log_in(self, connection: Connection) -> None:
        now = milliseconds(self._clock.machine())
        connection.execute(delete(sessions))
        opened = {"opened_at": now, "seen_at": now, "serial": "", "kiosk": False}
        codes = dict.fromkeys(self._codes)
        rows = [{"token_hash": sha256(_token(code).encode()).digest(), "account": account_of(code)} for code in codes]
        connection.execute(insert(sessions), [{**row, **opened} for row in rows])


class _Line:
    """One kept connection to this machine's `port`, opened anew when the server closed it meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None

    def close(self) -> None:
        """Hang up."""
        if self._reader is not None:
            self._writer.close()

    async def get(self, target: str, cookie: str) -> bytes:
        """The body of the answer, which must be 200."""
        if self._reader is None or self._reader.at_eof():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n".encode())
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        size = next(int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:"))
        body = await self._reader.readexactly(size)
        if not status.startswith(_ACCEPTED):
            raise RuntimeError(f"{target}: {status}")
        return body


async def _nothing() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


def _some(body: bytes) -> Told:
    if b'"request_id"' not in body:
        raise ValueError("nobody's entries")
    return ()


def _token(code: bytes) -> str:
    return code.hex()


def people(stock: Stock) -> list[int]:
    """Who is asked about: the same people in every run."""
    dice = random.Random(1)  # noqa: S311 - see above
    return [dice.randrange(stock.people) for _ in range(ASKED)]


async def serve(folder: Path, records: int) -> None:
    """Fill what is not there yet, then take orders until the input closes."""
    stock = Stock(folder, records)
    asked = people(stock)
    if not stock.is_there():
        stock.fill(asked)
    pages = Pages(folder, asked)
    interpreter.settle()
    await pages.warm()
    async with AsyncExitStack() as stack:
        await pages.listen(stack)
        await work({"page": pages.page, "sql": pages.sql, "page-http": pages.page_http, "empty-http": pages.empty_http})
    pages.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
