"""The tables of docs/COVERAGE.md: what is simulated, counted from the tables that the program itself goes by."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Final

from warifu.dev.tables import ROOT, Tables, markdown_table
from warifu.kernel.access import TABLE_PATH
from warifu.kernel.fault_kinds import kinds
from warifu.law import Row, packaged
from warifu.simulator.conformance import BUSINESS, PROVIDER, REQUESTER
from warifu.simulator.population import CLOCK_START

PAGE: Final = ROOT / "docs" / "COVERAGE.md"
_DIFFERS: Final = ROOT / "services" / "warifu" / "web" / "differs.toml"


def permitted_table() -> str:
    """The rows of the permission table."""
    rows = (
        (
            row.id, f"{row.procedure.name.ja} / {row.procedure.name.en}", ", ".join(row.requester_roles),
            ", ".join(row.provider_roles), packaged().items[row.item].name.ja, _standing(row),
        )
        for row in packaged().rows.values()
    )  # fmt: skip
    return markdown_table(("row", "手続 / procedure", "requester", "provider", "情報", "how it stands"), rows)


def left_table() -> str:
    """What is left out, and why."""
    rows = ((one.id, f"{one.what.ja} / {one.what.en}", f"{one.why.ja} / {one.why.en}") for one in packaged().left_out)
    return markdown_table(("id", "本物 / real", "理由 / why not"), rows)


def institutions_table() -> str:
    """Institutions by role."""
    book = packaged()
    numbers = Counter(one.role.code for one in book.institutions.values())
    names = {one.role.code: one.role.name for one in book.institutions.values()}
    served = {one.role.code: one.kind for one in book.institutions.values()}
    rows = ((f"`{code}`", f"{names[code].ja} / {names[code].en}", served[code], str(numbers[code])) for code in names)
    return markdown_table(("role", "役割 / role", "served by", "institutions"), rows)


def items_table() -> str:
    """Linkable items and how many fields of each there are."""
    rows = ((one.code, f"{one.name.ja} / {one.name.en}", str(len(one.fields))) for one in packaged().items.values())
    return markdown_table(("code", "特定個人情報 / item", "fields"), rows)


def operations_table() -> str:
    """Operations of each service."""
    services = tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))["allow"]
    return markdown_table(
        ("service", "operations"), ((f"`{service}`", str(len(methods))) for service, methods in services.items())
    )


def faults_table() -> str:
    """Faults that can be planted."""
    return markdown_table(
        ("fault", "何が起きるか / what happens"),
        ((f"`{name}`", f"{one.ja} / {one.en}") for name, one in kinds().items()),
    )


def requirements_table() -> str:
    """Numbered requirements of each section of the protocol and of business systems, and how many of them are tried, and where."""
    tried = [
        {number for one in suite.requirements for number in one.numbers} for suite in (PROVIDER, REQUESTER, BUSINESS)
    ]
    rows = [
        (section, str(len(numbers)), *(str(len(numbers & suite) or "") for suite in tried))
        for section, numbers in _required()
    ]
    rows.append(("all", *(str(sum(int(row[place] or 0) for row in rows)) for place in range(1, len(rows[0])))))
    head = (
        "section",
        "requirements",
        "tried at a provider",
        "at a requester",
        "at a business system",
    )
    return markdown_table(head, rows)


def differs_table() -> str:
    """本物との違い of every face."""
    faces = tomllib.loads(_DIFFERS.read_text(encoding="utf-8"))
    rows = (
        (
            face, f"{one['topic']['ja']} / {one['topic']['en']}",
            one["real"]["en"] + (" **(to be verified)**" if one.get("unsure") else ""), one["here"]["en"],
        )
        for face, listed in faces.items()
        for one in listed
    )  # fmt: skip
    return markdown_table(("face", "何 / what", "real", "here"), rows)


TABLES: Final[Tables] = {
    "differs": differs_table,
    "faults": faults_table,
    "institutions": institutions_table,
    "items": items_table,
    "leftout": left_table,
    "operations": operations_table,
    "permitted": permitted_table,
    "requirements": requirements_table,
}


def _required() -> Iterator[tuple[str, set[str]]]:
    """Each section that has numbered requirements, with their numbers."""
    for page in ("PROTOCOL", "BUSINESS"):
        text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
            if numbers := set(re.findall(r"^- \*\*((?:PROTO|BIZ)-\d+\.\d+)\*\* ", part, re.MULTILINE)):
                yield f"[{page}]({page}.md) {part.partition(chr(10))[0]}", numbers


def _standing(row: Row) -> str:
    """Whether there is such a rule, and whether its article was read."""
    if row.invented:
        return "invented for training"
    citation = row.citation_on(CLOCK_START)
    ended = "" if row.in_force(CLOCK_START) else "; not in force when a network begins"
    return f"{row.origin}, {'verified' if citation.verified else 'to be verified'}{ended}"
