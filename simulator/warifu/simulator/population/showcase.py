"""The showcase: families written so that every trait occurs in a population of two hundred, each once at least."""

from collections.abc import Callable
from datetime import date
from typing import Final

from warifu.simulator.population import life, names
from warifu.simulator.population.dice import Dice
from warifu.simulator.population.drafts import Draft, Family
from warifu.simulator.population.model import ForeignResident, SupportMeasure
from warifu.simulator.population.names import Name, Nationality, Reading, Sex
from warifu.simulator.population.roles import MAN, WOMAN, Script, own_business, part_time, staff


def _nine(script: Script) -> None:
    father = script.person(MAN, date(1980, 3, 3), jobs=[staff("kaya-wood", 4_200_000, date(2002, 4, 1))])
    mother = script.person(WOMAN, date(1982, 7, 21))
    script.couple(father, mother)
    for birth, sex in (
        (date(2007, 5, 9), WOMAN),
        (date(2009, 9, 1), MAN),
        (date(2012, 1, 17), WOMAN),
        (date(2015, 6, 30), MAN),
        (date(2018, 12, 24), WOMAN),
    ):
        script.person(sex, birth, parents=(father, mother))
    grandfather = script.person(MAN, date(1948, 4, 29), pension=1_520_000)
    grandmother = script.person(WOMAN, date(1952, 2, 29), pension=780_000)
    script.couple(grandfather, grandmother)
    script.child_of(father, father=grandfather, mother=grandmother)
    script.settle("kayano", date(2004, 10, 10))


def homonym_name(seed: str) -> Name:
    """The name that both homonyms of a population have."""
    dice = Dice(seed, "homonyms")
    return names.japanese(names.family(dice), names.given(dice, Sex.FEMALE, 1975))


def _homonym(script: Script, municipality: str, employer: str, since: date) -> None:
    script.person(
        WOMAN,
        date(1975, 11, 11),
        jobs=[staff(employer, 3_480_000, date(2005, 4, 1))],
        name=homonym_name(script.family.dice.seed),
        traits=["homonym"],
    )
    script.settle(municipality, since)


def _foreign_couple(script: Script) -> None:
    nationality = names.nationality("BR")
    man = _foreigner(script, nationality, MAN, date(1983, 2, 14), ("永住者", "Permanent Resident"), None)
    man.jobs = [staff("minato-seiki", 4_310_000, date(2008, 6, 1))]
    woman = _foreigner(script, nationality, WOMAN, date(1985, 8, 5), ("永住者", "Permanent Resident"), None)
    script.couple(man, woman)
    script.settle("aonagi", date(2010, 1, 30))


def _foreign_student(script: Script) -> None:
    student = ("留学", "Student")
    person = _foreigner(
        script, names.nationality("NP"), WOMAN, date(2003, 6, 18), student, date(2027, 3, 31), alias=False
    )
    person.jobs = [part_time("okawa-store", 880_000, date(2024, 6, 1))]
    script.settle("omio", date(2024, 4, 2))


def _long_name(script: Script) -> None:
    code, name = names.long_names()[WOMAN]
    engineer = ("技術・人文知識・国際業務", "Engineer/Specialist in Humanities/International Services")
    stay_until = date(2028, 9, 30)
    person = _foreigner(
        script, names.nationality(code), WOMAN, date(1992, 12, 8), engineer, stay_until, alias=False, name=name
    )
    person.jobs = [staff("tomoshibi-software", 5_150_000, date(2020, 10, 1))]
    script.settle("omio", date(2020, 9, 12))


def _foreigner(
    script: Script,
    nationality: Nationality,
    sex: Sex,
    birth: date,
    status: tuple[str, str],
    stay_until: date | None,
    *,
    alias: bool = True,
    name: Name | None = None,
) -> Draft:
    dice = script.family.dice
    own = name or names.foreign(dice.pick(nationality.family), dice.pick(nationality.given[sex]))
    person = script.person(sex, birth, name=own)
    called = names.japanese(names.family(dice), names.given(dice, sex, birth.year)) if alias else None
    person.foreign = ForeignResident(nationality.code, nationality.ja, nationality.en, *status, stay_until, called)
    return person


def _outside_the_bmp(script: Script) -> None:
    man = script.person(MAN, date(1991, 7, 7), jobs=[staff("mio-transit", 4_020_000, date(2014, 4, 1))])
    woman = script.person(WOMAN, date(1993, 4, 3), jobs=[part_time("okawa-store", 1_010_000, date(2019, 4, 1))])
    script.couple(man, woman)
    script.settle("omio", date(2018, 11, 22))


def _variation_selector(script: Script) -> None:
    script.person(MAN, date(1959, 9, 9), jobs=[own_business(2_700_000, date(1990, 1, 5))], pension=650_000)
    script.settle("kayano", date(1988, 4, 4))


def _one_character(script: Script) -> None:
    birth = date(2000, 8, 30)
    name = names.one_character(script.family.dice, MAN, birth.year)
    script.person(MAN, birth, name=name, jobs=[staff("ashi-foods", 3_300_000, date(2023, 4, 1))])
    script.settle("shirashio", date(2023, 3, 26))


def _former_surname(script: Script) -> None:
    """She marries in 2021, takes his name and keeps her own beside it on the record."""
    woman = script.person(WOMAN, date(1994, 5, 1), jobs=[staff("tomoshibi-software", 4_880_000, date(2017, 4, 1))])
    home = script.settle("aonagi", date(2017, 3, 20))
    dice = script.family.dice
    groom = script.person(
        MAN,
        date(1992, 10, 12),
        name=names.japanese(names.family(dice, woman.name.family), names.given(dice, MAN, 1992)),
        jobs=[staff("minato-seiki", 4_700_000, date(2015, 4, 1))],
    )
    maiden = woman.name
    life.wed(script.family, woman, groom, date(2021, 6, 18), takes=groom)
    woman.former_surname = Reading(maiden.family, maiden.family_kana, maiden.family_latin)
    assert home.head_on(date(2021, 6, 18)) is woman, "she stays head of her home"


def _assistance_alone(script: Script) -> None:
    script.person(MAN, date(1961, 1, 6), jobs=[staff("mio-transit", 3_100_000, date(1995, 4, 1), date(2021, 1, 1))])
    script.settle("omio", date(1996, 8, 8))
    script.family.assistance = (date(2021, 3, 15), None)


def _assistance_for_a_while(script: Script) -> None:
    mother = script.person(WOMAN, date(1989, 9, 19), jobs=[part_time("ashi-foods", 720_000, date(2022, 5, 1))])
    script.person(WOMAN, date(2014, 3, 31), parents=(None, mother))
    script.settle("shirashio", date(2019, 8, 1))
    script.family.assistance = (date(2024, 9, 2), date(2025, 12, 1))


def _old_couple(script: Script) -> None:
    """He turned 75 in 2024, she is younger: two insurers in one home."""
    man = script.person(MAN, date(1949, 5, 20), pension=1_980_000)
    woman = script.person(WOMAN, date(1953, 8, 2), pension=820_000)
    script.couple(man, woman)
    script.settle("aonagi", date(1979, 4, 15))


def _moved(script: Script) -> None:
    father = script.person(MAN, date(1985, 12, 31), jobs=[own_business(3_900_000, date(2012, 4, 1))])
    mother = script.person(WOMAN, date(1986, 1, 1))
    script.couple(father, mother)
    script.person(MAN, date(2017, 4, 1), parents=(father, mother))
    home = script.settle("aonagi", date(2014, 7, 12))
    life.move_between(script.family, home, script.family.world.by_key["shirashio"], date(2022, 8, 27))


def _moved_after_january(script: Script) -> None:
    """The tax office of FY2026 is not that of the new home."""
    script.person(
        MAN, date(1998, 2, 28), jobs=[staff("kaya-wood", 3_150_000, date(2020, 4, 1), date(2026, 2, 1))]
    )  # fmt: skip
    home = script.settle("kayano", date(2020, 3, 28))
    life.move_between(script.family, home, script.family.world.by_key["omio"], date(2026, 2, 14))


def _baby(script: Script) -> None:
    father = script.person(MAN, date(1993, 9, 3), jobs=[staff("ashi-foods", 4_080_000, date(2016, 4, 1))])
    mother = script.person(WOMAN, date(1995, 6, 25), jobs=[staff("okawa-store", 3_260_000, date(2018, 4, 1))])
    script.couple(father, mother)
    script.settle("omio", date(2022, 5, 14))
    life.bear(script.family, mother, date(2025, 12, 3))


def _protected(script: Script) -> None:
    mother = script.person(WOMAN, date(1987, 4, 22), jobs=[part_time("shiro-care", 1_180_000, date(2022, 10, 1))])
    script.person(MAN, date(2010, 2, 2), parents=(None, mother))
    script.settle("kayano", date(2022, 9, 17))
    kayano = script.family.world.by_key["kayano"].lg_code
    mother.support = SupportMeasure(kayano, date(2022, 10, 3), date(2026, 10, 3))


def _per_capita_only(script: Script) -> None:
    woman = script.person(WOMAN, date(1971, 3, 8), jobs=[own_business(970_000, date(2010, 4, 1))])
    husband = script.person(MAN, date(1969, 12, 12))
    script.couple(woman, husband)
    script.settle("kayano", date(2006, 6, 6))


def _undeclared(script: Script) -> None:
    person = script.person(MAN, date(1978, 6, 15))
    person.undeclaring = True
    script.settle("omio", date(2011, 1, 11))


def _widow(script: Script) -> None:
    man = script.person(MAN, date(1945, 10, 3), pension=1_730_000)
    woman = script.person(WOMAN, date(1947, 11, 29), pension=740_000)
    script.couple(man, woman)
    script.settle("shirashio", date(1974, 3, 9))
    life.die(script.family, man, date(2023, 11, 5))


def _moved_out(script: Script) -> None:
    man = script.person(
        MAN, date(1990, 1, 15), jobs=[staff("tomoshibi-software", 5_020_000, date(2013, 4, 1))]
    )  # fmt: skip
    woman = script.person(WOMAN, date(1991, 2, 16), jobs=[part_time("okawa-store", 1_000_000, date(2016, 4, 1))])
    script.couple(man, woman)
    home = script.settle("aonagi", date(2016, 2, 27))
    life.move_out(script.family, home, date(2024, 8, 24))


def _moved_in_and_within(script: Script) -> None:
    script.person(WOMAN, date(1997, 10, 31), jobs=[staff("mio-transit", 3_540_000, date(2020, 4, 1))])
    home = script.settle("omio", date(2023, 4, 3))
    life.move_within(script.family, home, date(2025, 3, 22))


def _single_parent(script: Script) -> None:
    father = script.person(MAN, date(1983, 3, 30), jobs=[staff("minato-seiki", 4_450_000, date(2006, 4, 1))])
    script.person(MAN, date(2013, 7, 15), parents=(father, None))
    script.settle("aonagi", date(2013, 2, 11))


def _defacto(script: Script) -> None:
    woman = script.person(WOMAN, date(1984, 1, 20), jobs=[staff("ashi-foods", 4_240_000, date(2007, 4, 1))])
    dice = script.family.dice
    name = names.japanese(names.family(dice, woman.name.family), names.given(dice, MAN, 1982))
    man = script.person(MAN, date(1982, 5, 5), name=name)
    script.couple(woman, man, registered=False)
    script.settle("omio", date(2016, 10, 1))


def _job_changer(script: Script) -> None:
    """Two jobs with four months between: 国保 between two spells at the employees' insurer."""
    script.person(
        MAN,
        date(1981, 11, 17),
        jobs=[
            staff("okawa-store", 3_900_000, date(2009, 4, 1), date(2023, 4, 1)),
            staff("mio-transit", 4_100_000, date(2023, 8, 1)),
        ],
    )
    script.settle("omio", date(2009, 3, 21))


def _reading(text: str, kana: str, latin: str) -> Callable[[Dice], Reading]:
    return lambda _dice: Reading(text, kana, latin)


SHOWCASE: Final[tuple[tuple[Callable[[Script], None], Callable[[Dice], Reading]], ...]] = (
    (_nine, names.family),
    (lambda script: _homonym(script, "aonagi", "minato-seiki", date(2008, 5, 5)), names.family),
    (lambda script: _homonym(script, "omio", "mio-transit", date(2011, 9, 9)), names.family),
    (_foreign_couple, names.family),
    (_foreign_student, names.family),
    (_long_name, names.family),
    (_outside_the_bmp, _reading("𠮷田", "ヨシダ", "YOSHIDA")),
    (_variation_selector, _reading("葛\U000e0100西", "カサイ", "KASAI")),
    (_one_character, names.family),
    (_former_surname, names.family),
    (_assistance_alone, names.family),
    (_assistance_for_a_while, names.variant_family),
    (_old_couple, names.family),
    (_moved, names.family),
    (_moved_after_january, names.family),
    (_baby, names.family),
    (_protected, names.family),
    (_per_capita_only, names.family),
    (_undeclared, names.family),
    (_widow, names.family),
    (_moved_out, names.family),
    (_moved_in_and_within, names.family),
    (_single_parent, names.family),
    (_defacto, names.family),
    (_job_changer, names.family),
)
"""The families in order, each with how its family name is found."""


def build_showcase(family: Family, position: int) -> None:
    """Write the showcase family at ``position``."""
    build, reading = SHOWCASE[position]
    build(Script(family, reading(family.dice)))
