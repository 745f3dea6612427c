"""Test cards are true: what they expect of real inquiries over the running network is what comes, outcome and every value."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from e2e.conftest import Running, start, stop

from warifu.control.v1 import control_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.clock import JAPAN
from warifu.law import Origin, packaged
from warifu.portal.information.queries import MOST_OPEN
from warifu.simulator.cards.client import Session, login
from warifu.simulator.clerk import Clerk, Exchange, Question
from warifu.simulator.doors import Doors, doors
from warifu.simulator.lives import lives
from warifu.simulator.testcards import Expectation, Flags, Ruled, TestCard, expectation_document, people

TRAITS = (
    "taxed", "non-taxable", "per-capita-only", "undeclared", "moved", "moved-after-january", "moved-out", "moved-in", "deceased", "baby", "child",
    "dependant", "nhi", "union", "turned-75", "foreign", "protected", "public-assistance", "renamed", "homonym", "job-changer", "non-bmp",
)  # fmt: skip
OWN_FEW = 1
"""People of each trait and institution."""
ORDINANCES = "welfare-480011"
"""A walk in the supervisor's console has an ordinance use of this office approved."""
AT_ONCE = 24
PORTAL, BY_YEAR = "portal-main", "S01"
WITHIN, ACCEPTED = 30, 202


def touched(network: Running) -> set[str]:
    """People of whom something else is true by now than when the network began: plays, drills and walks took them."""
    played = network.state / "simulator" / "played.json"
    return {*lives(network.state), *(json.loads(played.read_text(encoding="utf-8")) if played.exists() else ())}


def cards(network: Running, institution: str, day: date, flags: Mapping[tuple[str, str], Flags]) -> Sequence[TestCard]:
    """People whom no play and no walk changes, some of every trait, with what the institution must be answered."""
    changed = touched(network)
    found: dict[str, TestCard] = {}
    for trait in TRAITS:
        able = [
            one
            for one in people(network.file, trait, institution, day, ruled=Ruled(flags=flags))
            if one.person not in changed and not any(word.startswith("cast:") for word in one.traits)
        ]
        able.sort(key=lambda one: sum(bool(expected.records) for expected in one.expected), reverse=True)
        found |= {one.person: one for one in able[:OWN_FEW]}
    return list(found.values())


def question(one: Expectation, day: date) -> Question:
    """The inquiry that an expectation is about."""
    row = one.row
    consent = exchange_pb2.Consent(given_on=day.isoformat(), reference="test card") if row.consent_required else None
    return Question(one.provider, row.affair.code, row.procedure.code, row.item, one.span, consent=consent)


def told(exchange: Exchange) -> tuple:
    """Everything of an exchange that a card says beforehand."""
    state = exchange.state
    fine = (
        exchange_pb2.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_") if state.fine_outcome else None
    )
    outcome = exchange_pb2.Outcome.Name(state.outcome).removeprefix("OUTCOME_")
    return outcome, fine, exchange.reason, tuple(state.records)


def expected(one: Expectation) -> tuple:
    """The same of an expectation."""
    return one.outcome, one.fine, one.reason, one.records


async def addressee(opened: Doors, institution: str, card: TestCard) -> str:
    """The person's number where they are known; a new one, drawn at the counter, where nobody is known at first."""
    clerk = Clerk(opened, institution)
    if institution in card.addressees:
        found = await clerk.find(card.basic_items)
        assert found == card.addressees[institution]
        return found
    return (await clerk.receive(card.basic_items, card.individual_number)).addressee_no


async def asking(
    network: Running,
    institutions: Sequence[str],
    flags: Mapping[tuple[str, str], Flags] = MappingProxyType({}),
    run: str = "",
) -> tuple[list[str], Counter[tuple[str, str | None]]]:
    """Ask everything about everybody chosen; what differs, and how often each row came to each outcome."""
    wrong: list[str] = []
    seen: Counter[tuple[str, str | None]] = Counter()
    async with doors(network.file) as opened:
        day = (await opened.clock())[0].astimezone(JAPAN).date()
        slots = asyncio.Semaphore(AT_ONCE)

        async def ask(card: TestCard, number: str, one: Expectation) -> None:
            request_id = str(
                uuid.uuid5(
                    uuid.NAMESPACE_URL,
                    f"{run}{day}/{card.person}/{one.requester}/{one.row.id}/{one.provider}/{one.year}",
                )
            )
            one = one.asked_as(request_id)
            async with slots:
                exchange = await Clerk(opened, one.requester).inquire(number, question(one, day), request_id)
            seen[one.row.id, one.fine or one.reason] += 1
            if told(exchange) != expected(one):
                wrong.append(
                    f"{card.person} {one.requester} {one.row.id} {one.provider} {one.year}\n{told(exchange)}\nnot {expected(one)}"
                )
                return
            if one.released is not None:
                await Clerk(opened, one.provider).review(request_id, interim_pb2.REVIEW_DECISION_PROVIDE)
                await opened.settle([network.file.extra["kinds"][one.requester]])
                state = await Clerk(opened, one.requester).collect(request_id)
                if tuple(state.records) != one.released.records:
                    wrong.append(f"{card.person} {one.row.id} {one.provider} after review")

        for institution in institutions:
            chosen = cards(network, institution, day, flags)
            for card in chosen if any(institution in one.addressees for one in chosen) else chosen[:8]:
                number = await addressee(opened, institution, card)
                await asyncio.gather(
                    *(ask(card, number, one) for one in card.expected if not is_approved_elsewhere(one))
                )
    return wrong, seen


def is_approved_elsewhere(one: Expectation) -> bool:
    """Whether another test may have had it approved."""
    return one.requester == ORDINANCES and one.row.origin is Origin.ORDINANCE


@pytest.mark.slow
def test_what_the_cards_expect_is_what_comes(network: Running) -> None:
    """Every row of every institution that asks, about people of many traits: outcome, reason and each value are those of the card."""
    institutions = [code for code in network.file.extra["kinds"] if not code.startswith("residency")]
    wrong, seen = asyncio.run(asking(network, sorted(institutions)))
    assert not wrong, f"{len(wrong)} of {seen.total()}\n" + "\n".join(wrong[:5])
    outcomes = {outcome for _, outcome in seen}
    assert outcomes >= {"PROVIDED", "NO_RECORD", "NOT_REGISTERED", "PENDING", "CLIENT_SAME_BODY", "CLIENT_NOT_IN_FORCE"}
    assert {row for row, _ in seen} == {
        row.id for row in packaged().rows.values() if "portal" not in row.requester_roles
    }


@pytest.mark.slow
def test_the_cards_notice_what_is_not_as_it_should_be(network: Running) -> None:
    """With another's data planted in each answer of the tax offices, exactly inquiries of tax records come to something else."""

    async def plant(*faults: control_pb2.Fault) -> None:
        async with doors(network.file) as opened:
            await opened.control("tax").SetFaults(control_pb2.SetFaultsRequest(faults=faults), timeout=WITHIN)

    asyncio.run(plant(control_pb2.Fault(name="wrong-person")))
    try:
        wrong, _ = asyncio.run(asking(network, ["union-39480017", "tax-480029"], run="wrong"))
    finally:
        asyncio.run(plant())
    assert wrong
    assert all(" P13 tax-" in one.partition("\n")[0] for one in wrong)


@pytest.mark.slow
def test_the_cards_stay_true_as_time_goes_by(tmp_path: Path) -> None:
    """On the day on which the new tax year is published, when a flag was set, and when assessments of offices have run out."""
    network = start(tmp_path, "--people", "200")
    try:
        asyncio.run(later(network))
    finally:
        stop(network)


async def later(network: Running) -> None:
    """Move the clock, and ask again."""
    (card,) = people(network.file, "taxed", "union-39480017", row="P13", limit=1)
    provider = next(one.provider for one in card.expected if one.records)
    async with doors(network.file) as opened:
        await Clerk(opened, provider).interim.SetProtection(
            interim_pb2.SetProtectionRequest(
                institution=provider, addressee_no=card.addressees[provider], manual_review=True, reason="test"
            )
        )
    flags = {(provider, card.person): Flags(manual_review=True)}
    found: set[str | None] = set()
    for day in ("2026-06-10", "2027-10-02"):
        async with doors(network.file) as opened:
            await opened.set_clock(datetime.fromisoformat(f"{day}T10:00:00+09:00"), stopped=False)
            await opened.settle()
        wrong, seen = await asking(network, ["nhi-480029", "union-39480017", "welfare-490016"], flags)
        assert not wrong, f"{day}: {len(wrong)} of {seen.total()}\n" + "\n".join(wrong[:5])
        found |= {outcome for _, outcome in seen}
    assert found >= {"PROVIDED", "PENDING", "PROVIDER_PIA_EXPIRED"}


@pytest.mark.slow
def test_a_person_s_own_requests_come_to_what_the_card_says(network: Running) -> None:
    """Under every row of the portal, of every institution: what the person reads is what is provided, and nothing where nothing is."""
    changed, day = touched(network), asyncio.run(today(network))
    chosen = [
        one
        for trait in ("employees-insured", "union")
        for one in people(network.file, trait, PORTAL, day)
        if one.person not in changed and not any(word.startswith("cast:") for word in one.traits)
    ][-3:]
    seen: Counter[str] = Counter()
    for card in chosen:
        assert card.pin is not None
        session = login(network.file.urls["portal"], network.file.urls["simulator"], card.person, card.pin)
        asked = [one for one in card.expected if (one.row.id == BY_YEAR) == (one.year is not None)]
        checking = 0  # drawn for a clerk there, who does not come in this test: they stay open
        while asked:
            some, asked = asked[: MOST_OPEN - checking], asked[MOST_OPEN - checking :]
            states = asyncio.run(answered(network, session, [own_request(session, one) for one in some]))
            checking += states.count("CHECKING")
            seen.update(states)
    assert seen["ARRIVED"] > 5
    assert seen["NOTHING"] > 5


def own_request(session: Session, one: Expectation) -> tuple[str, Expectation]:
    """Ask as the person; the request id, and what must come of that very request."""
    year = {"year": str(one.year)} if one.year is not None else {}
    form = {"provider": one.provider, "consent": "yes", **year}
    status, _, body = session.post(f"{session.portal_url}/information/ask/{one.row.id}", form, "application/json")
    assert status == ACCEPTED, body
    (request_id,) = json.loads(body)["requests"]
    return request_id, one.asked_as(request_id)


async def answered(network: Running, session: Session, asked: Sequence[tuple[str, Expectation]]) -> list[str]:
    """Wait until all came to something, and compare; their states."""
    until = time.monotonic() + WITHIN
    told: list[dict[str, Any]] = []
    async with doors(network.file) as opened:
        while not told or (any(one["state"] == "WAITING" for one in told) and time.monotonic() < until):
            await opened.settle(["portal"])
            told = [session.document(f"/api/v1/information/{request_id}") for request_id, _ in asked]
        await opened.settle(
            ["portal"]
        )  # an answer that came since then is shown, and counted as open until it is noted
    for (_, expectation), one in zip(asked, told, strict=True):
        compare(expectation, one)
    return [one["state"] for one in told]


def compare(one: Expectation, told: dict[str, Any]) -> None:
    """The person is told no fine outcome, only whether something came; and of what came each value."""
    states = {"PROVIDED": "ARRIVED", "PENDING": "CHECKING"}
    assert told["state"] == states.get(one.fine or "", "NOTHING"), (one, told)
    records = [expected["values"] for expected in expectation_document(one)["records"]]
    read = [{each["path"]: each["value"] for each in record["fields"]} for record in told.get("records", ())]
    assert len(read) == len(records)
    for values, fields in zip(records, read, strict=True):
        assert {path: fields[path] for path in values} == values
        assert not any(value for path, value in fields.items() if path not in values)


async def today(network: Running) -> date:
    """The network's day."""
    async with doors(network.file) as opened:
        return (await opened.clock())[0].astimezone(JAPAN).date()
