"""The fictional country: municipalities, insurers, employers, and the codes that follow from them (``world.toml``)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from warifu.numbers import corporate_number, insurer_number, local_government_code
from warifu.simulator.population.dice import Table


@dataclass(frozen=True, slots=True)
class Operator:
    """The body that runs institutions; two institutions of one operator are one body."""

    ja: str
    en: str
    corporate_number: str


@dataclass(frozen=True, slots=True)
class Town:
    """A part of a municipality. ``chome`` is how many numbered blocks it has, 0 for none."""

    ja: str
    kana: str
    en: str
    postal_code: str
    chome: int


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to live: a municipality here or elsewhere, with its towns. Names include the prefecture."""

    lg_code: str
    ja: str
    en: str
    towns: tuple[Town, ...]


@dataclass(frozen=True, slots=True)
class Municipality:
    """A fictional municipality and the three institutions that it runs."""

    key: str
    place: Place
    ja: str
    kana: str
    en: str
    operator: Operator
    nhi_insurer_number: str
    designated: bool
    """A designated city: income levy of 8 % + 2 % instead of 6 % + 4 %."""
    share: float
    declared_population: int

    @property
    def lg_code(self) -> str:
        """Six-digit local-government code."""
        return self.place.lg_code

    @property
    def residency(self) -> str:
        """Institution code of the residency office."""
        return f"residency-{self.lg_code}"

    @property
    def tax(self) -> str:
        """Institution code of the tax office."""
        return f"tax-{self.lg_code}"

    @property
    def nhi(self) -> str:
        """Institution code of the municipal health insurance (国保)."""
        return f"nhi-{self.lg_code}"

    @property
    def nhi_symbol(self) -> str:
        """Symbol (記号) on the certificates of the municipal health insurance: the name without 市 or 町."""
        return self.ja[:-1]


@dataclass(frozen=True, slots=True)
class Insurer:
    """The employees' insurer or the wide-area union for people of 75 and over."""

    kind: str
    number: str
    ja: str
    en: str
    operator: Operator
    declared_population: int

    @property
    def code(self) -> str:
        """Institution code."""
        return f"{self.kind}-{self.number}"


@dataclass(frozen=True, slots=True)
class Employer:
    """A fictional employer whose staff belong to the employees' insurer."""

    key: str
    corporate_number: str
    ja: str
    en: str
    municipality: str
    weight: float
    salary: int
    """Median yearly pay at 40, yen."""
    symbol: str


@dataclass(frozen=True)
class World:
    """Everything in ``world.toml``. Numbers and their check digits are verified on reading."""

    municipalities: tuple[Municipality, ...]
    employees_insurer: Insurer
    union: Insurer
    employers: tuple[Employer, ...]
    elsewhere: tuple[Place, ...]

    @cached_property
    def by_code(self) -> Mapping[str, Municipality]:
        """Municipalities by local-government code."""
        return {municipality.lg_code: municipality for municipality in self.municipalities}

    @cached_property
    def by_key(self) -> Mapping[str, Municipality]:
        """Municipalities by key, such as ``aonagi``."""
        return {municipality.key: municipality for municipality in self.municipalities}

    @cached_property
    def employer_by_key(self) -> Mapping[str, Employer]:
        """Employers by key."""
        return {employer.key: employer for employer in self.employers}

    @cached_property
    def employer_table(self) -> Table[Employer]:
        """Employers, to draw from by weight."""
        return Table((employer, employer.weight) for employer in self.employers)

    @cached_property
    def municipality_table(self) -> Table[Municipality]:
        """Municipalities, to draw from by share."""
        return Table((municipality, municipality.share) for municipality in self.municipalities)

    @cached_property
    def institutions(self) -> tuple[str, ...]:
        """The codes of all institutions, municipality by municipality, then the two insurers."""
        own = tuple(code for m in self.municipalities for code in (m.residency, m.tax, m.nhi))
        return (*own, self.employees_insurer.code, self.union.code)


@lru_cache(maxsize=1)
def load_world() -> World:
    """The world of this package's ``world.toml``."""
    return parse_world((files("warifu.simulator.population") / "world.toml").read_text(encoding="utf-8"))


def parse_world(text: str) -> World:
    """A world from TOML. ``NumberError`` for a number that is not well-formed or not fictional."""
    data = tomllib.loads(text)
    prefectures = {row["code"]: row for row in data["prefecture"]}
    insurers = {row["kind"]: _insurer(row) for row in data["insurer"]}
    return World(
        municipalities=tuple(_municipality(row, prefectures[row["prefecture"]]) for row in data["municipality"]),
        employees_insurer=insurers["insurer"],
        union=insurers["union"],
        employers=tuple(_employer(row) for row in data["employer"]),
        elsewhere=tuple(_place(row, row["ja"], row["en"]) for row in data["elsewhere"]),
    )


def _municipality(row: dict[str, Any], prefecture: dict[str, Any]) -> Municipality:
    ja, en = prefecture["ja"] + row["ja"], f"{row['en']}, {prefecture['en']}"
    return Municipality(
        key=row["key"],
        place=_place(row, ja, en),
        ja=row["ja"],
        kana=row["kana"],
        en=row["en"],
        operator=_operator(row["operator"]),
        nhi_insurer_number=insurer_number.check(row["nhi_insurer_number"]),
        designated=row["designated"],
        share=row["share"],
        declared_population=row["declared_population"],
    )


def _place(row: dict[str, Any], ja: str, en: str) -> Place:
    towns = tuple(Town(t["ja"], t["kana"], t["en"], t["postal_code"], t["chome"]) for t in row["towns"])
    return Place(local_government_code.check(row["lg_code"]), ja, en, towns)


def _insurer(row: dict[str, Any]) -> Insurer:
    number = insurer_number.check(row["number"])
    return Insurer(
        row["kind"], number, row["ja"], row["en"], _operator(row["operator"]), row["declared_population"]
    )  # fmt: skip


def _employer(row: dict[str, Any]) -> Employer:
    corporate_number.check(row["corporate_number"])
    local_government_code.check(row["municipality"])
    return Employer(**row)


def _operator(row: dict[str, Any]) -> Operator:
    return Operator(row["ja"], row["en"], corporate_number.check(row["corporate_number"]))
