"""refused: what no row allows, and what a row allowed until last year."""

from __future__ import annotations

from warifu.common.v1 import common_pb2
from warifu.simulator.clerk import Question
from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage, tax_year

ENDED = "X01"
"""The row that is no longer in force."""


async def play(stage: Stage) -> None:
    """Two refusals, each with the failed condition, the nearest row and what to do."""
    person = stage.cast("refused")
    stage.person = person.person
    insured = person.insured_on(stage.people.start)
    if insured is None:
        raise NotPlayableError(f"{person.person} は保険に入っていません。", f"{person.person} is not insured")
    nhi = insured.institution
    other = next(
        c
        for c in sorted(stage.network.extra["kinds"])
        if c.startswith("tax-") and not c.endswith(nhi.removeprefix("nhi-"))
    )
    addressee = await stage.clerk(nhi).find(stage.people.items(person.person)) or ""

    stage.narrate("どの行も認めない照会。", "What no row allows.")
    allowed = stage.question("P07", other, tax_year(2025))
    item = allowed.item if stage.sabotaged else stage.book.rows["P11"].item
    never = await stage.ask(nhi, addressee, Question(other, allowed.affair, allowed.procedure, item, common_pb2.Span()))
    stage.check("no-row-allows-it", never.reason == "CLIENT_ITEM_NOT_PERMITTED", str(never.reason))
    denial = never.state.denial
    stage.check("the-failed-condition-is-named", denial.failed_condition == "item", denial.failed_condition)
    stage.check("the-nearest-row-is-named", denial.nearest_row == "P07", denial.nearest_row)

    stage.narrate("昨年度まで認められていた照会。", "What a row allowed until last year.")
    row = stage.book.rows[ENDED]
    requester = next(
        c
        for c in sorted(stage.book.institutions)
        if stage.book.institutions[c].role.code in row.requester_roles and c in stage.network.extra["kinds"]
    )
    provider = next(
        i.code
        for i in stage.book.register.with_roles(row.provider_roles)
        if i.operator.code != stage.book.institutions[requester].operator.code
    )
    subject = await stage.someone_known_at(requester)
    ended = await stage.ask(requester, subject, stage.question(ENDED, provider))
    stage.check("it-was-allowed-until-last-year", ended.reason == "CLIENT_NOT_IN_FORCE", str(ended.reason))
    stage.check("the-old-row-is-named", ended.state.denial.nearest_row == ENDED, ended.state.denial.nearest_row)
    stage.check("both-languages-say-why", bool(ended.state.denial.message.ja and ended.state.denial.message.en))
    for exchange in (never, ended):
        holdings = await stage.view(stage.network.extra["kinds"][exchange.question.provider], exchange.request_id)
        stage.check(
            f"the-provider-was-never-asked:{exchange.question.item}", not holdings or exchange.requester == provider
        )
    await looking.citizen_sees_refusal(stage, person.person, never)


REFUSED = Scenario(
    "refused",
    (
        "どの行も認めない照会と、昨年度まで認められていた照会。拒否の理由、最も近い行、条文が示される。",
        "An inquiry that no row allows and one that a row allowed until last year, each refused with the reason, the nearest row and the article.",
    ),
    play,
    ("認められた項目を照会してしまう。", "The clerk asks for the item that the row does allow."),
)
