"""Reads the project's Markdown pages as far as the docs tests need it."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page of the project; what tools leave behind is in hidden folders, or npm's."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(
        ROOT / path for path in found if not any(part.startswith((".", "node_modules")) for part in path.parts)
    )


@cache
def text(path: Path) -> str:
    """A page."""
    return path.read_text(encoding="utf-8")


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", text(path))


def code_blocks(path: Path) -> list[str]:
    """A page's blocks of code, fences included."""
    return _FENCE.findall(text(path))


def links(path: Path) -> list[str]:
    """Targets of a page's links."""
    return _LINK.findall(prose(path))


def headings(path: Path) -> list[tuple[int, str]]:
    """Level and text of a page's headings."""
    return [(len(marks), title.strip()) for marks, title in _HEADING.findall(prose(path))]


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings: lower case, punctuation dropped, spaces to hyphens."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(path)}


def tables(path: Path) -> list[list[list[str]]]:
    """A page's tables, as rows of cells without the line of dashes."""
    found: list[list[list[str]]] = []
    inside = False
    for line in prose(path).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
            inside = True
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not all(set(cell) <= {"-", ":"} for cell in cells):
            found[-1].append(cells)
    return found


def sources() -> list[Path]:
    """Files of the project that people wrote and that may cite a page."""
    roots = [ROOT / name for name in ("services", "gateway", "simulator", "proto", "tests", "docs")]
    roots += [ROOT / "examples" / "typescript" / name for name in ("src", "test")]
    kinds = {".py", ".proto", ".toml", ".md", ".html", ".jinja", ".ts"}
    files = [path for root in roots for path in root.rglob("*") if path.suffix in kinds and "_pb2" not in path.name]
    return [*sorted(files), ROOT / "README.md", ROOT / "README.ja.md", ROOT / "CONTRIBUTING.md"]
