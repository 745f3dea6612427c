"""dependant-check: an employees' insurer looks whether a family member may be insured through the worker."""

from __future__ import annotations

from warifu.exchange.v1 import exchange_pb2
from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.stage import NotPlayableError, Scenario, Stage, tax_year

YEAR = 2025


async def play(stage: Stage) -> None:
    """Income from the tax office, household from the resident record; both are needed, and consent for the first."""
    person = stage.cast("dependant")
    stage.person = person.person
    insured, home, assessment = person.insured_on(stage.people.start), person.present, person.assessed(YEAR)
    if insured is None or home is None or assessment is None:
        raise NotPlayableError(
            f"{person.person} には保険、住所、{YEAR} 年度の税の記録のいずれかがありません。",
            f"{person.person} lacks insurance, home or a tax record of {YEAR}",
        )
    addressee = await stage.clerk(insured.institution).find(stage.people.items(person.person))
    stage.check("insurer-knows-the-dependant", addressee is not None)
    tax_office = f"tax-{assessment.municipality}"
    if stage.sabotaged:
        await looking.delete_tax_copy(stage, person, assessment.municipality, YEAR)

    stage.narrate("同意を得ずに所得を照会すると拒否される。", "Without consent the income is refused.")
    refused = await stage.ask(insured.institution, addressee or "", stage.question("P10", tax_office, tax_year(YEAR)))
    stage.check("refused-without-consent", refused.reason == "CLIENT_CONSENT_MISSING", str(refused.reason))
    stage.narrate("同意書を受けて所得を照会する。", "With the person's consent the income is asked for.")
    consent = exchange_pb2.Consent(given_on=(await stage.clock()).date().isoformat(), reference="form-2026-001")
    income = await stage.ask(
        insured.institution, addressee or "", stage.question("P10", tax_office, tax_year(YEAR), consent=consent)
    )
    stage.narrate("世帯を住民記録に照会する。", "The household is asked of the resident record.")
    household = await stage.ask(
        insured.institution, addressee or "", stage.question("P11", f"residency-{home.municipality}")
    )

    stage.check("income-is-provided", income.outcome == "PROVIDED", income.outcome)
    told = [record.content.local_tax for record in income.state.records]
    stage.check("income-is-the-assessment's", bool(told) and told[0].total_income_yen == (assessment.total_income or 0))
    stage.check("household-is-provided", household.outcome == "PROVIDED", household.outcome)
    shown = [record.content.resident_record.relationship for record in household.state.records]
    stage.check("relationship-is-the-record's", shown == [home.relationship], ", ".join(shown))
    released = set(stage.book.rows["P11"].fields)
    came = {
        field.name for record in household.state.records for field, _ in record.content.resident_record.ListFields()
    }
    stage.check("nothing-beyond-the-row", came <= released, ", ".join(sorted(came - released)))
    await looking.three_records(stage, income)
    await looking.three_records(stage, household)
    await looking.citizen_sees(stage, person.person, [income, household])
    await looking.citizen_sees_refusal(stage, person.person, refused)


DEPENDANT_CHECK = Scenario(
    "dependant-check",
    (
        "健康保険組合が被扶養者の所得と世帯を確認する。所得の照会には本人の同意が要る。",
        "An employees' insurer checks a dependant's income and household; the income needs the person's consent.",
    ),
    play,
    ("税の副本を削除しておく。", "The copy of the tax record is deleted beforehand."),
)
