"""Tables in a page of docs/: each stands between `<!-- table: NAME -->` and `<!-- end -->`, and is made by a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
Tables = Mapping[str, Callable[[], str]]
_SLOT: Final = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: str, tables: Tables) -> str:
    """The page with each table as the code gives it.

    Raises:
        KeyError: the page names a table that nobody makes.
    """
    return _SLOT.sub(lambda slot: f"{slot[1]}{tables[slot['name']]()}{slot[3]}", page)


def stale(page: str, tables: Tables) -> list[str]:
    """Names of tables that are not what the code gives, or that the page lacks."""
    there = {slot["name"]: slot[0] for slot in _SLOT.finditer(page)}
    return sorted(name for name, make in tables.items() if make() not in there.get(name, ""))


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of a page, with its head."""
    lines = (head, ("---",) * len(head), *rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
