"""What an institution's own system begins with: people's codes, got under its certificate as it would get them itself, and their data."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.kernel.limits import BULK
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.simulator.cards.labels import EXPIRED
from warifu.simulator.doors import identity_channel
from warifu.simulator.onboarding.names import COPIES_NAME, PEOPLE_NAME
from warifu.simulator.onboarding.orders import folder_of
from warifu.simulator.state import NetworkFile
from warifu.simulator.testcards import Expectation, TestCard, Town, card_document, expectation_document, people
from warifu.simulator.testcards.held import ALWAYS, Held

_NUMBER_BYTES: Final = 16
_PATIENCE: Final = 30.0
"""Seconds for a call about up to 1,000 people."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Somebody whose code was claimed."""

    card: TestCard
    acquisition_number: bytes
    code: bytes


@dataclass(frozen=True, slots=True)
class Handed:
    """What was written."""

    people: str
    """Path of the people: numbers, items, cards, codes, and what inquiries about them must come to."""
    copies: str
    """Path of their data, as the institution's party had it."""
    enrolled: int
    refused: int
    """People whom numbering does not enrol, such as who left the country."""
    example: Mapping[str, Any] | None
    """An inquiry that another institution can make of it about one of these people, without consent, and that comes to values."""


async def hand_over(state: Path, file: NetworkFile, institution: str, limit: int, day: date) -> Handed:
    """Enrol the first `limit` people whom the institution knows, and write them and their data into its folder, over what lay there.

    Raises:
        grpc.aio.AioRpcError: numbering or gateway is away or refuses.
    """
    found = people(file, None, institution, day, limit=min(limit, int(BULK)))
    enrolled = await _enrol(file, institution, found, folder_of(state, file, institution))
    town = Town.of(file.seed, file.people)
    folder = folder_of(state, file, institution)
    told = [_person(town, institution, one, day) for one in enrolled]
    _write(folder / PEOPLE_NAME, {"institution": institution, "day": day.isoformat(), "people": told})
    _write(folder / COPIES_NAME, {"people": [_copied(town, institution, one, day) for one in enrolled]})
    return Handed(
        str(folder / PEOPLE_NAME),
        str(folder / COPIES_NAME),
        len(enrolled),
        len(found) - len(enrolled),
        _example(told),
    )


async def _enrol(file: NetworkFile, institution: str, cards: Sequence[TestCard], folder: Path) -> Sequence[Enrolled]:
    """Deposit and claim (docs/PROTOCOL.md §2), under the institution's own certificate."""
    pair = {name: str(folder / "identities" / institution / f"{name}.pem") for name in ("cert", "key")}
    numbering, gateway = (identity_channel(file.party(name), Path(file.ca), pair) for name in ("numbering", "gateway"))
    async with numbering, gateway:
        numbers = [secrets.token_bytes(_NUMBER_BYTES) for _ in cards]
        asked = numbering_pb2.EnrolManyRequest(
            enrolments=[
                numbering_pb2.EnrolRequest(
                    institution=institution, acquisition_number=number, basic_items=card.basic_items
                )
                for number, card in zip(numbers, cards, strict=True)
            ]
        )
        if not cards:
            return []
        await numbering_pb2_grpc.NumberingServiceStub(numbering).EnrolMany(asked, timeout=_PATIENCE)
        claim = enrolment_pb2.ClaimRequest(acquisition_numbers=numbers)
        claimed = await enrolment_pb2_grpc.EnrolmentServiceStub(gateway).Claim(claim, timeout=_PATIENCE)
    return [
        Enrolled(card, number, result.subject.code)
        for card, number, result in zip(cards, numbers, claimed.results, strict=True)
        if result.WhichOneof("result") == "subject"
    ]


def _person(town: Town, institution: str, one: Enrolled, day: date) -> dict[str, Any]:
    """The test card, with the institution's code, and what others must be told who ask it."""
    asked = [expectation_document(expected) for expected in _asked(town, institution, one.card.person, day)]
    keys = {"acquisition_number": one.acquisition_number.hex(), "code": one.code.hex()}
    return card_document(one.card) | keys | {"asked": asked}


def _asked(town: Town, institution: str, handle: str, day: date) -> Sequence[Expectation]:
    """Under each row, by the first institution that knows the person and may ask this one."""
    oracle, found = town.oracle(day), dict[tuple[str, int | None], Expectation]()
    person = next(one for one in town.people if one.person == handle)
    for requester, held in town.holdings.items():
        rows = [row.id for row in oracle.rows(requester) if institution in oracle.providers(row)]
        if rows and handle in held.born:
            for expected in town.card(person, oracle, requester, rows).expected:
                if expected.provider == institution and expected.outcome != "DENIED":
                    found.setdefault((expected.row.id, expected.year), expected)
    return list(found.values())


def _copied(town: Town, institution: str, one: Enrolled, day: date) -> dict[str, Any]:
    held = town.holdings[institution]
    copies = [_copy(held.item, copy) for copy in held.copies(one.card.person, day)]
    return {
        "name": one.card.person,
        "addresseeNo": one.card.addressees.get(institution),
        "code": one.code.hex(),
        "copies": copies,
    }


def _copy(item: str | None, copy: Held) -> dict[str, Any]:
    days = {"firstDay": copy.about[0], "lastDay": copy.about[1], "publishedFrom": copy.published_from}
    return {
        "item": item,
        "recordKey": copy.record_key,
        "layoutVersion": copy.layout_version,
        **{name: value.isoformat() for name, value in days.items() if value is not None and value not in ALWAYS},
        "content": MessageToDict(copy.content, preserving_proto_field_name=True),
    }


def _example(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    found = [
        {"person": one["person"]} | asked
        for one in told
        if one["card"] is not None and EXPIRED not in one["traits"]  # so that the person's history can be read
        for asked in one["asked"]
        if asked["fine"] == "PROVIDED" and not asked["consent"]
    ]
    return next(iter(found), None)


def _write(path: Path, value: object) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
