"""The project's pages lead where they say, and speak of the project alone."""

from pathlib import Path

import pytest
from unit.docs import markdown

# Put together here, so that this file does not find itself.
MACHINE_PATHS = tuple("/" + name for name in ("work/", "root/", "home/", "tmp/", "var/tmp/"))


def _target(page: Path, link: str) -> tuple[Path, str]:
    name, _, anchor = link.partition("#")
    return (page.parent / name).resolve() if name else page, anchor


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: str(page.relative_to(markdown.ROOT)))
def test_links_resolve(page):
    """Every relative link of a page leads to a file of the project and, where it names one, to a heading in it."""
    broken = []
    for link in markdown.links(page):
        if "://" in link:
            continue
        target, anchor = _target(page, link)
        if not target.exists() or (anchor and anchor not in markdown.anchors(target)):
            broken.append(link)
    assert not broken


def test_links_are_found():
    """The check above looks at real links: the README links the protocol page."""
    assert "docs/PROTOCOL.md" in markdown.links(markdown.ROOT / "README.md")


@pytest.mark.parametrize("page", markdown.pages(), ids=lambda page: str(page.relative_to(markdown.ROOT)))
def test_no_machine_path(page):
    """No page names a folder of somebody's machine."""
    assert not [path for path in MACHINE_PATHS if path in markdown.text(page)]
