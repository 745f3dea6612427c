"""The page for business systems shows the fields, statuses and ports that there are."""

import re

from unit.docs import markdown

from warifu.cli.interim import PORT
from warifu.law import packaged
from warifu.simulator.face.batch import FIELDS
from warifu.simulator.face.batch.messages import Status

PAGE = markdown.ROOT / "docs" / "BUSINESS.md"


def table(first: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    return next(table for table in markdown.tables(PAGE) if table[0][0] == first)[1:]


def test_the_table_of_fields_is_the_code() -> None:
    """Each field has its row, in order, with both names and its width; what is ours says so."""
    rows = table("field")
    assert [row[:4] for row in rows] == [
        [str(number), field.ja, field.en, str(field.width)] for number, field in enumerate(FIELDS, 1)
    ]
    assert [row[4].startswith("ours:") for row in rows] == [field.ours for field in FIELDS]
    filled = [str(number) for number, field in enumerate(FIELDS, 1) if field.filled]
    assert f"Fields {' and '.join(filled)} are filled up" in markdown.text(PAGE)


def test_the_table_of_statuses_is_the_code() -> None:
    """Each status has its row, in order, with codes, message and meaning, and says whether it is real."""

    def code(text: str) -> str:
        return f"`{text}`" if text else ""

    expected = [[code(one.line), code(one.item), one.ja, one.en, "real" if one.real else ""] for one in Status]
    assert table("column 24") == expected


def test_the_rows_that_no_file_can_ask_are_the_tables() -> None:
    """§3 names the rows of the permission table that need a consent, for which a line has no field."""
    (named,) = re.findall(r"under a row that needs one \((.*?);", markdown.text(PAGE))
    assert named.split(", ") == [row.id for row in packaged().rows.values() if row.consent_required]
    assert not [field for field in FIELDS if "同意" in field.ja]


def test_the_port_is_the_verb_s() -> None:
    """The page names the port that the verb takes by itself."""
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", markdown.text(PAGE))) == {str(PORT)}
    assert f"`--port` ({PORT})" in markdown.text(PAGE)
