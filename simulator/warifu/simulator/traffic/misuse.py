"""Ten kinds of misuse, each as somebody with a clerk's terminal could truly do it: by the contract's own fields, through the front door.

What the law gate makes of each is not decided here. `says` tells what it is, for the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from warifu.law import Text
from warifu.law.model import Origin
from warifu.simulator.population.dice import Table
from warifu.simulator.traffic import mix
from warifu.simulator.traffic.crowd import Candidate
from warifu.simulator.traffic.frame import at
from warifu.simulator.traffic.mix import Incident
from warifu.simulator.traffic.plan import Draw, Intended, Truth

_OFFICE_HOURS: Final = (9, 16)
_EVENING: Final = (21, 22)
_TRIES: Final = 50
TAX, RESIDENT = "TM90000000000001", "TM90000000000002"


@dataclass(slots=True)
class Making:
    """One incident being made: whose it is, how many inquiries, when."""

    draw: Draw
    kind: str
    number: int
    size: int
    spread: timedelta
    """From the first inquiry to the last."""
    day: date

    def who(self, fits: Callable[[Candidate], bool] = lambda _: True) -> Candidate | None:
        """Somebody who could be asked about by a row that needs no approval; None when nobody fits."""
        for _ in range(_TRIES):
            _, found = self.draw.candidate(self.day)
            if self.draw.book.rows[found.row].origin is Origin.STATUTE and fits(found):
                return found
        return None

    def times(self, hours: tuple[int, int] = _OFFICE_HOURS) -> list[datetime]:
        """When: evenly from some moment of these hours on, or of the frame's one hour."""
        first, last = hours if self.draw.frame.hour is None or hours == _EVENING else (self.draw.frame.hour,) * 2
        room = max(0.0, (last - first + 1) * 3600.0 - self.spread.total_seconds())
        begin = at(self.day, first, self.draw.dice.unit() * room)
        apart = min(self.spread, timedelta(hours=last - first + 1)) / max(1, self.size)
        return [begin + apart * number for number in range(self.size)]

    def truth(self, case: str = "") -> Truth:
        """Of each inquiry of it."""
        return Truth(case, "misuse", self.kind, self.number)

    def ask(self, found: Candidate, when: datetime, clerk: str, case: str | None = None) -> Intended:
        """An inquiry that looks like any other: with a case that was made up, unless one is named."""
        named = self.draw.case(self.day) if case is None else case
        return self.draw.inquiry(found, when, clerk, named, self.truth())


Make = Callable[[Making], Sequence[Intended]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of misuse."""

    name: str
    title: Text
    says: Text
    make: Make


def _looks(one: Making, hours: tuple[int, int] = _OFFICE_HOURS, case: str | None = None) -> list[Intended]:
    """One clerk looks up one or more people whom the institution knows."""
    found = one.who(lambda other: len(one.draw.crowd.beside(other)) >= one.size) or one.who()
    if found is None:
        return []
    clerk, others = one.draw.clerk(found.requester), _people_of(one, found)
    return [one.ask(others[n % len(others)], when, clerk, case) for n, when in enumerate(one.times(hours))]


def _browsing(one: Making) -> list[Intended]:
    return _looks(one, case="")


def _off_hours(one: Making) -> list[Intended]:
    return _looks(one, _EVENING)


def _false_purpose(one: Making) -> list[Intended]:
    found = one.who(lambda other: bool(_pretexts(one, other)))
    if found is None:
        return []
    row, requester = one.draw.dice.pick(_pretexts(one, found))
    pretended = replace(found, row=row, requester=requester)
    clerk = one.draw.clerk(requester)
    return [one.ask(pretended, when, clerk) for when in one.times()]


def _pretexts(one: Making, found: Candidate) -> list[tuple[str, str]]:
    """Rows by which an office of the same body might ask the same provider for the same item, though nothing in the person's life gives it cause."""
    rows, institutions = one.draw.book.rows, one.draw.book.institutions
    own, asked = institutions[found.requester].operator, institutions[found.provider].role.code
    return [
        (row.id, office)
        for row in (rows[used.row] for used in one.draw.mix.rows)
        if row.item == rows[found.row].item and asked in row.provider_roles and row.origin is Origin.STATUTE
        for office, other in institutions.items()
        if other.operator == own
        and other.role.code in row.requester_roles
        and not one.draw.crowd.gives_cause(row.id, office, found.person)
    ]


def _harvesting(one: Making) -> list[Intended]:
    return _looks(one)


def _people_of(one: Making, found: Candidate) -> list[Candidate]:
    """As many people as the incident has inquiries, or as many as there are, whom the same institution could ask about by the same row."""
    others = [other for other in one.draw.crowd.beside(found) if other.person != found.person]
    for place in range(min(one.size - 1, len(others))):  # the first of a shuffle
        chosen = one.draw.dice.whole(place, len(others) - 1)
        others[place], others[chosen] = others[chosen], others[place]
    return [found, *others[: one.size - 1]]


def _repeated(one: Making) -> list[Intended]:
    found = one.who()
    if found is None:
        return []
    clerk = one.draw.clerk(found.requester)
    return [one.ask(found, when, clerk) for when in one.times()]


def _over_asking(one: Making) -> list[Intended]:
    found = one.who(lambda other: not _gives_more(one, other))
    if found is None:
        return []
    clerk = one.draw.clerk(found.requester)
    item, provider = _more(one, found)
    return [replace(one.ask(found, when, clerk), item=item, provider=provider) for when in one.times()]


def _gives_more(one: Making, found: Candidate) -> bool:
    """Whether the procedure of this row has another row, by which it gives what `_more` asks for."""
    rows = one.draw.book.rows
    procedure, item = rows[found.row].procedure, _other_item(one, found)
    return any(row.procedure == procedure and row.item == item for row in rows.values())


def _other_item(one: Making, found: Candidate) -> str:
    return RESIDENT if one.draw.book.rows[found.row].item == TAX else TAX


def _more(one: Making, found: Candidate) -> tuple[str, str]:
    """An item that the row does not give, and an office of another body that has it."""
    item = _other_item(one, found)
    kind = "residency" if item == RESIDENT else "tax"
    own = one.draw.book.institutions[found.requester].operator
    offices = [
        code for code, other in one.draw.book.institutions.items() if other.role.code == kind and other.operator != own
    ]
    return item, one.draw.dice.pick(offices)


def _borrowed_code(one: Making) -> list[Intended]:
    return _looks(one)


def _own_family(one: Making) -> list[Intended]:
    found = one.who(lambda other: len(one.draw.crowd.family[other.person]) > 1)
    if found is None:
        return []
    clerk = one.draw.clerk(found.requester)
    household = set(one.draw.crowd.family[found.person])
    kin = [other for other in one.draw.crowd.beside(found) if other.person in household]
    return [one.ask(kin[n % len(kin)], when, clerk) for n, when in enumerate(one.times())]


def _closed_case(one: Making) -> list[Intended]:
    found = one.who()
    if found is None:
        return []
    clerk = one.draw.clerk(found.requester)
    return [replace(one.ask(found, when, clerk, case=""), closed_case=True) for when in one.times()]


def _pretence(one: Making) -> list[Intended]:
    found = one.who(lambda other: bool(_likes(one, other)))
    if found is None:
        return []
    claims, clerk = one.draw.dice.pick(_likes(one, found)), one.draw.clerk(found.requester)
    return [replace(one.ask(found, when, clerk), claims=claims) for when in one.times()]


def _likes(one: Making, found: Candidate) -> list[str]:
    """Other institutions in whose name one might ask."""
    return [code for code in one.draw.book.institutions if code not in {found.requester, found.provider}]


KINDS: Final = (
    Kind(
        "browsing",
        Text("案件なしの閲覧", "Browsing without a case"),
        Text(
            "有名な人や近所の人を、案件もないのに調べる。案件番号は付けない。",
            "A clerk looks up somebody known or near, without a case, and names none.",
        ),
        _browsing,
    ),
    Kind(
        "off-hours",
        Text("時間外の閲覧", "Look-ups off hours"),
        Text(
            "窓口が閉まった夜に、架空の案件番号で調べる。",
            "In the evening, when the counter is closed, by cases that were made up.",
        ),
        _off_hours,
    ),
    Kind(
        "false-purpose",
        Text("目的を偽った照会", "A false purpose"),
        Text(
            "その人とは関係のない手続を選び、認められる形で照会する。",
            "By a procedure that has nothing to do with the person, in a form that the table permits.",
        ),
        _false_purpose,
    ),
    Kind(
        "harvesting",
        Text("名寄せ・大量収集", "Harvesting"),
        Text(
            "一人の職員が、短い間に多くの人を次々に調べる。",
            "One clerk looks up many people, one after the other, within minutes.",
        ),
        _harvesting,
    ),
    Kind(
        "repeated",
        Text("同じ人への繰返し", "The same person again and again"),
        Text("同じ人を、一日に何度も調べる。", "One clerk looks up one person many times in a day."),
        _repeated,
    ),
    Kind(
        "over-asking",
        Text("必要を超えた情報", "More than the procedure needs"),
        Text(
            "その手続に認められていない種類の情報を求める。",
            "The procedure's own row does not give the item that is asked for.",
        ),
        _over_asking,
    ),
    Kind(
        "borrowed-code",
        Text("他人の職員番号", "Another's staff code"),
        Text("同僚の職員番号で照会する。", "The inquiry names a colleague's staff code."),
        _borrowed_code,
    ),
    Kind(
        "own-family",
        Text("自分の家族", "The clerk's own family"),
        Text("職員が、自分の世帯の人を調べる。", "A clerk looks up people of the clerk's own household."),
        _own_family,
    ),
    Kind(
        "closed-case",
        Text("終わった案件", "A case that is closed"),
        Text(
            "決定が終わった案件の番号で、そのあとに照会する。案件は実際に開いて閉じる。",
            "By the number of a case that was decided before; it is truly opened and closed.",
        ),
        _closed_case,
    ),
    Kind(
        "pretence",
        Text("他機関の名義", "Another institution's name"),
        Text(
            "自機関の証明書で、別の機関の名で照会する。",
            "Under the own certificate, in the name of another institution.",
        ),
        _pretence,
    ),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}
ALL_KINDS: Final = sum(mix.packaged().misuse[kind.name].least for kind in KINDS)
"""As many inquiries as the smallest incidents of all kinds have."""


def draw_misuse(draw: Draw, count: int) -> list[Intended]:
    """At most `count` inquiries of misuse, by incidents: every kind in turn, in a random order, for as long as there is room.

    When there is little room the first incident of each kind is as small as it can be, and small kinds come first, so that as many kinds as
    have room occur: all ten from 20 inquiries on, with the sizes of mix.toml.
    """
    sizes, made, number = draw.mix.misuse, list[Intended](), 0
    order = _shuffled(draw)
    tight = count < sum(sizes[kind.name].most for kind in KINDS)
    first = True
    while len(made) < count:
        before = len(made)
        for kind in sorted(order, key=lambda one: sizes[one.name].least) if tight and first else order:
            left = count - len(made)
            if sizes[kind.name].least > left:
                continue
            number += 1
            made += _incident(draw, kind, number, _size(draw, sizes, kind, left, least=tight and first))
        first = False
        if len(made) == before:
            break
    return made


def _shuffled(draw: Draw) -> list[Kind]:
    return sorted(KINDS, key=lambda _: draw.dice.unit())


def _size(draw: Draw, sizes: Mapping[str, Incident], kind: Kind, left: int, *, least: bool) -> int:
    size = sizes[kind.name]
    return size.least if least else min(left, draw.dice.whole(size.least, size.most))


def _incident(draw: Draw, kind: Kind, number: int, size: int) -> Sequence[Intended]:
    days = [(day, weight) for day in draw.frame.days if (weight := draw.mix.day(day)) > 0]
    day = draw.dice.draw(Table(days)) if len(days) > 1 else days[0][0]
    spread = timedelta(minutes=draw.mix.misuse[kind.name].minutes)
    return kind.make(Making(draw, kind.name, number, size, spread, day))
