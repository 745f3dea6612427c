"""Number and person, checked together (番号確認 and 身元確認, art. 16): match or no match, and nothing in between."""

from __future__ import annotations

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering import typed
from warifu.numbering.allowance import Allowance
from warifu.numbering.journal import Journal, Kind, Outcome
from warifu.numbering.people import People


class Matching:
    """Answers whether a typed number belongs to the person of a document."""

    def __init__(self, people: People, journal: Journal, allowance: Allowance) -> None:
        self._people, self._journal, self._allowance = people, journal, allowance

    async def match(
        self, institution: str, number: str, items: common_pb2.BasicItems | None, kind: Kind = Kind.MATCH
    ) -> int | None:
        """The person, when `number` is that person's now and `items` are what is registered; otherwise None.

        A number that nobody has and a number of somebody else get the same answer.

        Raises:
            LinkageError: CLIENT_NUMBER_ALONE without items; CLIENT_LOOKUP_TOO_FEW_ITEMS; CLIENT_NUMBER_… for what is no number of this
                simulator; CLIENT_NUMBER_RETIRED when it was this very person's and was replaced; CLIENT_RATE_LIMITED.
        """
        if items is None or not items.ListFields():
            raise LinkageError(Reason.CLIENT_NUMBER_ALONE)
        if kind is not Kind.CARD:  # a card is made once, for somebody who stands there
            self._allowance.require(institution)
            self._allowance.use(institution)
        person, retired = self._find(typed.number(number), basic_items.digest(basic_items.require(items)))
        await self._journal.note(institution, (kind, _outcome(person, retired=retired)))
        if retired:
            raise LinkageError(Reason.CLIENT_NUMBER_RETIRED)
        return person

    async def require(self, institution: str, number: str, items: common_pb2.BasicItems | None, kind: Kind) -> int:
        """`match`, where no match is an error: CLIENT_PERSON_NOT_MATCHED."""
        person = await self.match(institution, number, items, kind)
        if person is None:
            raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
        return person

    def _find(self, number: str, digest: bytes) -> tuple[int | None, bool]:
        """The person when all fits, and whether it fits but the number was replaced."""
        owner = self._people.by_numbers([number]).get(number)
        if owner is None or self._people.digest(owner.person) != digest:
            return None, False
        return owner.person, owner.retired


def _outcome(person: int | None, *, retired: bool) -> Outcome:
    if retired:
        return Outcome.RETIRED
    return Outcome.NOT_FOUND if person is None else Outcome.FOUND
