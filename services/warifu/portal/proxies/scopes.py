"""How far a mandate reaches: which pages a session may open while it acts for somebody.

What is not named here is closed, so that a page made later is closed to proxies until somebody decides otherwise.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

TERMS: Final = (30, 90, 180, 365)
"""Simulated days that a mandate may last; then it ends by itself."""


class Scope(StrEnum):
    """The reaches."""

    HISTORY = "HISTORY"
    """Read the history."""
    INFORMATION = "INFORMATION"
    """That, and send for own information and read it."""


class Kind(StrEnum):
    """How a mandate came to be."""

    CONSENT = "CONSENT"
    """The principal made a pairing word."""
    PARENT = "PARENT"
    """A parent showed the child's card beside their own."""


class OutOfScopeError(Exception):
    """A page that the session's mandate does not reach."""


_FREE: Final = re.compile(r"/|(/api/v1)?/(proxies|login|logout|differs|help|helpline|kiosk)(/.*)?", re.ASCII)
"""Nobody's own: what everyone may see, and the way back."""
_HISTORY: Final = re.compile(r"(/api/v1)?/(history([./].*)?|checks|proofs)", re.ASCII)
_INFORMATION: Final = re.compile(r"(/api/v1)?/information(/.*)?", re.ASCII)


def check(scope: str, path: str) -> None:
    """Insist that a mandate with this reach opens this page.

    Raises:
        OutOfScopeError: it does not.
    """
    reached = [_FREE, _HISTORY, *([_INFORMATION] if scope == Scope.INFORMATION else [])]
    if not any(pattern.fullmatch(path) for pattern in reached):
        raise OutOfScopeError(path)
