"""Exchanges that are delivered again with corrections, as the gateway does."""

from __future__ import annotations

from unit.portal.lab import HANA, DemoPerson, Lab, Told, shown, subject

from warifu.exchange import event as events
from warifu.kernel.instants import milliseconds, timestamp
from warifu.log.v1 import log_pb2


class Corrected:
    """One exchange on its way to the portal, first without and then with corrections."""

    def __init__(self, lab: Lab, told: Told, person: DemoPerson = HANA) -> None:
        self.lab, self.told = lab, told
        self.plain = lab.logged(shown(told, subject(person.individual_number)))

    @property
    def request_id(self) -> str:
        """Of the exchange."""
        return self.told.request_id

    def correct(
        self, statement: str, institution: str | None = None, *, request_id: str | None = None, logged: bool = True
    ) -> log_pb2.CommittedEvent:
        """Enter a correction; it goes with the next delivery."""
        said = log_pb2.CorrectionEntered(
            request_id=request_id or self.told.request_id,
            institution=institution or self.told.requester,
            statement=statement,
        )
        at = timestamp(milliseconds(self.lab.clock.network()))
        made = events.commit(log_pb2.NetworkEvent(version=events.VERSION, at=at, correction=said))
        leaf = self.lab.log.add(made.commitment)[0] if logged else 10**6
        self.plain.corrections.add(event=made.SerializeToString(), leaf=leaf)
        return made

    async def deliver(self) -> list[str]:
        """Deliver the exchange with its corrections so far; the request ids that the portal acknowledged."""
        return await self.lab.deliver_shown(self.plain)
