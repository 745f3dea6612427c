"""Fills the tables of docs/PROTOCOL.md and docs/COVERAGE.md from the code that they describe, or says which are out of date; and the texts of the TypeScript example.

Each `…_table` function makes one; those of the other pages are in `conformance` and `coverage`.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterator
from typing import Final

from warifu.dev import conformance, coverage
from warifu.dev.tables import ROOT, Tables, fill, markdown_table

PAGE: Final = ROOT / "docs" / "PROTOCOL.md"
TEXTS: Final = ROOT / "examples" / "typescript" / "src" / "errors.json"
"""The table of errors, as the example reads it."""


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


TABLES: Final[Tables] = {
    "access": access_table,
    "denials": denials_table,
    "errors": errors_table,
    "limits": limits_table,
    "tags": tags_table,
}


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
    for page, tables in ((PAGE, TABLES), (conformance.PAGE, conformance.TABLES), (coverage.PAGE, coverage.TABLES)):
        page.write_text(fill(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
    TEXTS.write_text(texts(), encoding="utf-8")


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
