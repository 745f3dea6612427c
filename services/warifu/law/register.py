"""The register of institutions: `institutions.toml` read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from warifu.law.model import Institution, Operator, PiaFiling, PiaLevel, Role
from warifu.law.pia import required_level, years_after
from warifu.law.reading import Entry, parse, unique

REGISTER_FILE = "institutions.toml"

ThingT = TypeVar("ThingT")


@dataclass(frozen=True, slots=True)
class Register:
    """Who there is. Codes are compared as they are: another case or width is another, unknown code."""

    roles: dict[str, Role]
    operators: dict[str, Operator]
    institutions: dict[str, Institution]

    def of_kind(self, kind: str) -> tuple[Institution, ...]:
        """The institutions that one process serves, in the order of the register."""
        return tuple(one for one in self.institutions.values() if one.role.kind == kind)

    def with_roles(self, roles: tuple[str, ...]) -> tuple[Institution, ...]:
        """The institutions of any of these roles, in the order of the register."""
        return tuple(one for one in self.institutions.values() if one.role.code in roles)


def read_register(content: bytes) -> Register:
    """Read `institutions.toml`.

    Raises:
        LawDataError: something is missing, unknown, doubled or of the wrong kind; names the entry and the field.
    """
    file = parse(REGISTER_FILE, content)
    roles: dict[str, Role] = {}
    for entry in file.entries("role", "code"):
        role = _role(entry, roles)
        roles[role.code] = role
    operators: dict[str, Operator] = {}
    for entry in file.entries("operator", "code"):
        operator = _operator(entry, operators)
        operators[operator.code] = operator
    register = Register(roles, operators, {})
    for entry in file.entries("institution", "code"):
        institution = _institution(entry, register)
        register.institutions[institution.code] = institution
    file.finish()
    return register


def _role(entry: Entry, seen: dict[str, Role]) -> Role:
    role = Role(unique(entry, "code", entry.text("code"), seen), entry.text("kind"), entry.names())
    entry.finish()
    return role


def _operator(entry: Entry, seen: dict[str, Operator]) -> Operator:
    operator = Operator(
        code=unique(entry, "code", entry.text("code"), seen),
        name=entry.names(),
        corporate_number=_digits(entry, "corporate_number", (13,)),
        lg_code=_digits(entry, "lg_code", (6,)) if entry.has("lg_code") else None,
    )
    entry.finish()
    return operator


def _institution(entry: Entry, register: Register) -> Institution:
    size, handlers, accident = entry.number("declared_size"), entry.number("handlers"), entry.flag("serious_accident")
    institution = Institution(
        code=unique(entry, "code", entry.text("code"), register.institutions),
        role=_known(entry, "role", register.roles),
        operator=_known(entry, "operator", register.operators),
        name=entry.names(),
        insurer_number=_digits(entry, "insurer_number", (6, 8)) if entry.has("insurer_number") else None,
        declared_size=size,
        handlers=handlers,
        serious_accident=accident,
        pia_required=required_level(size, handlers, serious_accident=accident),
        pia=_pia(entry.inner("pia")) if entry.has("pia") else None,
    )
    entry.finish()
    return institution


def _pia(entry: Entry) -> PiaFiling:
    level = entry.choice("level", PiaLevel)
    if level is PiaLevel.NOT_REQUIRED:
        raise entry.fail("level", "an assessment that is not required is left out")
    published, years = entry.day("published_on"), entry.number("term_years", minimum=1)
    entry.finish()
    return PiaFiling(level, published, years, years_after(published, years))


def _known(entry: Entry, field: str, known: dict[str, ThingT]) -> ThingT:
    try:
        return known[entry.text(field)]
    except KeyError:
        raise entry.fail(field, f"unknown: {entry.text(field)}") from None


def _digits(entry: Entry, field: str, lengths: tuple[int, ...]) -> str:
    value = entry.text(field)
    if len(value) not in lengths or not (value.isascii() and value.isdigit()):
        raise entry.fail(field, f"must be {' or '.join(map(str, lengths))} digits, is {value!r}")
    return value
