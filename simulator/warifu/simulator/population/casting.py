"""The cast: people whom scenarios need, the first of every population, with the same lives and handles whatever the seed.

Only names and addresses differ between seeds. ``CAST`` says who each role is.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

from warifu.simulator.population import life
from warifu.simulator.population.drafts import Family
from warifu.simulator.population.model import SupportMeasure
from warifu.simulator.population.roles import MAN, WOMAN, Script, own_business, part_time, staff

CAST: Final[dict[str, tuple[str, str]]] = {
    "mover": (
        "引っ越す世帯の世帯主",
        "works and lives in Aonagi City since 2015, with spouse and two children; free to move",
    ),
    "mover-spouse": ("その妻", "the mover's wife, a dependant with a part-time job"),
    "mover-child": ("その長女", "the mover's elder child"),
    "mover-child-2": ("その長男", "the mover's younger child"),
    "dependant": ("被扶養者（毎年の確認の対象）", "a dependant wife in Shirashio City, due for the yearly check"),
    "dependant-worker": ("被保険者である夫", "the worker through whom she is insured"),
    "dependant-child": ("その子", "their child, a dependant"),
    "dependant-parent": ("その母（認定待ち）", "the worker's mother, still in the municipal scheme: a candidate"),
    "protected": ("支援措置の対象者", "has a support measure since October 2023; lives in Omio City"),
    "protected-child": ("その子", "the protected person's child"),
    "protected-proxy": ("その母（代理人になれる）", "the protected person's mother, who could be a proxy"),
    "protected-twin": ("比較のための同型の人", "the same life as the protected person, without a support measure"),
    "protected-twin-child": ("その子", "the twin's child"),
    "protected-twin-proxy": ("その母（代理人になれる）", "the twin's mother, who could be a proxy"),
    "leaked-number": ("個人番号を変更する人", "a worker in Omio City whose individual number will leak"),
    "changed-resident-code": ("住民票コードを変更する人", "a worker in Omio City who will ask for a new resident code"),
    "changed-resident-code-spouse": ("その妻", "that worker's wife, a dependant"),
    "same-city": ("同一市内の照会の対象者", "self-employed in Aonagi City, insured by the same city"),
    "same-city-spouse": ("その夫", "her husband, insured by the same city"),
    "refused": ("拒否される照会の対象者", "self-employed in Shirashio City, about whom is asked what no row allows"),
    "refused-spouse": ("その夫", "her husband, in the same municipal scheme"),
}
"""Role: who it is in Japanese and English. The trait is ``cast:<role>``."""


def _mover(script: Script) -> None:
    father = script.person(
        MAN, date(1984, 6, 12), jobs=[staff("minato-seiki", 5_280_000, date(2010, 4, 1))], traits=["cast:mover"]
    )
    mother = script.person(
        WOMAN,
        date(1986, 11, 3),
        jobs=[part_time("okawa-store", 900_000, date(2018, 5, 1))],
        traits=["cast:mover-spouse"],
    )
    script.couple(father, mother)
    both = (father, mother)
    script.person(WOMAN, date(2012, 8, 20), parents=both, traits=["cast:mover-child"])
    script.person(MAN, date(2016, 2, 9), parents=both, traits=["cast:mover-child-2"])
    script.settle("aonagi", date(2015, 3, 28))


def _dependant(script: Script) -> None:
    worker = script.person(
        MAN,
        date(1979, 1, 25),
        jobs=[staff("tomoshibi-software", 6_410_000, date(2006, 10, 1))],
        traits=["cast:dependant-worker"],
    )
    wife = script.person(WOMAN, date(1981, 9, 8), traits=["cast:dependant"])
    script.couple(worker, wife)
    script.person(WOMAN, date(2011, 5, 30), parents=(worker, wife), traits=["cast:dependant-child"])
    mother = script.person(
        WOMAN,
        date(1957, 7, 19),
        jobs=[part_time("shiro-care", 1_080_000, date(2014, 4, 1), date(2025, 4, 1))],
        pension=1_176_000,
        traits=["cast:dependant-parent"],
    )
    mother.declined = True
    script.child_of(worker, mother=mother)
    script.settle("shirashio", date(2012, 11, 3))


def _protected_life(script: Script, role: str, *, measure: bool) -> None:
    """A woman, her son and her mother, who left Aonagi City for Omio City in September 2023."""
    woman = script.person(
        WOMAN, date(1990, 5, 17), jobs=[staff("okawa-store", 3_120_000, date(2021, 4, 1))], traits=[f"cast:{role}"]
    )
    script.person(MAN, date(2015, 10, 4), parents=(None, woman), traits=[f"cast:{role}-child"])
    mother = script.person(
        WOMAN,
        date(1963, 2, 22),
        jobs=[part_time("ashi-foods", 900_000, date(2016, 6, 1))],
        traits=[f"cast:{role}-proxy"],
    )
    script.child_of(woman, mother=mother)
    home = script.settle("aonagi", date(2014, 4, 20))
    omio = script.family.world.by_key["omio"]
    life.move_between(script.family, home, omio, date(2023, 9, 15))
    if measure:
        woman.support = SupportMeasure(omio.lg_code, date(2023, 10, 2), date(2026, 10, 2))


def _leaked_number(script: Script) -> None:
    script.person(
        WOMAN, date(1995, 3, 11), jobs=[staff("ashi-foods", 3_610_000, date(2018, 4, 1))], traits=["cast:leaked-number"]
    )
    script.settle("omio", date(2018, 3, 25))


def _changed_resident_code(script: Script) -> None:
    man = script.person(
        MAN,
        date(1972, 12, 1),
        jobs=[staff("mio-transit", 4_690_000, date(1999, 4, 1))],
        traits=["cast:changed-resident-code"],
    )
    wife = script.person(
        WOMAN,
        date(1974, 4, 14),
        jobs=[part_time("okawa-store", 840_000, date(2012, 9, 1))],
        traits=["cast:changed-resident-code-spouse"],
    )
    script.couple(man, wife)
    script.settle("omio", date(2003, 5, 2))


def _same_city(script: Script) -> None:
    woman = script.person(
        WOMAN, date(1968, 10, 27), jobs=[own_business(3_350_000, date(2001, 7, 1))], traits=["cast:same-city"]
    )
    husband = script.person(
        MAN, date(1966, 6, 6), jobs=[own_business(1_900_000, date(2001, 7, 1))], traits=["cast:same-city-spouse"]
    )
    script.couple(woman, husband)
    script.settle("aonagi", date(2001, 6, 16))


def _refused(script: Script) -> None:
    woman = script.person(
        WOMAN, date(1988, 8, 15), jobs=[own_business(3_140_000, date(2013, 2, 1))], traits=["cast:refused"]
    )
    husband = script.person(
        MAN, date(1987, 1, 9), jobs=[own_business(2_820_000, date(2013, 2, 1))], traits=["cast:refused-spouse"]
    )
    script.couple(woman, husband)
    script.settle("shirashio", date(2017, 9, 30))


CAST_FAMILIES: Final[tuple[Callable[[Script], None], ...]] = (
    _mover,
    _dependant,
    lambda script: _protected_life(script, "protected", measure=True),
    lambda script: _protected_life(script, "protected-twin", measure=False),
    _leaked_number,
    _changed_resident_code,
    _same_city,
    _refused,
)


def build_cast(family: Family) -> None:
    """Write the cast family whose place is ``family.index``."""
    CAST_FAMILIES[family.index](Script(family))
