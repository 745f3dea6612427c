"""Demo persons for whoever builds a portal's pages: one for each state in which a page can be, made through the front doors.

What `busy` has in the history are real exchanges, asked by a clerk and logged like any; so every one of them can be checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Final

from warifu.exchange.v1 import exchange_pb2
from warifu.simulator.cards.client import LoginError, Session, login
from warifu.simulator.clerk import Clerk, Question
from warifu.simulator.doors import Doors
from warifu.simulator.people import People, card_expired
from warifu.simulator.population import CLOCK_START, Person, age_on
from warifu.simulator.scenarios import Stage
from warifu.simulator.scenarios.stage import tax_year
from warifu.simulator.state import NetworkFile
from warifu.simulator.told import ToldError

NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "empty": ("履歴がない人", "has no history"),
    "busy": ("履歴がとても多い人", "has a very long history"),
    "slow": ("答えが3秒遅れる人", "gets every answer three seconds late"),
    "down": ("どのページも開けない人（503）", "gets no page at all (503)"),
    "locked": ("カードの暗証番号がロックされた人", "has a card whose PIN is locked"),
    "expired": ("カードの電子証明書が期限切れの人", "has a card whose certificate has expired"),
}
"""Each with what it is for: Japanese, English."""
BUSY_ROWS: Final = 10_000
_AT_ONCE: Final = 16
_ATTEMPTS: Final = 5
"""How often an exchange is sent, each time waited for as long as a clerk waits."""
_ADULT: Final = 20
_WRONG_PINS: Final = 3
_LABEL: Final = "warifu portal"
_FAULT: Final = "/api/v1/developers/fault"


class PersonasError(ToldError):
    """The network cannot bring the demo persons into their states; the message says why."""


@dataclass(frozen=True, slots=True)
class Persona:
    """A demo person of a running network."""

    name: str
    person: str
    """Handle."""
    pin: str
    token: str | None
    """Bearer token of the portal's API; None for who cannot log in."""

    def document(self) -> dict[str, object]:
        """The shape of `warifu portal --json`."""
        return {"name": self.name, "person": self.person, "pin": self.pin, "token": self.token}


@dataclass(slots=True)
class Personas:
    """Makes the demo persons of one network. They stay the same as long as its state does."""

    network: NetworkFile
    state: Path
    doors: Doors
    people: People = field(init=False)

    def __post_init__(self) -> None:
        """Draw the population again."""
        self.people = People.of(self.network)

    def cast(self) -> Mapping[str, Person]:
        """Who plays whom: the first adults who live here and play no other role; `expired` is whose card is that old in every network.

        Raises:
            PersonasError: there are too few.
        """
        expired = card_expired(self.people.all())
        others = (person for person in self._free() if person is not expired)
        found = dict(zip((name for name in NAMES if name != "expired"), others, strict=False))
        if expired is not None:
            found["expired"] = expired
        if len(found) < len(NAMES):
            raise PersonasError(
                "人が足りません。--people を増やして新しく始めてください。",
                "there are too few people. Start a new network with more --people.",
            )
        return found

    async def make(self) -> list[Persona]:
        """Bring everyone into their state, with a token for who can log in. Whoever renewed the card of `expired` keeps it renewed."""
        made = []
        for name, person in self.cast().items():
            pin = self.people.demo(person.person).pin
            made.append(
                Persona(name, person.person, pin, await asyncio.to_thread(self._prepare, name, person.person, pin))
            )
        return made

    async def keep_busy(self, rows: int, progress: Callable[[int], None]) -> None:
        """Ask about `busy` until their history has `rows` entries; says after each how many there are.

        Raises:
            PersonasError: one could not be made, though it was sent several times.
        """
        person = self.cast()["busy"]
        requester = next(code for code in self.network.counters if code.startswith("nhi-"))
        clerk = Clerk(self.doors, requester)
        demo = self.people.demo(person.person)
        visitor = await clerk.receive(demo.basic_items, demo.individual_number)
        had = await self._rows(person.person, demo.pin)
        progress(had)
        questions = cycle(self._questions(requester))
        count, left = had, max(rows - had, 0)

        async def ask() -> None:
            nonlocal count, left
            while left:
                left -= 1  # taken at once, given back when it is not in the history yet
                if await _ended(clerk, visitor.addressee_no, next(questions)):
                    count += 1
                    progress(count)
                else:
                    left += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(ask())

    def _free(self) -> Iterator[Person]:
        for person in self.people.all():
            cast = any(trait.startswith("cast:") for trait in person.traits)
            if person.present is not None and not cast and age_on(person.birth_date, CLOCK_START) >= _ADULT:
                yield person

    def _questions(self, requester: str) -> Iterator[Question]:
        """Everything that the requester may ask every other body, again and again."""
        stage = Stage(self.network, self.state, self.doors)
        body = requester.partition("-")[2]
        for provider in self.network.counters:
            if provider.endswith(body):
                continue
            if provider.startswith("tax-"):
                yield stage.question("P07", provider, tax_year(2025))
                yield stage.question("P09", provider, tax_year(2024))
            elif provider.startswith(("insurer-", "nhi-")):
                yield stage.question("P08", provider)

    def _prepare(self, name: str, person: str, pin: str) -> str | None:
        if name == "locked":
            self._lock(person, pin)
            return None
        if name == "expired":  # their card came with the network
            return None
        session = self._login(person, pin)
        session.submit(_FAULT, {"fault": "none"})  # of an earlier start: who is down could not even make a token
        for known in session.document("/api/v1/developers")["tokens"]:
            if known["label"] == _LABEL:
                session.submit("/api/v1/developers/tokens/end", {"token": known["token"]})
        made = session.submit("/api/v1/developers/tokens", {"label": _LABEL})
        if name in {"slow", "down"}:
            session.submit(_FAULT, {"fault": name})
        return str(made["secret"])

    def _lock(self, person: str, pin: str) -> None:
        wrong = f"{(int(pin) + 1) % 10_000:04d}"
        for _ in range(_WRONG_PINS):
            with contextlib.suppress(LoginError):
                self._login(person, wrong)

    async def _rows(self, person: str, pin: str) -> int:
        session = await asyncio.to_thread(self._login, person, pin)
        return len(await asyncio.to_thread(session.history))

    def _login(self, person: str, pin: str) -> Session:
        return login(self.network.urls["portal"], self.network.urls["simulator"], person, pin)


async def _ended(clerk: Clerk, addressee_no: str, question: Question) -> bool:
    """Make an exchange; False when a clerk there must look first, who may never come, so that the citizen sees none.

    What a busy network could not do at once is sent again as the same exchange, so that it is in the history once.
    """
    request_id = str(uuid.uuid4())
    for _ in range(_ATTEMPTS):
        outcome = (await clerk.inquire(addressee_no, question, request_id)).state.outcome
        if outcome not in (exchange_pb2.OUTCOME_UNSPECIFIED, exchange_pb2.OUTCOME_ERROR):
            return outcome != exchange_pb2.OUTCOME_PENDING
    raise PersonasError(
        f"{question.provider} への照会が {_ATTEMPTS} 回とも終わりませんでした。",
        f"an inquiry to {question.provider} was sent {_ATTEMPTS} times and did not end.",
    )
