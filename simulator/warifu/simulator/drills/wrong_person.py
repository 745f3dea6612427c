"""wrong-person: an insurer's addressee number was bound to somebody else's code, and somebody else's household came back.

Planted by `Unbind` and `Enrol` at the insurer's interim server, as a clerk would who picks the wrong line of a list.
"""

from __future__ import annotations

from hashlib import sha256

from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError
from warifu.simulator.drills import looks
from warifu.simulator.drills.ground import Ground, grown_up
from warifu.simulator.drills.model import Drill, Facts, Finding, Task, done, missed
from warifu.simulator.people import People
from warifu.simulator.population import Person

INSURER = "insurer-06480016"
ROW = "P11"
_TRIES = 5
LETTER = (
    "この健康保険組合に入ったことは一度もありません。それなのに、私の住民票の情報を照会したと履歴にあります。調べて訂正してください。\n"
    "I was never insured with this society. Yet my history says that it asked for my resident record. Please look into it and correct it."
)


async def plant(ground: Ground) -> Facts:
    """Bind a dependant's number to the other's code, ask for a case, and have the other object."""
    dependant = ground.take(_dependant)
    assert dependant.present is not None
    city = dependant.present.municipality
    other = ground.take(lambda person: _stranger(person, city), dependant)
    stage, provider = ground.stage, f"residency-{city}"
    ground.taken(dependant, other)
    clerk = stage.clerk(INSURER)
    addressee = await ground.known(INSURER, dependant)
    right = code_of(ground, addressee)
    await _bind(ground, addressee, other)
    case = await clerk.open_case(addressee, stage.book.rows[ROW].procedure.code)
    request_id = await ground.asked(INSURER, addressee, stage.question(ROW, provider, case=case))
    letter = await ground.write_letter(other.person, request_id, INSURER, LETTER, objection=True)
    return Facts(
        {"insurer": INSURER, "provider": provider},
        {
            "case": case, "addressee": addressee, "dependant": dependant.person, "dependant_name": dependant.name.full,
            "other": other.person, "other_name": other.name.full, "request_id": request_id, "letter": letter,
            "right_code": right, "wrong_code": code_of(ground, addressee),
        },
    )  # fmt: skip


def _dependant(person: Person) -> bool:
    """Insured there through somebody else of the household."""
    insured = person.insured_on(People.start)
    return insured is not None and insured.institution == INSURER and insured.insured is not None


def _stranger(person: Person, city: str) -> bool:
    """Grown up, of the same city, and never insured there."""
    here = person.present is not None and person.present.municipality == city
    return here and grown_up(person) and all(spell.institution != INSURER for spell in person.insurance)


async def _bind(ground: Ground, addressee: str, other: Person) -> None:
    """Bind wrongly. The business system has whoever is unbound enrolled by the items that it holds, and may be faster: then once more."""
    interim, items = ground.stage.clerk(INSURER).interim, ground.stage.people.items(other.person)
    asked = interim_pb2.EnrolRequest(institution=INSURER, addressee_no=addressee, basic_items=items)
    unbinding = interim_pb2.UnbindRequest(institution=INSURER, addressee_no=addressee, reason="picked from a list")
    for _ in range(_TRIES):
        await interim.Unbind(unbinding, timeout=15)
        (answer,) = [one async for one in interim.Enrol(iter([asked]))]
        if not answer.HasField("error"):
            return
    raise LinkageError.from_failure(answer.error)


def code_of(ground: Ground, addressee: str) -> str:
    """Digest of the code that the addressee is bound to, empty while unbound; read there, since a code passes through no front door."""
    (row,) = ground.rows(
        ground.stage.network.extra["kinds"][INSURER],
        f"{INSURER}.interim.db",
        "SELECT subject FROM addressees WHERE addressee_no = :number",
        number=addressee,
    )
    return sha256(row["subject"]).hexdigest() if row["subject"] else ""


async def exchange_found(ground: Ground) -> Finding:
    """The exchange was named."""
    if ground.answer("exchange") == ground.fact("request_id"):
        return done("別人の情報が届いた照会を見つけた。", "The exchange with somebody else's information was found.")
    return missed(
        "答えた照会は、別人の情報が届いたものではない。",
        "The exchange named is not the one that brought somebody else's information.",
    )


async def linked(ground: Ground) -> Finding:
    """The addressee has the code that it had before."""
    code = code_of(ground, ground.fact("addressee"))
    if code == ground.fact("right_code"):
        return done(
            "宛名番号は、本人の符号に結び付いている。", "The addressee number is linked to the right person's code."
        )
    if code == ground.fact("wrong_code"):
        return missed(
            "宛名番号は、まだ別人の符号に結び付いている。",
            "The addressee number is still linked to the other person's code.",
        )
    if not code:
        return missed("結び付きを外したが、結び直していない。", "It was unlinked, and not linked anew.")
    return missed(
        "宛名番号は、また別の人の符号に結び付いている。",
        "The addressee number is now linked to yet another person's code.",
    )


async def asked_anew(ground: Ground) -> Finding:
    """The same was asked again, and it is in the right person's history."""
    item, before = ground.stage.book.rows[ROW].item, ground.fact("request_id")
    made = await looks.asked_again(ground, INSURER, ground.fact("addressee"), ground.fact("provider"), item, before)
    if made is None:
        return missed(
            "照会し直していない。案件の様式には、別人の世帯が入ったまま。",
            "Nothing was asked anew: the case's form still holds somebody else's household.",
        )
    if await ground.entry(ground.fact("dependant"), made.request_id) is None:
        return missed(
            "照会し直したが、結び直す前だったので、また別人についての照会になった。",
            "It was asked again, but before the link was put right: again about somebody else.",
        )
    return done("正しい人について照会し直した。", "The right person's information was asked for.")


async def corrected(ground: Ground) -> Finding:
    """The objection was answered, with a correcting entry."""
    other, letter, request_id = (ground.fact(name) for name in ("other", "letter", "request_id"))
    return await looks.letter_answered(ground, other, letter, request_id=request_id, corrected_by=INSURER)


async def reported(ground: Ground) -> Finding:
    """The insurer reported the leak: one person, no wrongful purpose."""
    names = [ground.fact(name) for name in ("dependant_name", "other_name", "addressee")]
    return await looks.leak_reported(ground, INSURER, persons=1, wrongful=False, names=names)


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
    shown=frozenset({"insurer", "provider"}),
    hidden=frozenset(
        {"case", "addressee", "dependant", "dependant_name", "other", "other_name", "request_id", "letter"}
        | {"right_code", "wrong_code"}
    ),
)
