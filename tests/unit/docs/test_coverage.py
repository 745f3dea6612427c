"""docs/COVERAGE.md agrees with the tables that it is made from."""

from unit.docs import markdown

from warifu.dev import coverage, tables
from warifu.law import packaged

PAGE = markdown.ROOT / "docs" / "COVERAGE.md"


def test_tables_are_the_codes():
    """Rows, what is left out, items, institutions, operations, faults and differences stand on the page as the program has them (else: python -m warifu.dev pages)."""
    assert tables.stale(markdown.text(PAGE), coverage.TABLES) == []


def test_stale_table_is_seen():
    """A fault that is renamed on the page alone is reported."""
    page = markdown.text(PAGE)
    assert tables.stale(page.replace("| `provider-down` |", "| `provider-gone` |"), coverage.TABLES) == ["faults"]


def test_every_subject_is_graded():
    """Each subject of the hand-written table is simulated, in part or not at all; what is not wholly simulated says why."""
    table = next(one for one in markdown.tables(PAGE) if one[0][1] == "simulated")
    assert {row[1] for row in table[1:]} == {"yes", "part", "no"}
    assert [row[0] for row in table[1:] if row[1] != "yes" and not row[3]] == []
    assert [row[0] for row in table[1:] if row[1] != "no" and not row[2]] == []


def test_each_row_stands_once():
    """A row of the permission table is among the simulated ones or among those left out, never both."""
    book = packaged()
    assert set(book.rows) & {one.id for one in book.left_out} == set()
