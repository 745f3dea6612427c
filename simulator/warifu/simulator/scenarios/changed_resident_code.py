"""changed-resident-code: every institution must claim its code anew, and the history stays whole."""

from __future__ import annotations

from warifu.agency.v1 import agency_pb2
from warifu.simulator.clerk import Exchange
from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage


async def play(stage: Stage) -> None:
    """An exchange, the change, the refusal of the old code, the claims, an exchange: two entries in one history."""
    person = stage.cast("changed-resident-code")
    stage.person = person.person
    home, insured = person.present, person.insured_on(stage.people.start)
    if home is None or insured is None or insured.insured is not None:
        raise NotPlayableError(
            f"{person.person} には住所か自分の保険がありません。", f"{person.person} has no home or own insurance here"
        )
    stage.has_played(person.person)
    items, insurer, provider = stage.people.items(person.person), insured.institution, f"residency-{home.municipality}"
    addressee = await stage.clerk(insurer).find(items) or ""
    before = await _ask(stage, insurer, addressee, provider)
    await looking.citizen_sees(stage, person.person, [before])
    old_codes = await looking.codes(stage, before)

    stage.narrate("住民票コードを変更する。", "The person asks for a new resident code.")
    if not stage.sabotaged:
        counter = stage.clerk(provider)
        await counter.agency.ChangeResidentCode(
            agency_pb2.ChangeResidentCodeRequest(institution=provider, addressee_no=await counter.find(items) or ""),
            timeout=15,
        )
        await stage.doors.settle(["numbering", "gateway"])
    refused = await stage.ask(insurer, addressee, stage.question("P11", provider))
    stage.check(
        "the-old-code-is-refused", refused.reason == "CLIENT_CODE_SUPERSEDED", str(refused.reason or refused.outcome)
    )
    stage.narrate("各機関が符号を取り直す。", "Institutions claim their codes anew.")
    await stage.doors.settle()
    after = await _ask(stage, insurer, addressee, provider)

    stage.check("exchange-after-works", after.outcome == "PROVIDED", after.outcome)
    new_codes = await looking.codes(stage, after)
    stage.check(
        "both-codes-are-new",
        bool(old_codes) and bool(new_codes) and not old_codes & new_codes,
        f"{len(new_codes)} codes",
    )
    await looking.three_records(stage, after)
    stage.forget_login(person.person)
    await looking.citizen_sees(stage, person.person, [before, after])


async def _ask(stage: Stage, insurer: str, addressee: str, provider: str) -> Exchange:
    return await stage.ask(insurer, addressee, stage.question("P11", provider))


CHANGED_RESIDENT_CODE = Scenario(
    "changed-resident-code",
    (
        "住民票コードの変更。符号はすべて取り直しになるが、本人の履歴はつながったまま残る。",
        "A change of resident code: every code has to be claimed anew, yet the person's history stays whole.",
    ),
    play,
    ("住民票コードを変更しないまま進める。", "The resident code is not changed at all."),
)
