"""The pages of people: a list to search, and the slip with which somebody comes to a counter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.cards.client import LoginError, Session
from warifu.simulator.cards.labels import choices, labels
from warifu.simulator.lives import lives
from warifu.simulator.people import People
from warifu.simulator.population import CAST
from warifu.simulator.population.traits import TRAITS
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.ways import Ways

_OK: Final = 200
_LONGEST: Final = 100
_MOST_PAGES: Final = 10_000
_MAN: Final = 1


@dataclass(frozen=True, slots=True)
class PeopleViews:
    """Who lives here, with a way into the portal for each."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/people", self.list, methods=["GET"]),
            Route("/slip/{person}", self.slip, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """People by part of a name or handle, and by trait, as the card service has them on its tray."""
        query = request.query_params
        asked = {"q": query.get("q", "").strip()[:_LONGEST], "trait": query.get("trait", "")[:_LONGEST]}
        page = _page(query.get("page", ""))
        found = await asyncio.to_thread(self._tray, {**asked, "page": page})
        language, ways = self.ground.language(request), Ways(self.ground.network.urls)
        return await self.ground.render(
            request,
            "people.html",
            here="people",
            asked=asked,
            silent=found is None,
            people=[self._row(one, language, ways) for one in (found or {}).get("people", [])],
            choices=choices([(trait, 0) for trait in (*(f"cast:{role}" for role in CAST), *TRAITS)], language),
            before=_address(asked, page - 1) if page else "",
            after=_address(asked, page + 1) if found and found["more"] else "",
        )

    async def slip(self, request: Request) -> Response:
        """What somebody brings to a counter: the four items and the number, as they are now."""
        people, handle = await self.ground.crowd.people(), request.path_params["person"]
        try:
            shown = slip_of(people, handle, lives(self.ground.state).get(handle, {}))
        except KeyError:
            raise HTTPException(404) from None
        language = self.ground.language(request)
        kinds = self.ground.network.extra["kinds"]
        counters = [code for code in _known_at(people, handle) if code in kinds]
        return await self.ground.render(
            request,
            "slip.html",
            here="people",
            slip=shown,
            counters=[(code, self.ground.name(code, language)) for code in counters],
        )

    def _tray(self, asked: Mapping[str, object]) -> dict[str, Any] | None:
        """What the card service answers; None when it does not. Blocks."""
        card = self.ground.network.urls.get("simulator", "")
        try:
            status, _, body = Session("").get(f"{card}/api/v1/people?{urlencode(asked)}", "application/json")
            found: dict[str, Any] = json.loads(body) if status == _OK else {}
        except (LoginError, ValueError):
            return None
        return found or None

    def _row(self, one: Mapping[str, Any], language: str, ways: Ways) -> dict[str, object]:
        return {**one, "labels": labels(one["traits"], language), "citizen": ways.citizen(one["person"])}


def slip_of(people: People, handle: str, changed: Mapping[str, str]) -> dict[str, str]:
    """The slip of a person whose life has `changed` in plays since the network began.

    Raises:
        KeyError: there is no such person.
    """
    person, demo = people[handle], people.demo(handle)
    return {
        "person": handle,
        "name": demo.name,
        "kana": demo.kana,
        "address": changed.get("address", demo.basic_items.address),
        "birth_date": demo.basic_items.birth_date,
        "sex": "male" if person.sex == _MAN else "female",
        "individual_number": changed.get("individual_number", demo.individual_number),
    }


def _known_at(people: People, handle: str) -> Sequence[str]:
    """Institutions that knew the person when the network began: where they live, are taxed and insured."""
    person = people[handle]
    home, insured = person.present, person.insured_on(people.start)
    found = [f"residency-{home.municipality}", f"tax-{home.municipality}"] if home else []
    return [*found, insured.institution] if insured else found


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < len(str(_MOST_PAGES)) else 0


def _address(asked: Mapping[str, str], page: int) -> str:
    return "/people?" + urlencode({name: value for name, value in asked.items() if value} | {"page": page})
