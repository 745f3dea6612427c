"""What cases stand on: the interim server's plain face and the law book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from warifu import law
from warifu.agencies.cases import procedures
from warifu.agencies.cases.procedures import Handled
from warifu.agencies.office import Business
from warifu.agency.v1 import cases_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import OFFICE, check_text


class Interim(Protocol):
    """The interim server's plain face, as far as cases need it (`warifu.interim.Interim`)."""

    async def inquire(self, request: interim_pb2.InquireRequest) -> interim_pb2.InquireResponse:
        """Stores an inquiry and sends it."""

    async def collect(self, request: interim_pb2.CollectRequest) -> interim_pb2.CollectResponse:
        """The state of an inquiry; may wait, and asks once more for what waits for a clerk."""

    def known(self, request_id: str) -> interim_pb2.InquiryState | None:
        """The state of an inquiry as it is known here; None when there is none (any more)."""

    async def rulings_for(self, requester: str, row: str) -> law.Rulings:
        """What the supervisor has in force; LinkageError when nothing fresh can be had."""

    async def correct(self, request_id: str, statement: str) -> interim_pb2.CorrectResponse:
        """Has a correcting entry made beside the records of an exchange."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every step of one institution's cases stands on."""

    business: Business
    interim: Interim
    book: Callable[[], law.LawBook]

    def now(self) -> int:
        """Milliseconds since 1970 of the network clock."""
        return milliseconds(self.business.clock.network())

    def handled(self, procedure: str) -> Handled | None:
        """A procedure as it is handled today; None when no row of it is open."""
        return procedures.find(self.book(), self.business.institution, self.business.clock.today(), procedure)


def who(actor: cases_pb2.Actor) -> dict[str, str]:
    """The columns that say who acts.

    Raises:
        LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE.
    """
    check_text(actor.office, "actor.office", OFFICE)
    check_text(actor.clerk, "actor.clerk", OFFICE)
    return {"office": actor.office, "clerk": actor.clerk}
