"""What a drill stands on: a scenario's stage (people, clerks, sessions, views) and the run, with the looks that checks have in common.

For `plant`: `take`, `stage.clerk`, `stage.ask`, `write_letter`. For checks, which only read: `entries`, `entry`, `letter`, `inquiries`,
`leaks`, `measures` go by the front doors; `rows` reads a party's database, only where no front door tells, and the check says why.
`warifu.simulator.drills.looks` has checks that several drills share (leak report, letter, asked anew).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from warifu.interim.v1 import interim_pb2
from warifu.simulator.cards.client import LoginError, Session, login
from warifu.simulator.clerk import Question
from warifu.simulator.drills.keeping import Run
from warifu.simulator.drills.texts import fill
from warifu.simulator.people import People
from warifu.simulator.population import Person, age_on
from warifu.simulator.scenarios.stage import NotPlayableError, Stage
from warifu.simulator.stage.words import Words
from warifu.supervision.v1 import supervision_pb2 as filing
from warifu.supervision.v1 import supervision_pb2_grpc

_DEADLINE = 15
_PAGE = 200
_GROWN_UP = 20
_MARKED = ("leak", "measure", "reconciliation")


def grown_up(person: Person) -> bool:
    """Old enough for every certificate, and for letters of one's own."""
    return age_on(person.birth_date, People.start) >= _GROWN_UP


@dataclass(slots=True)
class Ground:
    """One drill on one network."""

    stage: Stage
    run: Run
    """While planting: the run to be, without facts."""
    hurry: bool = False
    """Have what is due done before looking, as grading does; otherwise look at what is there."""

    # --- facts ------------------------------------------------------------------------------------------------------

    def fact(self, name: str) -> Any:
        """A planted fact, shown or hidden."""
        return self.run.facts[name]

    def named(self, institution: str) -> Words:
        """An institution's name and code, for what a finding says."""
        return fill(Words("{one}", "{one}"), {"one": institution}, self.stage.book)

    def answer(self, task: str) -> str | None:
        """What was answered to a question."""
        return self.run.answers.get(task)

    @property
    def begun(self) -> datetime:
        """Simulated time of the begin."""
        return datetime.fromisoformat(self.run.begun_at)

    # --- planting ---------------------------------------------------------------------------------------------------

    def take(self, fits: Callable[[Person], object], *others: Person) -> Person:
        """Somebody who fits and whom neither a play nor a drill has taken, from the end, since plays take theirs from the beginning.

        The person lives here and is in no scenario's cast; `others` are left out.

        Raises:
            NotPlayableError: nobody is left.
        """
        taken = {person.person for person in others} | self.stage.played()
        for person in reversed(self.stage.people.all()):
            cast = any(trait.startswith("cast:") for trait in person.traits)
            if person.present is not None and not cast and person.person not in taken and fits(person):
                return person
        raise NotPlayableError(
            "この訓練に使える人が残っていません。人数を増やして、新しいネットワークを始めてください: warifu demo --people 1000",
            "nobody is left for this drill. Start a new network with more people: warifu demo --people 1000",
        )

    def taken(self, *people: Person) -> None:
        """These people are used up: what a drill did to them stays."""
        self.stage.has_played(*(person.person for person in people))

    async def known(self, institution: str, person: Person) -> str:
        """The person's addressee number at an institution.

        Raises:
            NotPlayableError: the institution does not know them.
        """
        found = await self.stage.clerk(institution).find(self.stage.people.items(person.person))
        if found is None:
            raise NotPlayableError(
                f"{institution} は {person.person} を知りません。", f"{institution} does not know {person.person}"
            )
        return found

    async def asked(self, institution: str, addressee_no: str, question: Question) -> str:
        """Ask to the end; the request id.

        Raises:
            NotPlayableError: nothing was provided, so there is no incident.
        """
        made = await self.stage.ask(institution, addressee_no, question)
        if made.outcome != "PROVIDED":
            raise NotPlayableError(
                f"準備の照会に回答がありません（{made.reason or made.outcome}）。もう一度始めてください: warifu drill begin {self.run.drill} --again",
                f"an inquiry of the preparation was not answered ({made.reason or made.outcome}). Begin again: warifu drill begin {self.run.drill} --again",
            )
        return made.request_id

    async def write_letter(self, person: str, request_id: str, addressee: str, text: str, *, objection: bool) -> str:
        """The person's letter about an entry of their history, sent as by the portal's form; its id. Delivers what is due first."""
        await self.stage.doors.settle(["gateway", "portal"])
        session, letter = await self.stage.session(person), str(uuid.uuid4())
        form = {
            "letter_id": letter,
            "addressee": addressee,
            "kind": "objection" if objection else "question",
            "text": text,
        }
        address = urljoin(session.portal_url, f"/history/{request_id}/letter")
        status, _, body = await asyncio.to_thread(session.post, address, form, "application/json")
        if status != HTTPStatus.CREATED:
            raise LoginError("", f"the portal did not take the letter: {status} {body}")
        return letter

    # --- looking ----------------------------------------------------------------------------------------------------

    async def session(self, person: str, pin: str | None = None) -> Session:
        """A login of its own at the portal, with the card's first PIN or `pin`.

        Raises:
            LoginError: the card or the portal refuses.
        """
        urls = self.stage.network.urls
        pin = pin or self.stage.people.demo(person).pin
        return await asyncio.to_thread(login, urls["portal"], urls["simulator"], person, pin)

    async def entries(self, person: str) -> list[dict[str, Any]]:
        """The person's history as the portal's API gives it, newest first."""
        return await self.stage.history(person)

    async def entry(self, person: str, request_id: str) -> dict[str, Any] | None:
        """One entry of the person's history with its `corrections`; None when it is not theirs."""
        if self.hurry:
            await self.stage.doors.settle(["gateway", "portal"])
        return await self._document(person, f"/api/v1/history/{request_id}")

    async def letter(self, person: str, letter_id: str) -> dict[str, Any] | None:
        """The person's letter as the portal's API gives it, with its `answer`."""
        if self.hurry:
            await self.stage.doors.settle([*{*self.stage.network.extra["kinds"].values()}, "watchdog", "portal"])
        return await self._document(person, f"/api/v1/letters/{letter_id}")

    async def inquiries(self, institution: str, addressee_no: str = "") -> list[interim_pb2.InquiryState]:
        """An institution's newest inquiries without their records, newest first; about one addressee, when named."""
        answer = await self.stage.clerk(institution).interim.ListInquiries(
            interim_pb2.ListInquiriesRequest(institution=institution, page_size=_PAGE), timeout=_DEADLINE
        )
        return [one for one in answer.inquiries if addressee_no in {"", one.request.addressee_no}]

    async def leaks(self, institution: str) -> Sequence[filing.Leak]:
        """The institution's leak reports at the supervisor, newest first."""
        return (await self._filing(institution).ListLeaks(filing.ListLeaksRequest(), timeout=_DEADLINE)).leaks

    async def measures(self, institution: str) -> Sequence[filing.Measure]:
        """What the supervisor addressed to the institution, newest first."""
        return (await self._filing(institution).ListMeasures(filing.ListMeasuresRequest(), timeout=_DEADLINE)).measures

    def last_rows(self) -> dict[str, int]:
        """The newest row of each of the supervisor's tables that checks look at; read there, since no front door numbers them."""
        query = "SELECT coalesce(max(id), 0) FROM "
        return {table: self.rows("watchdog", "watchdog.db", query + table)[0][0] for table in _MARKED}

    def filed(self, table: str, institution: str | None = None) -> list[sqlite3.Row]:
        """Rows of one of the supervisor's tables since the begin, newest first; of one institution, when named.

        Read from the supervisor's database: to the filing institution it tells no more than terms, and its console's staff would have to log in.
        """
        own = "" if institution is None else " AND institution = :institution"
        query = f"SELECT * FROM {table} WHERE id > :mark{own} ORDER BY id DESC"
        if table not in _MARKED:
            raise KeyError(table)
        return self.rows("watchdog", "watchdog.db", query, mark=self.run.marks[table], institution=institution)

    def rows(self, party: str, database: str, query: str, **values: object) -> list[sqlite3.Row]:
        """Rows of a party's database, read only: for what no front door tells."""
        path = self.stage.state / party / database
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    async def _document(self, person: str, path: str) -> dict[str, Any] | None:
        """What the portal answers to the person's own login; None when there is no such thing of theirs."""
        session = await self.stage.session(person)
        address = urljoin(session.portal_url, path)
        status, _, body = await asyncio.to_thread(session.get, address, "application/json")
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise LoginError("", f"the portal answered {status} for {path}")
        document: dict[str, Any] = json.loads(body)
        return document

    def _filing(self, institution: str) -> supervision_pb2_grpc.FilingServiceAsyncStub:
        return supervision_pb2_grpc.FilingServiceStub(self.stage.doors.counter_at("watchdog", institution))
