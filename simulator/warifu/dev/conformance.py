"""The tables of docs/CONFORMANCE.md: the requirements of each suite, as the program tries them."""

from __future__ import annotations

from typing import Any, Final

from warifu.dev.tables import ROOT, Tables, markdown_table
from warifu.simulator.conformance import BUSINESS, PROVIDER, REQUESTER
from warifu.simulator.conformance.frame import Suite

PAGE: Final = ROOT / "docs" / "CONFORMANCE.md"


def requirements_table(suite: Suite[Any], who: str) -> str:
    """Name, numbers, section and both titles of each requirement; `who` must keep it."""
    rows = ((f"`{one.name}`", one.label, one.section, one.en, one.ja) for one in suite.requirements)
    return markdown_table(("name", "numbers", "section", who, "要求"), rows)


TABLES: Final[Tables] = {
    "conformance": lambda: requirements_table(PROVIDER, "the provider"),
    "requester": lambda: requirements_table(REQUESTER, "the requester"),
    "business": lambda: requirements_table(BUSINESS, "the business system"),
}
