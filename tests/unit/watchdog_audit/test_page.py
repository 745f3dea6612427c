"""docs/AUDIT.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from warifu.watchdog.audit.findings import TEXTS

PAGE = Path(__file__).parents[3] / "docs" / "AUDIT.md"


def test_the_page_lists_every_finding() -> None:
    """The table of findings in docs/AUDIT.md is that of kinds.toml, row by row, in its order."""
    slot = re.search(r"<!-- table: findings -->\n(.*?)<!-- end -->", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert slot is not None
    expected = [f"| `{kind}` | {row['en']} | {row['ja']} | {row['who']} |" for kind, row in TEXTS.items()]
    assert slot[1].splitlines()[2:] == expected, "\n".join(expected)
