"""Is there exactly one person with these 4 basic items?"""

from __future__ import annotations

from dataclasses import dataclass

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering.allowance import Allowance
from warifu.numbering.journal import Journal, Kind, Outcome
from warifu.numbering.people import People


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up tells."""

    matches: int
    registered: common_pb2.BasicItems | None
    """The items as registered, when exactly one person matches."""


class LookUp:
    """Looks people up for institutions, at a limited rate."""

    def __init__(self, people: People, journal: Journal, allowance: Allowance) -> None:
        self._people, self._journal, self._allowance = people, journal, allowance

    async def look_up(self, institution: str, items: common_pb2.BasicItems) -> Found:
        """How many people have these items now, and the items as registered when it is one.

        Raises:
            LinkageError: CLIENT_LOOKUP_TOO_FEW_ITEMS, CLIENT_MALFORMED, CLIENT_RATE_LIMITED.
        """
        people = await self._find(institution, items, Kind.LOOK_UP)
        return Found(len(people), self._people.registered(people[0]) if len(people) == 1 else None)

    async def only(self, institution: str, items: common_pb2.BasicItems, kind: Kind) -> int | None:
        """The one person with these items now; None when there is none.

        Raises:
            LinkageError: as `look_up`; CLIENT_PERSON_AMBIGUOUS for several.
        """
        people = await self._find(institution, items, kind)
        if len(people) > 1:
            raise LinkageError(Reason.CLIENT_PERSON_AMBIGUOUS)
        return people[0] if people else None

    async def _find(self, institution: str, items: common_pb2.BasicItems, kind: Kind) -> list[int]:
        self._allowance.require(institution)
        self._allowance.use(institution)
        digest = basic_items.digest(basic_items.require(items))
        people = self._people.by_items([digest]).get(digest, [])
        await self._journal.note(institution, (kind, outcome_of(len(people))))
        return people


def outcome_of(matches: int) -> Outcome:
    """The outcome of a look that found so many people."""
    if matches == 0:
        return Outcome.NOT_FOUND
    return Outcome.FOUND if matches == 1 else Outcome.AMBIGUOUS
