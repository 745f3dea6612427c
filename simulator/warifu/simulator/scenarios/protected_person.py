"""protected-person: an exchange that must leave no trace in anything the person's circle can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from warifu.agency.v1 import agency_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.simulator.clerk import Exchange
from warifu.simulator.population import Person
from warifu.simulator.scenarios import looking, proxied
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage


@dataclass(frozen=True, slots=True)
class Flags:
    """The three flags of one combination."""

    non_disclosure: bool
    self_disclosure_blocked: bool
    manual_review: bool

    def __str__(self) -> str:
        names = ("non_disclosure", "self_disclosure_blocked", "manual_review")
        return "+".join(name for name in names if getattr(self, name)) or "none"


async def play(stage: Stage) -> None:
    """Each flag alone and all combinations, then a withheld exchange; a twin has all but the hidden ones.

    What the two see is compared under their own logins, those of everyone in their households, children among them, and of a proxy each.
    """
    person, twin = stage.cast("protected"), stage.cast("protected-twin")
    stage.person = person.person
    shown: list[Exchange] = []
    hidden: list[Exchange] = []
    for bits in product((False, True), repeat=3):
        flags = Flags(*bits)
        stage.narrate(f"保護の設定: {flags}", f"protection: {flags}")
        await _protect(stage, person, flags if not stage.sabotaged else Flags(False, *bits[1:]))
        exchange = await _ask(stage, person)
        (hidden if flags.non_disclosure else shown).append(exchange)
        stage.check(f"answered:{flags}", exchange.outcome == "PROVIDED", exchange.outcome)
        if flags.manual_review:
            stage.check(f"a-clerk-looked:{flags}", await _was_reviewed(stage, exchange))
        if not flags.non_disclosure:
            shown_to_twin = await _ask(stage, twin)
            stage.check(f"twin-answered:{flags}", shown_to_twin.outcome == "PROVIDED", shown_to_twin.outcome)
    stage.narrate("提供者の職員が提供しないと判断する。", "The provider's clerk withholds.")
    await _protect(stage, person, Flags(not stage.sabotaged, True, True))
    withheld = await _withheld(stage, person)
    stage.check("withheld-is-told-to-the-requester", withheld.outcome == "WITHHELD", withheld.outcome)
    unseen = [e.request_id for e in (*hidden, withheld)]
    await _nothing_told(stage, person, twin, unseen, "while-set")
    await _protect(stage, person, Flags(False, False, False))

    for exchange in (*hidden, withheld):
        await looking.three_records(stage, exchange)
    await looking.citizen_sees(stage, person.person, shown)
    await _nothing_told(stage, person, twin, unseen, "when-lifted")
    for mine, others in zip(_relatives(stage, person), _relatives(stage, twin), strict=False):
        await _nothing_told(stage, mine, others, unseen, "when-lifted")
    await _nothing_told_to_a_proxy(stage, person, twin, [e.request_id for e in shown], unseen)


async def _ask(stage: Stage, person: Person) -> Exchange:
    insurer, provider, addressee = await _sides(stage, person)
    return await stage.ask(insurer, addressee, stage.question("P11", provider))


async def _sides(stage: Stage, person: Person) -> tuple[str, str, str]:
    home, insured = person.present, person.insured_on(stage.people.start)
    if home is None or insured is None:
        raise NotPlayableError(
            f"{person.person} には住所か保険がありません。", f"{person.person} has no home or insurance here"
        )
    addressee = await stage.clerk(insured.institution).find(stage.people.items(person.person))
    return insured.institution, f"residency-{home.municipality}", addressee or ""


async def _withheld(stage: Stage, person: Person) -> Exchange:
    insurer, provider, addressee = await _sides(stage, person)
    clerk = stage.clerk(insurer)
    exchange = await clerk.inquire(addressee, stage.question("P11", provider))
    if exchange.state.outcome != exchange_pb2.OUTCOME_PENDING:
        return exchange
    await stage.clerk(provider).review(exchange.request_id, interim_pb2.REVIEW_DECISION_WITHHOLD)
    await stage.doors.settle([stage.network.extra["kinds"][insurer]])
    state = await clerk.collect(exchange.request_id)
    final = Exchange(exchange.request_id, insurer, exchange.question, state, exchange.ms)
    stage.exchanges.append(final)
    return final


async def _protect(stage: Stage, person: Person, flags: Flags) -> None:
    _, provider, _ = await _sides(stage, person)
    number = f"{len(stage.exchanges)}-{(await stage.clock()).timestamp():.0f}"
    change = agency_pb2.ProtectionChange(
        non_disclosure=flags.non_disclosure,
        self_disclosure_blocked=flags.self_disclosure_blocked,
        manual_review=flags.manual_review,
        reason="support measure",
    )
    request = agency_pb2.RecordRequest(
        reference=f"{person.person}/protect-{number}",
        basic_items=stage.people.items(person.person),
        change=agency_pb2.Change(protection=change),
    )
    await stage.clerk(provider).record([request])


async def _was_reviewed(stage: Stage, exchange: Exchange) -> bool:
    """The provider's own store says that a clerk decided."""
    held = await stage.view("residency", exchange.request_id)
    return any("review" in holding.where for holding in held)


def _relatives(stage: Stage, person: Person) -> list[Person]:
    """Children and spouse, who have logins of their own."""
    home = person.present
    return [p for p, _ in stage.people.households.of(home) if p.person != person.person] if home else []


async def _nothing_told(stage: Stage, person: Person, twin: Person, hidden: Sequence[str], when: str) -> None:
    """Pages and API differ from the twin's in values only, and no hidden id occurs, whether the flags are set just then or not."""
    mine, others = await stage.history(person.person), await stage.history(twin.person)
    ids = {entry["request_id"] for entry in mine}
    stage.check(f"no-hidden-entry:{person.person}:{when}", not ids & set(hidden), f"{len(mine)} entries")
    stage.check(
        f"same-list-as-the-twin:{person.person}:{when}",
        _shape(mine) == _shape(others),
        f"{len(mine)} and {len(others)} entries",
    )
    for language in ("ja", "en"):
        page, other = (
            await stage.page(person.person, language=language),
            await stage.page(twin.person, language=language),
        )
        stage.check(
            f"same-page-as-the-twin:{person.person}:{language}:{when}",
            proxied.form(page) == proxied.form(other),
            f"{len(page)} and {len(other)} characters",
        )


async def _nothing_told_to_a_proxy(
    stage: Stage, person: Person, twin: Person, shown: Sequence[str], hidden: Sequence[str]
) -> None:
    """The two mothers become proxies, each with both logins, and what they then read differs in values only."""
    stage.narrate(
        "それぞれの母が代理人になり、代理人のログインで見比べる。",
        "Both mothers become proxies, and what their logins show is compared.",
    )
    mine = await proxied.look(stage, person.person, stage.cast("protected-proxy").person, hidden)
    others = await proxied.look(stage, twin.person, stage.cast("protected-twin-proxy").person, hidden)
    proxied.compare(stage, mine, others, shown, hidden)


def _shape(entries: list[dict[str, Any]]) -> list[list[str]]:
    """The entries' keys, values left out."""
    return [sorted(entry) for entry in entries]


PROTECTED_PERSON = Scenario(
    "protected-person",
    (
        "支援措置を受けている人。三つの保護設定それぞれの効果と、不開示の照会がどの画面・件数・時刻にも痕跡を残さないことを、同じ条件の双子と比べて確かめる。",
        "A person under a support measure: what each of the three flags does, and that a withheld exchange leaves no trace in any page, count or time, compared with a twin.",
    ),
    play,
    ("不開示の設定を入れ忘れる。", "The non-disclosure flag is never set."),
)
