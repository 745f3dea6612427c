"""Names: family names, given names by sex and year of birth, names of foreign residents, variant characters."""

import re
import tomllib
from bisect import bisect
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files

from warifu.simulator.population.dice import Dice, Table
from warifu.simulator.population.romanise import romanise


class Sex(IntEnum):
    """Sex as coded on the resident record."""

    MALE = 1
    FEMALE = 2


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the spelling of the resident record, its reading in full-width katakana, and Latin letters."""

    family: str
    given: str
    family_kana: str
    given_kana: str
    family_latin: str
    given_latin: str
    separator: str = "\u3000"
    """Between family and given name: an ideographic space, or an ASCII one where the record itself is in Latin letters."""

    @property
    def full(self) -> str:
        """The name as the record has it, family name first."""
        return f"{self.family}{self.separator}{self.given}"

    @property
    def kana(self) -> str:
        """The reading in full-width katakana, family name first."""
        return f"{self.family_kana}\u3000{self.given_kana}"

    @property
    def latin(self) -> str:
        """Upper-case Latin letters, family name first."""
        return f"{self.family_latin} {self.given_latin}"

    def with_family(self, other: "Name") -> "Name":
        """This given name with the other's family name."""
        return replace(self, family=other.family, family_kana=other.family_kana, family_latin=other.family_latin)


@dataclass(frozen=True, slots=True)
class Reading:
    """A part of a name: spelling, katakana, Latin letters."""

    text: str
    kana: str
    latin: str


@dataclass(frozen=True, slots=True)
class Nationality:
    """A nationality and the names that its people have here."""

    code: str
    ja: str
    en: str
    family: tuple[Reading, ...]
    given: dict[Sex, tuple[Reading, ...]]


# What a record may have instead of the common form. 𠮷 lies outside the Basic Multilingual Plane; the last character of
# 葛󠄀 is an ideographic variation selector, outside it too, that follows an ordinary character.
VARIANTS = {
    "高橋": "髙橋", "高木": "髙木", "高田": "髙田", "高野": "髙野", "高山": "髙山", "吉田": "𠮷田", "吉川": "𠮷川",
    "吉村": "𠮷村", "吉野": "𠮷野", "山崎": "山﨑", "岩崎": "岩﨑", "宮崎": "宮﨑", "川崎": "川﨑", "斎藤": "齋藤", "斉藤": "齊藤",
    "渡辺": "渡邊", "渡部": "渡邉", "田辺": "田邊", "浜田": "濵田", "桜井": "櫻井", "広瀬": "廣瀬", "小沢": "小澤", "滝沢": "瀧澤",
    "葛西": "葛\U000e0100西", "辻": "辻\U000e0100",
}  # fmt: skip


def family(dice: Dice, other_than: str = "") -> Reading:
    """A family name by rank, not the one given."""
    reading = dice.draw(family_table())
    while reading.text == other_than:
        reading = dice.draw(family_table())
    return reading


def variant_family(dice: Dice) -> Reading:
    """A family name in a variant spelling."""
    common = dice.pick(tuple(reading for reading in family_table().items if reading.text in VARIANTS))
    return replace(common, text=VARIANTS[common.text])


def given(dice: Dice, sex: Sex, birth_year: int) -> Reading:
    """A given name that was common for that sex and year of birth."""
    starts, tables = given_tables()[sex]
    return dice.draw(tables[bisect(starts, birth_year) - 1])


def one_character(dice: Dice, sex: Sex, birth_year: int) -> Name:
    """A name whose family and given parts are one character each."""
    starts, tables = given_tables()[sex]
    table = tables[bisect(starts, birth_year) - 1]
    return japanese(
        dice.pick(tuple(reading for reading in family_table().items if len(reading.text) == 1)),
        dice.pick(tuple(reading for reading in table.items if len(reading.text) == 1)),
    )


def japanese(family_part: Reading, given_part: Reading) -> Name:
    """A Japanese name of two parts."""
    return Name(
        family_part.text, given_part.text, family_part.kana, given_part.kana, family_part.latin, given_part.latin
    )  # fmt: skip


def foreign(family_part: Reading, given_part: Reading) -> Name:
    """A foreign resident's name in Latin letters."""
    return replace(japanese(family_part, given_part), separator=" ")


@lru_cache(maxsize=1)
def family_table() -> Table[Reading]:
    """All family names, with weights that fall with their rank."""
    lines = [line for line in _text("family_names.txt").splitlines() if not line.startswith("#")]
    readings = [_reading(entry) for line in lines for entry in line.split(",")]
    return Table((reading, 1 / (rank + 8)) for rank, reading in enumerate(readings))


@lru_cache(maxsize=1)
def given_tables() -> dict[Sex, tuple[tuple[int, ...], tuple[Table[Reading], ...]]]:
    """Per sex, the first years of the cohorts and their names."""
    cohorts: dict[Sex, list[tuple[int, Table[Reading]]]] = {Sex.MALE: [], Sex.FEMALE: []}
    for sex, start, body in re.findall(r"^\[(male|female) (\d+)\]\n([^\[]*)", _text("given_names.txt"), re.MULTILINE):
        entries = body.replace("\n", ",").strip(",").split(",")
        table = Table((_reading(entry), 1 / (rank + 6)) for rank, entry in enumerate(entries))
        cohorts[Sex[sex.upper()]].append((int(start), table))
    return {sex: (tuple(s for s, _ in rows), tuple(t for _, t in rows)) for sex, rows in cohorts.items()}


@lru_cache(maxsize=1)
def nationalities() -> Table[Nationality]:
    """The nationalities of foreign residents, by weight."""
    rows = tomllib.loads(_text("foreign_names.toml"))["nationality"]
    return Table((_nationality(row), row["weight"]) for row in rows)


def nationality(code: str) -> Nationality:
    """The nationality with that code; ``StopIteration`` when there is none."""
    return next(one for one in nationalities().items if one.code == code)


@lru_cache(maxsize=1)
def long_names() -> dict[Sex, tuple[str, Name]]:
    """Per sex, a nationality and a name of exactly 40 characters."""
    rows = tomllib.loads(_text("foreign_names.toml"))["long_name"]
    return {
        Sex(row["sex"]): (row["nationality"], foreign(_latin_reading(row["family"]), _latin_reading(row["given"])))
        for row in rows
    }


def _nationality(row: dict[str, list[str]]) -> Nationality:
    parts = {key: tuple(map(_latin_reading, row[key])) for key in ("family", "male", "female")}
    return Nationality(
        str(row["code"]),
        str(row["ja"]),
        str(row["en"]),
        parts["family"],
        {Sex.MALE: parts["male"], Sex.FEMALE: parts["female"]},
    )


def _reading(entry: str) -> Reading:
    text, kana = entry.split(" ")
    return Reading(text, kana, romanise(kana))


def _latin_reading(entry: str) -> Reading:
    """Latin letters, then katakana; either may be several words."""
    words = entry.split(" ")
    latin = [word for word in words if word.isascii()]
    kana = [word for word in words if not word.isascii()]
    return Reading(" ".join(latin), "\u3000".join(kana), " ".join(latin))


def _text(file: str) -> str:
    return (files("warifu.simulator.population") / file).read_text(encoding="utf-8")
