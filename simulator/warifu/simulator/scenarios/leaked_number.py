"""leaked-number: a new individual number, and nothing else changes."""

from __future__ import annotations

from warifu.agency.v1 import agency_pb2
from warifu.simulator.clerk import Exchange
from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage


async def play(stage: Stage) -> None:
    """One exchange before the change, one after; codes and history stay, the old number is refused at the counter."""
    person = stage.cast("leaked-number")
    stage.person = person.person
    home, insured = person.present, person.insured_on(stage.people.start)
    if home is None or insured is None or insured.insured is not None:
        raise NotPlayableError(
            f"{person.person} には住所か自分の保険がありません。", f"{person.person} has no home or own insurance here"
        )
    stage.has_played(person.person)
    items, old = stage.people.items(person.person), stage.people.demo(person.person).individual_number
    insurer = insured.institution
    addressee = await stage.clerk(insurer).find(items) or ""
    before = await _ask(stage, insurer, addressee, home.municipality)

    stage.narrate(
        "漏えいのおそれを届け出て、新しい番号を受ける。", "The person reports the leak and receives a new number."
    )
    counter = stage.clerk(f"residency-{home.municipality}")
    resident = await counter.find(items) or ""
    if stage.sabotaged:
        new = old
    else:
        changed = await counter.agency.ChangeIndividualNumber(
            agency_pb2.ChangeIndividualNumberRequest(
                institution=counter.institution, addressee_no=resident, individual_number=old, reason="scam call"
            ),
            timeout=15,
        )
        new = changed.individual_number
    stage.now_true(person.person, individual_number=new)
    stage.check("the-number-is-new", new != old)
    stage.check("the-old-number-is-refused", await stage.refusal(stage.clerk(insurer).receive(items, old)) is not None)
    visitor = await stage.clerk(insurer).receive(items, new)
    stage.check(
        "the-addressee-is-the-same", visitor.addressee_no == addressee and not visitor.created, visitor.addressee_no
    )
    after = await _ask(stage, insurer, addressee, home.municipality)

    stage.check("exchange-before-works", before.outcome == "PROVIDED", before.outcome)
    stage.check("exchange-after-works", after.outcome == "PROVIDED", after.outcome)
    await looking.three_records(stage, after)
    await looking.citizen_sees(stage, person.person, [before, after])


async def _ask(stage: Stage, insurer: str, addressee: str, city: str) -> Exchange:
    return await stage.ask(insurer, addressee, stage.question("P11", f"residency-{city}"))


LEAKED_NUMBER = Scenario(
    "leaked-number",
    (
        "個人番号が漏えいした人に新しい番号を指定する。符号も履歴も変わらず、古い番号は窓口で拒否される。",
        "A person whose individual number leaked is given a new one: no code and no history changes, and counters refuse the old number.",
    ),
    play,
    ("番号を変更しないまま進める。", "The number is not changed at all."),
)
