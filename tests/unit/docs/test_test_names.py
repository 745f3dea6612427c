"""The tests that tests/README.md names exist."""

import ast
import re

from unit.docs.markdown import ROOT, headings, tables, text

README = ROOT / "tests" / "README.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def defined(path: str) -> set[str]:
    """Names of the functions in a file of tests."""
    tree = ast.parse(text(README.parent / path))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_named_test_exists() -> None:
    """Each `file::name` on the page is a test in that file."""
    named = set(NAMED.findall(text(README)))
    assert len(named) > 50
    missing = sorted(f"{path}::{name}" for path, name in named if name not in defined(path))
    assert not missing


def test_every_bad_input_is_tried() -> None:
    """Each row of the table of bad inputs names at least one test."""
    assert "Bad inputs" in {title for _, title in headings(README)}
    (table,) = (one for one in tables(README) if one[0] == ["input", "tried by"])
    assert len(table) > 30
    assert [row[0] for row in table[1:] if not NAMED.search(row[1])] == []
