"""wrong-person: an addressee number of a municipal insurer was bound to somebody else's code, and somebody else's income came back."""

from __future__ import annotations

from hashlib import sha256

from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.people import People
from warifu.simulator.population import Person
from warifu.simulator.scenarios.stage import NotPlayableError, tax_year

ROW = "P07"
YEAR = 2025
_TRIES = 5
LETTER = (
    "ずっと同じ市に住み、会社の健康保険に入っています。それなのに、よその市の国民健康保険が私の所得を照会したと履歴にあります。"
    "心当たりがありません。調べて訂正してください。\n"
    "I have always lived in the same city and am insured through my employer. Yet my history says that another city's health insurance asked "
    "for my income. I know of no reason. Please look into it and correct it."
)


async def plant(ground: Ground) -> Facts:
    """Bind the newcomer's number to the other's code, ask for a case, and have the other object."""
    newcomer = ground.take(_newcomer)
    insurer, provider = _places(newcomer)
    other = ground.take(lambda person: _unknown(person, provider, insurer), newcomer)
    stage = ground.stage
    ground.taken(newcomer, other)
    clerk = stage.clerk(insurer)
    addressee = await clerk.find(stage.people.items(newcomer.person))
    assert addressee is not None
    right = code_of(ground, insurer, addressee)
    await _bind(ground, insurer, addressee, other)
    case = await clerk.open_case(addressee, stage.book.rows[ROW].procedure.code)
    made = await stage.ask(insurer, addressee, stage.question(ROW, provider, tax_year(YEAR), case=case))
    if made.outcome != "PROVIDED":
        raise NotPlayableError(
            f"照会に回答がありません（{made.outcome}）。", f"the inquiry was not answered ({made.outcome})"
        )
    letter = await ground.write_letter(other.person, made.request_id, insurer, LETTER, objection=True)
    return Facts(
        {"insurer": insurer, "provider": provider, "case": case},
        {
            "addressee": addressee, "newcomer": newcomer.person, "newcomer_name": newcomer.name.full,
            "other": other.person, "other_name": other.name.full, "request_id": made.request_id, "letter": letter,
            "right_code": right, "wrong_code": code_of(ground, insurer, addressee),
        },
    )  # fmt: skip


def _newcomer(person: Person) -> bool:
    """Of a municipal insurer, and taxed in another city."""
    insured, taxed = person.insured_on(People.start), person.assessed(YEAR)
    return (
        insured is not None
        and insured.institution.startswith("nhi-")
        and taxed is not None
        and taxed.municipality != insured.institution.removeprefix("nhi-")
    )


def _unknown(person: Person, provider: str, insurer: str) -> bool:
    """Taxed by the same office, and never of the insurer."""
    taxed = person.assessed(YEAR)
    return (
        taxed is not None
        and f"tax-{taxed.municipality}" == provider
        and all(spell.institution != insurer for spell in person.insurance)
    )


def _places(person: Person) -> tuple[str, str]:
    """The newcomer's insurer, and the tax office of where they lived before."""
    insured, taxed = person.insured_on(People.start), person.assessed(YEAR)
    assert insured is not None
    assert taxed is not None
    return insured.institution, f"tax-{taxed.municipality}"


async def _bind(ground: Ground, insurer: str, addressee: str, other: Person) -> None:
    """Bind wrongly. The business system enrols whoever is unbound by the items that it holds, so it may be faster: then once more."""
    interim, items = ground.stage.clerk(insurer).interim, ground.stage.people.items(other.person)
    asked = interim_pb2.EnrolRequest(institution=insurer, addressee_no=addressee, basic_items=items)
    for _ in range(_TRIES):
        unbinding = interim_pb2.UnbindRequest(
            institution=insurer, addressee_no=addressee, reason="typing error at the counter"
        )
        await interim.Unbind(unbinding, timeout=15)
        (answer,) = [one async for one in interim.Enrol(iter([asked]))]
        if not answer.HasField("error"):
            return
    raise LinkageError.from_failure(answer.error)


def code_of(ground: Ground, institution: str, addressee: str) -> str:
    """Digest of the code that the addressee is bound to, empty while unbound; read there, since a code passes through no front door."""
    (row,) = ground.rows(
        ground.stage.network.extra["kinds"][institution],
        f"{institution}.interim.db",
        "SELECT subject FROM addressees WHERE addressee_no = :number",
        number=addressee,
    )
    return sha256(row["subject"]).hexdigest() if row["subject"] else ""


async def exchange_found(ground: Ground) -> Finding:
    """The exchange was named."""
    if ground.answer("exchange") != ground.fact("request_id"):
        return missed(
            "答えた照会は、誤った回答が届いたものではない。",
            "The exchange named is not the one that brought the wrong answer.",
        )
    return done("誤った回答が届いた照会を見つけた。", "The exchange with the wrong answer was found.")


async def linked(ground: Ground) -> Finding:
    """The addressee has the code that it had before."""
    code = code_of(ground, ground.fact("insurer"), ground.fact("addressee"))
    if code == ground.fact("right_code"):
        return done(
            "宛名番号は本人の符号に結び付いている。", "The addressee number is linked to the right person's code."
        )
    if code == ground.fact("wrong_code"):
        return missed(
            "宛名番号は、まだ別人の符号に結び付いている。",
            "The addressee number is still linked to the other person's code.",
        )
    if not code:
        return missed("結び付きを外したが、まだ結び直していない。", "It was unlinked and not linked anew yet.")
    return missed(
        "宛名番号は、また別の人の符号に結び付いている。",
        "The addressee number is now linked to yet another person's code.",
    )


async def asked_anew(ground: Ground) -> Finding:
    """The same was asked again, and it is in the right person's history."""
    row = ground.stage.book.rows[ROW]
    insurer, addressee, provider = (ground.fact(name) for name in ("insurer", "addressee", "provider"))
    made = await looks.asked_again(ground, insurer, addressee, provider, row.item, ground.fact("request_id"))
    if made is None:
        return missed(
            "正しい人について照会し直していない。案件の様式には別人の所得が入ったまま。",
            "Nothing was asked anew: the case's form still holds somebody else's income.",
        )
    if await ground.entry(ground.fact("newcomer"), made.request_id) is None:
        return missed(
            "照会し直したが、また別人についての照会になった。", "It was asked again, and again about somebody else."
        )
    return done("正しい人について照会し直した。", "The right person's information was asked for.")


async def corrected(ground: Ground) -> Finding:
    """The objection was answered, with a correcting entry."""
    return await looks.letter_answered(
        ground, ground.fact("other"), ground.fact("letter"), request_id=ground.fact("request_id"),
        corrected_by=ground.fact("insurer"),
    )  # fmt: skip


async def reported(ground: Ground) -> Finding:
    """The insurer reported the leak."""
    names = [ground.fact("newcomer_name"), ground.fact("other_name"), ground.fact("addressee")]
    return await looks.leak_reported(ground, ground.fact("insurer"), persons=1, wrongful=False, names=names)


WRONG_PERSON = Drill(
    "wrong-person",
    plant,
    (
        Task("exchange", exchange_found, question=True),
        Task("linked", linked),
        Task("asked-anew", asked_anew),
        Task("corrected", corrected),
        Task("reported", reported),
    ),
    shown=frozenset({"insurer", "provider", "case"}),
    hidden=frozenset(
        {
            "addressee",
            "newcomer",
            "newcomer_name",
            "other",
            "other_name",
            "request_id",
            "letter",
            "right_code",
            "wrong_code",
        }
    ),
)
