"""By when letters are to be answered. No law sets these terms: they are the simulator's own, so that being late can be shown."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

QUESTION: Final = timedelta(days=14)
OBJECTION: Final = timedelta(days=30)


def answer_by(sent_on: date, *, objection: bool) -> date:
    """The last simulated day of the answer."""
    return sent_on + (OBJECTION if objection else QUESTION)


def is_overdue(last: date, today: date) -> bool:
    """Whether a letter without an answer is late on `today`."""
    return today > last
