"""stale-copy: a tax office corrected an assessment, but its copy for the network stayed as it was, and an old income went out.

Planted as a correction of the original, which registers a good copy, and then the values of before registered as the copy.
"""

from __future__ import annotations

from hashlib import sha256

from warifu.agency.v1 import agency_pb2
from warifu.items.v1 import items_pb2
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.operators import Operator
from warifu.simulator.people import People
from warifu.simulator.population import Person
from warifu.simulator.scenarios.stage import tax_year

UNION = "union-39480017"
ROW = "P13"
YEAR = 2025
CORRECTED_ON = "2025-12-10"
_MORE = 2_400_000
"""Yen of income that the old assessment had too much."""
LETTER = (
    "12月に税の申告を直してもらいました。それなのに、医療の窓口負担が、直す前の所得で決められたようです。確かめてください。\n"
    "My tax return was corrected in December. Yet my share of medical costs seems to have been set by the income of before. Please check."
)


async def plant(ground: Ground) -> Facts:
    """Let the copy fall behind the original, ask for a case, and have the person object."""
    person, stage = ground.take(_pensioner), ground.stage
    ground.taken(person)
    assessment = person.assessed(YEAR)
    assert assessment is not None
    office = f"tax-{assessment.municipality}"
    at_office = await _fall_behind(ground, person, office)
    addressee = await ground.known(UNION, person)
    case = await stage.clerk(UNION).open_case(addressee, stage.book.rows[ROW].procedure.code)
    request_id = await ground.asked(UNION, addressee, stage.question(ROW, office, tax_year(YEAR), case=case))
    letter = await ground.write_letter(person.person, request_id, office, LETTER, objection=True)
    original = await _original(ground, office, at_office)
    return Facts(
        {"office": office, "union": UNION, "case": case},
        {
            "person": person.person, "name": person.name.full, "addressee": addressee, "at_office": at_office,
            "request_id": request_id, "letter": letter, "original": _digest(original),
            "right_yen": original.local_tax.total_income_yen, "stale_yen": original.local_tax.total_income_yen + _MORE,
        },
    )  # fmt: skip


def _pensioner(person: Person) -> bool:
    """Of the union for the late elderly, with an income known to one tax office."""
    insured, taxed = person.insured_on(People.start), person.assessed(YEAR)
    return (
        insured is not None
        and insured.institution == UNION
        and taxed is not None
        and taxed.total_income is not None
        and taxed.total_income > 0
    )


async def _fall_behind(ground: Ground, person: Person, office: str) -> str:
    """Correct the original, and put the values of before into the copy; the addressee number at the tax office."""
    stage, addressee = ground.stage, await ground.known(office, person)
    clerk = stage.clerk(office)
    info = items_pb2.LocalTaxInfo()
    info.CopyFrom((await _original(ground, office, addressee)).local_tax)
    info.corrected_on = CORRECTED_ON
    change = agency_pb2.Change(tax_assessment=info)
    reference = f"drill/{ground.run.drill}/{person.person}"
    await clerk.record([agency_pb2.RecordRequest(reference=reference, addressee_no=addressee, change=change)])
    stale = await _original(ground, office, addressee)
    stale.local_tax.ClearField("corrected_on")
    for name in ("total_income_yen", "gross_income_yen", "taxable_base_yen"):
        setattr(stale.local_tax, name, getattr(stale.local_tax, name) + _MORE)
    today = (await stage.clock()).date()
    operator = Operator(clerk, stage.book)
    held = await operator.file(addressee)
    await operator.register([operator.copy(addressee, held.items, stale, today)])
    return addressee


async def _original(ground: Ground, office: str, addressee: str) -> items_pb2.ItemContent:
    """The tax office's own record of the year."""
    held = await ground.stage.clerk(office).agency.GetSubject(
        agency_pb2.GetSubjectRequest(institution=office, addressee_no=addressee), timeout=15
    )
    return next(one for one in held.records if one.local_tax.tax_year == YEAR)


def _digest(content: items_pb2.ItemContent) -> str:
    return sha256(content.SerializeToString(deterministic=True)).hexdigest()


def copy_of(ground: Ground, office: str, addressee: str) -> items_pb2.ItemContent:
    """What the office's interim server would provide; read there, since copies go out in answers alone."""
    rows = ground.rows(
        ground.stage.network.extra["kinds"][office],
        f"{office}.interim.db",
        "SELECT content FROM copies WHERE addressee_no = :number AND item = :item AND record_key = :key",
        number=addressee,
        item=ground.stage.book.rows[ROW].item,
        key=str(YEAR),
    )
    return items_pb2.ItemContent.FromString(rows[0]["content"]) if rows else items_pb2.ItemContent()


async def cause_found(ground: Ground) -> Finding:
    """It is the copy."""
    if ground.answer("cause") == "copy":
        return done(
            "正本は直っていて、副本だけが古いままだと突き止めた。",
            "It was found that the original is right and the copy alone old.",
        )
    return missed(
        "古いのは副本である。正本は12月に直っている。",
        "It is the copy that is old; the original was corrected in December.",
    )


async def copy_right(ground: Ground) -> Finding:
    """The copy says what the original says, and the original is what it was."""
    office, addressee = ground.fact("office"), ground.fact("at_office")
    original = await _original(ground, office, addressee)
    if _digest(original) != ground.fact("original"):
        return missed(
            "正本の値が変えられている。直すのは副本で、正本ではない。",
            "The original was changed: it is the copy that is to be put right.",
        )
    if copy_of(ground, office, addressee) != original:
        return missed("副本が正本と違うままである。", "The copy still differs from the original.")
    return done("副本は正本と同じになった。", "The copy says what the original says.")


async def asked_anew(ground: Ground) -> Finding:
    """The union asked again, and has the right income."""
    item, before = ground.stage.book.rows[ROW].item, ground.fact("request_id")
    made = await looks.asked_again(ground, UNION, ground.fact("addressee"), ground.fact("office"), item, before)
    if made is None:
        return missed(
            "照会し直していない。案件には古い所得が入ったまま。",
            "Nothing was asked anew: the case still holds the old income.",
        )
    incomes = {record.content.local_tax.total_income_yen for record in made.records}
    if incomes != {ground.fact("right_yen")}:
        return missed(
            "照会し直したが、副本を直す前だったので、また古い所得が届いた。",
            "It was asked again, but before the copy was put right: the old income came once more.",
        )
    return done("正しい所得を受け取り直した。", "The right income was received.")


async def corrected(ground: Ground) -> Finding:
    """The objection was answered, with a correcting entry of the tax office's."""
    person, letter, request_id = (ground.fact(name) for name in ("person", "letter", "request_id"))
    return await looks.letter_answered(
        ground, person, letter, request_id=request_id, corrected_by=ground.fact("office")
    )


STALE_COPY = Drill(
    "stale-copy",
    plant,
    (
        Task("cause", cause_found, question=True),
        Task("copy", copy_right),
        Task("asked-anew", asked_anew),
        Task("corrected", corrected),
    ),
    shown=frozenset({"office", "union", "case"}),
    hidden=frozenset({"person", "name", "addressee", "at_office", "request_id", "letter", "original"})
    | {"right_yen", "stale_yen"},
)
