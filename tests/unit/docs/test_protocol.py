"""docs/PROTOCOL.md agrees with the code, and whoever cites it cites something that is there."""

import re

from unit.docs import markdown

from warifu.dev import pages, tables
from warifu.exchange.header import LARGEST_HEADER
from warifu.exchange.permit import LARGEST_PERMIT
from warifu.gateway.asked import LARGEST_INQUIRY, LARGEST_QUERY
from warifu.gateway.directory import LARGEST_ENTRY
from warifu.interim.copies import LARGEST_CONTENT
from warifu.kernel import limits
from warifu.kernel.errors import Reason
from warifu.law.decide import Reason as Refusal

PAGE = markdown.ROOT / "docs" / "PROTOCOL.md"
REQUIREMENT = re.compile(r"^- \*\*PROTO-(\d+)\.(\d+)\*\* ", re.MULTILINE)
CITATIONS = (
    re.compile(r"PROTO-(\d+\.\d+)"),
    re.compile(r"PROTO(?:COL\.md)? §(\d+(?:\.\d+)?)(?: to §(\d+))?"),
)


def _requirements() -> list[tuple[int, int]]:
    return [(int(section), int(number)) for section, number in REQUIREMENT.findall(markdown.text(PAGE))]


def _sections() -> set[int]:
    return {int(title.split(".")[0]) for level, title in markdown.headings(PAGE) if level == 2}


def test_tables_are_the_codes():
    """Errors, denials, limits, access and tags stand on the page exactly as the code has them (else: python -m warifu.dev pages)."""
    assert tables.stale(markdown.text(PAGE), pages.TABLES) == []


def test_stale_table_is_seen():
    """A limit that is changed on the page alone, and a table that is taken out, are reported."""
    page = markdown.text(PAGE)
    batch = f"| `BATCH` | {int(limits.BATCH):,} |"
    assert tables.stale(page.replace(batch, "| `BATCH` | 7 |"), pages.TABLES) == ["limits"]
    assert tables.stale(page.replace("<!-- table: errors -->", ""), pages.TABLES) == ["errors"]


def test_filling_is_stable():
    """Filling a filled page changes nothing."""
    page = markdown.text(PAGE)
    assert tables.fill(page, pages.TABLES) == page


def test_sections_count_up():
    """Sections are numbered from 1 without a gap."""
    assert sorted(_sections()) == list(range(1, len(_sections()) + 1))


def test_requirements_count_up():
    """Requirements are numbered from 1 within each section, in order, each once, under the section that they name."""
    text = markdown.text(PAGE)
    for section in _sections():
        part = re.split(r"^## ", text, flags=re.MULTILINE)[section]
        numbers = [(int(a), int(b)) for a, b in REQUIREMENT.findall(part)]
        assert numbers == [(section, n) for n in range(1, len(numbers) + 1)]
    assert len(_requirements()) > 50


def test_citations_exist():
    """Every section and requirement that a source, test, contract or page cites is on the page."""
    known = {str(section) for section in _sections()} | {f"{a}.{b}" for a, b in _requirements()}
    dangling = {}
    for path in markdown.sources():
        text = markdown.text(path)
        cited = {name for pattern in CITATIONS for found in pattern.finditer(text) for name in found.groups() if name}
        if unknown := cited - known:
            dangling[str(path.relative_to(markdown.ROOT))] = sorted(unknown)
    assert dangling == {}


def test_named_reasons_and_limits_exist():
    """Each reason and limit that the page's sentences name is one of the code's."""
    reasons = {*Reason, *Refusal}
    names = set(re.findall(r"`((?:CLIENT|GATEWAY|PROVIDER)_[A-Z_]+)`", markdown.text(PAGE)))
    assert names - reasons == set()
    outside = re.sub(r"<!-- table.*?<!-- end -->", "", markdown.text(PAGE), flags=re.DOTALL)
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|BATCH|BULK|PAGE)`", outside))
    outcomes = {"NO_RECORD", "NOT_REGISTERED"}
    assert named - reasons - outcomes - set(limits.LIMITS) == set()


def test_sizes_of_forms_are_the_codes():
    """The sizes that PROTO-10.2 gives are those that the code refuses to exceed."""
    stated = re.search(r"\*\*PROTO-10\.2\*\*(.*?)\n- ", markdown.text(PAGE), re.DOTALL)
    assert stated
    numbers = [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]+", stated[1].replace(", each", " each"))]
    assert numbers == [LARGEST_HEADER, LARGEST_INQUIRY, LARGEST_PERMIT, LARGEST_ENTRY, LARGEST_QUERY, LARGEST_CONTENT]
