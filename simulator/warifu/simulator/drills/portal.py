"""What drills about cards and sessions plant and look at: the card on its tray, its state at the card authority, and a browser left open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc
from warifu.simulator.cards.client import LoginError, Session
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Finding, done, missed
from warifu.simulator.people import People
from warifu.simulator.population import Person, Scheme, age_on
from warifu.simulator.scenarios.stage import NotPlayableError

ROW: Final = "P11"
"""An employees' insurer asks the residency office who lives in the household."""
GROWN_UP: Final = 18
_DEADLINE: Final = 15
_OK: Final = 200


def worker(person: Person) -> bool:
    """A grown-up who lives here and is insured through their own work."""
    insured = person.insured_on(People.start)
    return grown_up(person) and insured is not None and insured.scheme == Scheme.EMPLOYEES and insured.insured is None


def grown_up(person: Person) -> bool:
    """Lives here and has a card of their own."""
    return person.present is not None and age_on(person.birth_date, People.start) >= GROWN_UP


def office_of(person: Person) -> str:
    """The residency office of where somebody lives."""
    assert person.present is not None
    return f"residency-{person.present.municipality}"


def insurer_of(person: Person) -> str:
    """Where a `worker` is insured."""
    insured = person.insured_on(People.start)
    assert insured is not None
    return insured.institution


def name_of(person: Person) -> str:
    """Somebody's name as texts say it."""
    return person.name.full.replace("\u3000", " ")


def spellings(name: str) -> list[str]:
    """A name as somebody might write it in a report: with a space of either width, and with none."""
    return [name, name.replace(" ", "\u3000"), name.replace(" ", "")]


async def ask_about(ground: Ground, person: Person, times: int) -> list[str]:
    """Have the person's insurer ask their residency office so often; the request ids.

    Raises:
        NotPlayableError: an inquiry was not answered.
    """
    stage, insurer = ground.stage, insurer_of(person)
    addressee = await stage.clerk(insurer).find(stage.people.items(person.person)) or ""
    made = [await stage.ask(insurer, addressee, stage.question(ROW, office_of(person))) for _ in range(times)]
    for one in made:
        if one.outcome != "PROVIDED":
            raise NotPlayableError(
                f"照会に回答がありません（{one.outcome}）。", f"an inquiry was not answered ({one.outcome})"
            )
    return [one.request_id for one in made]


async def tray(ground: Ground, person: str) -> Mapping[str, Any]:
    """The person's card as it lies on the tray, with its present PIN.

    Raises:
        NotPlayableError: the card service does not answer, or has no such card.
    """
    card = ground.stage.network.urls["simulator"]
    try:
        status, _, body = await asyncio.to_thread(
            Session("").get, f"{card}/api/v1/people?q={person}", "application/json"
        )
        found = json.loads(body)["people"] if status == _OK else []
    except (LoginError, ValueError):
        found = []
    for one in found:
        if one["person"] == person:
            return dict(one)
    raise NotPlayableError("カードサービスが応答しません。", "the card service does not answer")


async def enter(ground: Ground, person: str) -> Session:
    """A login of its own with the person's card, whatever its PIN is now. Raises LoginError as `Ground.session`."""
    return await ground.session(person, (await tray(ground, person))["pin"])


async def cards_of(ground: Ground, person: str) -> Sequence[pb.Card]:
    """The person's cards as the card window of where they live sees them: those that live first."""
    stage = ground.stage
    office = office_of(stage.people[person])
    desk = numbering_pb2_grpc.CardDeskServiceStub(stage.doors.counter_at("numbering", office))
    asked = pb.FindCardsRequest(institution=office, basic_items=stage.people.items(person))
    return (await desk.FindCards(asked, timeout=_DEADLINE)).cards


async def card_of(ground: Ground, person: str, number: str) -> pb.Card | None:
    """One of the person's cards, by its number."""
    return next((card for card in await cards_of(ground, person) if card.card_number == number), None)


async def lives(ground: Ground, cookies: Mapping[str, str]) -> bool:
    """Whether the session of a browser still opens the portal. Asking keeps it from running out, as whoever sits there would."""
    browser = Session.resumed(ground.stage.network.urls["portal"], cookies)
    try:
        await asyncio.to_thread(browser.document, "/api/v1/card")
    except LoginError:
        return False
    return True


async def pin_changed(ground: Ground, person: str, old: str) -> Finding:
    """The card has another PIN than when somebody else knew it."""
    if (await tray(ground, person))["pin"] == old:
        return missed("暗証番号は、知られたときのまま。", "The PIN is still the one that somebody else knows.")
    return done("暗証番号が変わっている。", "The PIN is another one.")
