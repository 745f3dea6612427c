"""curious-insider: one of an insurer's staff asked about four people without a case. Planted by `Inquire` at its interim server."""

from __future__ import annotations

from warifu.simulator.clerk import STAFF
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground, grown_up
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.people import People
from warifu.simulator.population import Person

INSURER = "insurer-06480016"
ROW = "P11"
CURIOUS = "c-0002"
OFFICE = "window-2"
PEOPLE = 4
LETTER = (
    "健康保険組合が、きょう私の住民票の情報を照会したと履歴にあります。何の手続もしていません。なぜ照会したのですか。\n"
    "My history says that the health insurance society asked for my resident record today. I have no procedure there. Why did it ask?"
)


async def plant(ground: Ground) -> Facts:
    """Two inquiries for cases, four without, and a question of one of the four."""
    others: list[Person] = []
    for _ in range(PEOPLE + 2):
        others.append(ground.take(_insured, *others))
    ground.taken(*others)
    watched, ordinary = others[:PEOPLE], others[PEOPLE:]
    for person in ordinary:
        await _for_a_case(ground, person)
    made = [await _out_of_curiosity(ground, person) for person in watched]
    letter = await ground.write_letter(watched[0].person, made[0], INSURER, LETTER, objection=False)
    return Facts(
        {},
        {
            "insurer": INSURER, "clerk": CURIOUS, "persons": PEOPLE, "writer": watched[0].person, "letter": letter,
            "request_id": made[0], "names": [person.name.full for person in watched],
        },
    )  # fmt: skip


def _insured(person: Person) -> bool:
    """Grown up, and insured there."""
    insured = person.insured_on(People.start)
    return insured is not None and insured.institution == INSURER and grown_up(person)


async def _for_a_case(ground: Ground, person: Person) -> str:
    stage, addressee = ground.stage, await ground.known(INSURER, person)
    case = await stage.clerk(INSURER).open_case(addressee, stage.book.rows[ROW].procedure.code)
    return await ground.asked(INSURER, addressee, stage.question(ROW, _home(person), case=case, clerk=STAFF))


async def _out_of_curiosity(ground: Ground, person: Person) -> str:
    stage, addressee = ground.stage, await ground.known(INSURER, person)
    question = stage.question(ROW, _home(person), clerk=CURIOUS, office=OFFICE, case_reference="")
    return await ground.asked(INSURER, addressee, question)


def _home(person: Person) -> str:
    assert person.present is not None
    return f"residency-{person.present.municipality}"


def _plain(text: str | None) -> str:
    return "".join((text or "").split()).casefold()


async def institution_found(ground: Ground) -> Finding:
    """Where it was done."""
    name = ground.stage.book.institutions[INSURER].name
    if _plain(ground.answer("institution")) in {_plain(one) for one in (INSURER, name.ja, name.en)}:
        return done("照会した機関を突き止めた。", "The institution was found.")
    return missed("答えた機関ではない。", "It is not the institution answered.")


async def clerk_found(ground: Ground) -> Finding:
    """Who did it, by staff code."""
    if _plain(ground.answer("clerk")) == CURIOUS:
        return done("照会した職員を突き止めた。", "Whoever asked was found.")
    return missed("答えた職員ではない。", "It is not the staff code answered.")


async def told(ground: Ground) -> Finding:
    """The citizen's question was answered."""
    return await looks.letter_answered(ground, ground.fact("writer"), ground.fact("letter"))


async def reported(ground: Ground) -> Finding:
    """The insurer reported: four persons, a wrongful purpose."""
    return await looks.leak_reported(ground, INSURER, persons=PEOPLE, wrongful=True, names=ground.fact("names"))


async def measure_issued(ground: Ground) -> Finding:
    """The supervisor addressed a measure to the insurer."""
    since = [one for one in await ground.measures(INSURER) if one.id > ground.run.marks["measure"]]
    if since:
        return done(f"措置 {since[0].id} を出した。", f"Measure {since[0].id} was issued.")
    elsewhere = ground.filed("measure")
    if elsewhere:
        return missed("措置を、別の機関に出している。", "The measure was addressed to another institution.")
    return missed(
        "監督機関が、指導も勧告も命令も出していない。",
        "The supervisor issued neither guidance nor recommendation nor order.",
    )


async def replied(ground: Ground) -> Finding:
    """The insurer replied to it."""
    since = [one for one in await ground.measures(INSURER) if one.id > ground.run.marks["measure"]]
    if any(one.HasField("reply") for one in since):
        return done("機関が措置に回答した。", "The institution replied to the measure.")
    return missed("機関が措置に回答していない。", "The institution did not reply to the measure.")


CURIOUS_INSIDER = Drill(
    "curious-insider",
    plant,
    (
        Task("institution", institution_found, question=True),
        Task("clerk", clerk_found, question=True),
        Task("told", told),
        Task("reported", reported),
        Task("measure", measure_issued),
        Task("replied", replied),
    ),
    shown=frozenset(),
    hidden=frozenset({"insurer", "clerk", "persons", "writer", "letter", "request_id", "names"}),
)
