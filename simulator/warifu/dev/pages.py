"""Fills the tables of docs/PROTOCOL.md and docs/COVERAGE.md from the code that they describe, or says which are out of date; and the texts of the TypeScript example.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; each `…_table` function below makes one.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = ROOT / "docs" / "PROTOCOL.md"
TEXTS: Final = ROOT / "examples" / "typescript" / "src" / "errors.json"
"""The table of errors, as the example reads it."""
_SLOT: Final = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def errors_table() -> str:
    """Every reason of a failed call or item."""
    from warifu.kernel.errors import TABLE  # noqa: PLC0415

    rows = ((f"`{reason}`", row.code.name, "yes" if row.retryable else "", row.en) for reason, row in TABLE.items())
    return markdown_table(("reason", "gRPC status", "retryable", "what it says"), rows)


def access_table() -> str:
    """Who may call what; operations of one service with the same callers share a row."""
    from warifu.kernel.access import TABLE_PATH  # noqa: PLC0415

    rows = []
    for service, methods in tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))["allow"].items():
        by_callers: dict[str, list[str]] = {}
        for method, callers in methods.items():
            by_callers.setdefault(", ".join(callers), []).append(method)
        rows += [(f"`{service}`", ", ".join(names), callers) for callers, names in by_callers.items()]
    return markdown_table(("service", "operations", "callers"), rows)


def denials_table() -> str:
    """Every reason of a denial."""
    from warifu.law.refusals import MESSAGE  # noqa: PLC0415

    return markdown_table(("reason", "what it says"), ((f"`{reason}`", text.en) for reason, text in MESSAGE.items()))


def limits_table() -> str:
    """Every limit."""
    from warifu.kernel.limits import LIMITS  # noqa: PLC0415

    rows = ((f"`{name}`", f"{int(limit):,}", limit.unit, limit.meaning) for name, limit in LIMITS.items())
    return markdown_table(("limit", "value", "unit", "of what"), rows)


def tags_table() -> str:
    """Every domain-separation tag in the sources, with what its author says of it."""
    rows = ((f"`{tag}`", meaning) for tag, meaning in sorted(set(_tags())))
    return markdown_table(("tag (a zero byte follows)", "use"), rows)


Tables = Mapping[str, Callable[[], str]]
TABLES: Final[Tables] = {
    "access": access_table,
    "denials": denials_table,
    "errors": errors_table,
    "limits": limits_table,
    "tags": tags_table,
}


def fill(page: str, tables: Tables = TABLES) -> str:
    """The page with each table as the code gives it.

    Raises:
        KeyError: the page names a table that nobody makes.
    """
    return _SLOT.sub(lambda slot: f"{slot[1]}{tables[slot['name']]()}{slot[3]}", page)


def stale(page: str, tables: Tables = TABLES) -> list[str]:
    """Names of tables that are not what the code gives, or that the page lacks."""
    there = {slot["name"]: slot[0] for slot in _SLOT.finditer(page)}
    return sorted(name for name, make in tables.items() if make() not in there.get(name, ""))


def texts() -> str:
    """The example's texts of every reason."""
    from warifu.kernel.errors import TABLE  # noqa: PLC0415

    rows = {
        str(reason): {"code": row.code.name, "ja": row.ja, "en": row.en}
        | ({"retryable": True} if row.retryable else {})
        for reason, row in TABLE.items()
    }
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def write() -> None:
    """Rewrite the pages and the example's texts."""
    from warifu.dev import conformance, coverage  # noqa: PLC0415 - they use what is here

    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for one in (conformance, coverage):
        one.PAGE.write_text(fill(one.PAGE.read_text(encoding="utf-8"), one.TABLES), encoding="utf-8")
    TEXTS.write_text(texts(), encoding="utf-8")


def markdown_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of a page, with its head."""
    lines = (head, ("---",) * len(head), *rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _tags() -> Iterator[tuple[str, str]]:
    for root in ("services", "gateway", "simulator"):
        for path in (ROOT / root).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if 'b"warifu/' in source:
                yield from _tags_of(ast.parse(source))


def _tags_of(module: ast.Module) -> Iterator[tuple[str, str]]:
    whole = (ast.get_docstring(module) or "").splitlines()[:1]
    for node, after in zip(module.body, [*module.body[1:], None], strict=True):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant):
            tag = node.value.value
            if isinstance(tag, bytes) and tag.startswith(b"warifu/") and tag.endswith(b"\0"):
                yield tag[:-1].decode(), _comment(after) or "".join(whole)


def _comment(node: ast.stmt | None) -> str:
    """The text of a docstring after an assignment."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""
