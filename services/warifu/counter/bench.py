"""One institution's place at the counter: its database and what is kept there. Opened when it is first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from warifu.counter.acts.queries import Acts
from warifu.counter.proposals.queries import Proposals
from warifu.counter.schema import metadata
from warifu.counter.staff.accounts import Account, Demo, accounts_of, sessions_of
from warifu.counter.visitors.queries import Visits
from warifu.kernel.clock import Clock
from warifu.kernel.config import Config
from warifu.kernel.places import open_store
from warifu.kernel.store import Store
from warifu.law import Institution, LawBook
from warifu.staff.accounts import Accounts
from warifu.staff.sessions import Sessions
from warifu.staff.totp import Codes

CODES_FILE: Final = "one-time.key"


@dataclass(frozen=True, slots=True)
class Bench:
    """What one institution's counter keeps."""

    institution: Institution
    store: Store
    accounts: Accounts[Account]
    sessions: Sessions[Account]
    acts: Acts
    proposals: Proposals
    visits: Visits

    @property
    def code(self) -> str:
        """The institution's code."""
        return self.institution.code

    @property
    def path(self) -> str:
        """Where its pages begin."""
        return f"/{self.code}"


class Benches:
    """The institutions that this process serves. Use from one event loop."""

    def __init__(self, config: Config, clock: Clock, book: Callable[[], LawBook], *, secure: bool) -> None:
        """`secure`: the face is served over HTTPS.

        Raises:
            ValueError: the key for one-time passwords is damaged.
        """
        self._config, self._clock, self._book, self._secure = config, clock, book, secure
        secrets = config.folder / "secrets"
        self.codes: Final = Codes.load_or_create(secrets / CODES_FILE)
        self.demo: Final = Demo(secrets) if config.simulation is not None else None
        self._turn = asyncio.Lock()
        self._open: dict[str, Bench] = {}

    def all(self) -> list[Institution]:
        """The institutions that have a counter here, in the order of the register."""
        return [one for code, one in self._book().institutions.items() if code in self._config.institutions]

    def find(self, code: str) -> Bench | None:
        """An institution's bench; None where it has none here."""
        if (bench := self._open.get(code)) is not None:
            return bench
        listed = self._book().institutions.get(code)
        if listed is None or code not in self._config.institutions:
            return None
        bench = self._open[code] = self._made(listed)
        return bench

    async def purge(self) -> int:
        """Forget sessions that have ended; how many. A periodic job."""
        return sum([await bench.sessions.purge() for bench in tuple(self._open.values())])

    def check(self) -> None:
        """Raise when an open database cannot be read."""
        for bench in tuple(self._open.values()):
            bench.store.check()

    def close(self) -> None:
        """Close every database."""
        for bench in self._open.values():
            bench.store.close()
        self._open.clear()

    def _made(self, institution: Institution) -> Bench:
        code, clock = institution.code, self._clock
        store = open_store(self._config, f"{code}.counter.db", metadata, code)
        acts = Acts(store, clock)
        return Bench(
            institution,
            store,
            accounts_of(store, clock, code, self.codes, self._turn),
            sessions_of(store, clock, f"/{code}", secure=self._secure),
            acts,
            Proposals(store, clock),
            Visits(store, clock),
        )
