"""The glossary names things as the sources do."""

import re
from pathlib import Path

from warifu.law import Condition, Reason

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")
SOURCES = [
    path
    for root in ("proto", "services", "gateway", "simulator")
    for path in (ROOT / root).rglob("*")
    if path.suffix in {".proto", ".py", ".toml"} and not path.stem.endswith(("_pb2", "_pb2_grpc"))
]


def _section(number: int) -> str:
    return PAGE.split(f"\n## {number}. ", 1)[1].split("\n## ", 1)[0]


def _rows(section: str) -> list[list[str]]:
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_identifier_of_the_glossary_exists_in_the_sources() -> None:
    """A name in the identifier column is a word of the contracts or the sources; otherwise the page is out of date."""
    words = {word for path in SOURCES for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {path.name for path in (ROOT / "services/warifu").iterdir()}
    named = {name for row in _rows(_section(1)) for name in re.findall(r"`(\w+)`", row[2])}

    assert len(named) > 60
    assert named - words == set()


def test_every_term_has_all_columns() -> None:
    """Each row of terms has Japanese, English, an identifier or a dash, and a note that may be empty."""
    for row in _rows(_section(1)):
        assert len(row) == 4, row
        assert all(row[:3]), row


def test_every_reason_and_condition_of_the_decision_is_listed() -> None:
    """The page on the decision names the closed sets of the code, nothing more and nothing less."""
    rows = _rows(_section(3))[1:]

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[1])} == {reason.value for reason in Reason}
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row[0])} == {one.value for one in Condition}
