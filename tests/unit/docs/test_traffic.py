"""The page about traffic shows the kinds of misuse and the files that there are."""

from unit.docs import markdown

from warifu.simulator.traffic import data, report
from warifu.simulator.traffic.misuse import KINDS

PAGE = markdown.ROOT / "docs" / "TRAFFIC.md"


def test_the_table_of_misuse_is_the_code() -> None:
    """Each kind has its row, in order, with what it says of itself."""
    expected = [[f"`{kind.name}`", kind.says.en] for kind in KINDS]
    table = next(table for table in markdown.tables(PAGE) if table[0][0] == "kind")
    assert [list(row[:2]) for row in table[1:]] == expected


def test_every_file_of_a_run_is_named() -> None:
    """The page names every file that a run leaves."""
    page = markdown.text(PAGE)
    assert all(name in page for name in (data.EXCHANGES, data.PARQUET, data.TRUTH, *report.FILES.values()))
