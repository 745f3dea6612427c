"""What staff may do. Least privilege: who decides about institutions is not everyone who looks."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from warifu.law import Text


class Role(StrEnum):
    """An office. Entries in the public log name it, and nobody."""

    EXAMINER = "examiner"
    """Searches, opens findings, gives guidance."""
    DIRECTOR = "director"
    """All that, and recommends, orders, stops, approves."""


NAMES: Final = {
    Role.EXAMINER: Text("審査官", "Examiner"),
    Role.DIRECTOR: Text("監督課長", "Director of supervision"),
}
