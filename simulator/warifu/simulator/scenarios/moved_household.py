"""moved-household: two paper certificates that nobody has to fetch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from warifu.common.v1 import common_pb2
from warifu.simulator.clerk import Exchange
from warifu.simulator.population import Person
from warifu.simulator.scenarios import looking
from warifu.simulator.scenarios.moving import Family, family_of, leave_job, move, new_items
from warifu.simulator.scenarios.stage import Scenario, Stage, tax_year
from warifu.simulator.translate import tax_info

LAST_KNOWN_YEAR = 2025
NEW_YEAR = 2026
"""Its copies are registered on `COPIES_COME`; until then nobody can provide it."""
LOOK_BACK = timedelta(days=60)
"""How far back the insurance clerk asks for a former insurance: a present state would no longer show one that ended."""
BEFORE_COPIES = date(2026, 5, 18)
COPIES_COME = date(2026, 6, 10)


@dataclass(frozen=True, slots=True)
class _File:
    """What the new city's clerk works on."""

    addressee_no: str
    case: str
    """Reference of the case that justifies the inquiries."""


async def play(stage: Stage) -> None:
    """The plain story, with the tax year that is known in spring."""
    family, file = await _to_the_counter(stage)
    tax = await _ask_tax(stage, family, file, LAST_KNOWN_YEAR)
    insurer = await _ask_insurer(stage, family, file)

    stage.check("tax-office-answers", tax.outcome == "PROVIDED", tax.outcome)
    stage.check("tax-values-are-the-assessment's", _tax_agrees(family.head, tax), f"tax year {LAST_KNOWN_YEAR}")
    stage.check("insurer-answers", insurer.outcome == "PROVIDED", insurer.outcome)
    stage.check("loss-of-qualification-is-told", _loss_day(insurer) != "", _loss_day(insurer))
    await looking.three_records(stage, tax)
    await looking.three_records(stage, insurer)
    await looking.gateway_reads_nothing(stage, tax, looking.words_of(stage, family.head))
    await looking.citizen_sees(stage, family.head.person, [tax, insurer])
    await looking.page_tells(stage, family.head.person, [tax, insurer])


async def play_in_may(stage: Stage) -> None:
    """The same counter in May, when the new year's copy is not there yet, and again in June, when it is."""
    await stage.before(COPIES_COME, "the May variant needs a day before the new tax year's copies come")
    family, file = await _to_the_counter(stage)
    await stage.at_least(BEFORE_COPIES)
    may = await _ask_tax(stage, family, file, NEW_YEAR)
    stage.check("may-has-no-record-yet", may.outcome == "NO_RECORD", may.outcome)
    if stage.sabotaged:
        await looking.delete_tax_copy(stage, family.head, family.old_city, NEW_YEAR)
    await stage.at_least(COPIES_COME + timedelta(days=2))
    june = await _ask_tax(stage, family, file, NEW_YEAR, sabotage=False)
    stage.check("june-has-it", june.outcome == "PROVIDED", june.outcome)
    stage.check("tax-values-are-the-assessment's", _tax_agrees(family.head, june, NEW_YEAR), f"tax year {NEW_YEAR}")
    await looking.three_records(stage, june)
    await looking.citizen_sees(stage, family.head.person, [may, june])


async def _to_the_counter(stage: Stage) -> tuple[Family, _File]:
    """Up to the moment at which the new city's insurance clerk knows who stands there, and has a case about it."""
    head = stage.cast("mover")
    stage.person = head.person
    today = (await stage.clock()).date()
    family = family_of(stage, head, today)
    stage.has_played(*family.handles)
    stage.narrate("退職し、被用者保険の資格を失う。", "A worker leaves a job; the employees' insurance ends.")
    await leave_job(stage, family, today - timedelta(days=7))
    stage.narrate("世帯で別の市へ引っ越す。", "The household moves to another city.")
    await move(stage, family, today - timedelta(days=1))
    stage.narrate("転入先の国保窓口へ。", "At the new city's health-insurance counter.")
    clerk = stage.clerk(f"nhi-{family.new_city}")
    expected = new_items(stage, head, family.new_city)
    visitor = await clerk.receive(expected, stage.people.demo(head.person).individual_number)
    registered = visitor.registered
    same = (registered.name, registered.address, registered.birth_date, registered.sex) == (
        expected.name, expected.address, expected.birth_date, expected.sex
    )  # fmt: skip
    stage.check(
        "four-items-come-from-numbering", same, "name, address, birth date and sex answered by the numbering body"
    )
    case = await clerk.open_case(visitor.addressee_no, stage.book.rows["P08"].procedure.code)
    return family, _File(visitor.addressee_no, case)


async def _ask_tax(stage: Stage, family: Family, file: _File, year: int, *, sabotage: bool = True) -> Exchange:
    if stage.sabotaged and sabotage and year == LAST_KNOWN_YEAR:
        await looking.delete_tax_copy(stage, family.head, family.old_city, year)
    stage.narrate("前の市の税務課に所得を照会する。", "Ask the old city's tax office for the income.")
    question = stage.question("P07", f"tax-{family.old_city}", tax_year(year), case=file.case)
    return await stage.ask(f"nhi-{family.new_city}", file.addressee_no, question)


async def _ask_insurer(stage: Stage, family: Family, file: _File) -> Exchange:
    stage.narrate("前の保険者に資格喪失を照会する。", "Ask the former insurer for the end of the qualification.")
    today = (await stage.clock()).date()
    lately = common_pb2.Period(first_day=(today - LOOK_BACK).isoformat(), last_day=today.isoformat())
    question = stage.question("P08", family.insurance.institution, common_pb2.Span(period=lately), case=file.case)
    return await stage.ask(f"nhi-{family.new_city}", file.addressee_no, question)


def _tax_agrees(person: Person, exchange: Exchange, year: int = LAST_KNOWN_YEAR) -> bool:
    """Every value that came is the assessment's, and there is at least one."""
    assessment = person.assessed(year)
    if assessment is None or len(exchange.state.records) != 1:
        return False
    came = exchange.state.records[0].content.local_tax.ListFields()
    truth = tax_info(assessment)
    return bool(came) and all(getattr(truth, field.name) == value for field, value in came)


def _loss_day(exchange: Exchange) -> str:
    days = [r.content.medical_insurance.disqualified_on for r in exchange.state.records]
    return max(days, default="")


MOVED_HOUSEHOLD = Scenario(
    "moved-household",
    (
        "退職して別の市に引っ越した世帯が国保に加入する。所得証明書と資格喪失証明書を持って来てもらう代わりに、前の市の税務課と前の保険者に照会する。",
        "A household that left a job and moved joins the new city's health insurance, which asks the old city's tax office and the former insurer instead of asking for two papers.",
    ),
    play,
    ("前の市の税の副本を削除しておく。", "The old city's copy of the tax record is deleted beforehand."),
)
MOVED_HOUSEHOLD_IN_MAY = Scenario(
    "moved-household-may",
    (
        "同じ照会を5月と6月に行う。新年度の税の副本は6月に登録されるので、5月には「該当なし」となる。時計は6月まで進む。",
        "The same inquiry in May and in June: the new tax year's copies are registered in June, so in May there is no such record. Moves the clock into June.",
    ),
    play_in_may,
    ("新年度の副本を6月の前に削除する。", "The new year's copy is deleted before June."),
)
