"""Changes of resident code: the gateway names this institution's codes that serve no longer, and each is unbound here.

The addressee then stands in the list of those to enrol anew; copies and records stay (CLIENT_CODE_SUPERSEDED until then).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.enrol import subject_bytes
from warifu.interim.ground import Ground, move_mark
from warifu.interim.schema import ADDRESSEES
from warifu.kernel.limits import CALL_DEADLINE

MARK = "superseded"
_WHO = select(ADDRESSEES.c.addressee_no).where(ADDRESSEES.c.subject.in_(bindparam("subjects", expanding=True)))
_UNBIND = (
    update(ADDRESSEES)
    .where(ADDRESSEES.c.subject.in_(bindparam("b_subjects", expanding=True)))
    .values(subject=None, bound_at=None)
)


class Superseded:
    """Keeps one institution's bindings free of codes that serve no longer."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def poll(self) -> int:
        """Ask the gateway what was superseded since last time; how many addressees were unbound.

        Raises:
            grpc.aio.AioRpcError: the gateway cannot be reached; the next poll goes on from the same place.
        """
        stub = self._ground.peers.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", self._ground.institution)
        unbound, after = 0, self._ground.mark(MARK)
        while True:
            request = enrolment_pb2.ListSupersededRequest(after=after)
            response = await stub.ListSuperseded(request, timeout=CALL_DEADLINE / 1000)
            if response.position <= after:
                return unbound
            unbound += await self.unbind(response.subjects, response.position)
            after = response.position

    async def unbind(self, subjects: Sequence[exchange_pb2.SubjectReference], position: int | None = None) -> int:
        """Unbind these codes where they are bound; how many were. With `position` the list counts as read to there."""
        codes = [subject_bytes(subject) for subject in subjects]

        def change(connection: Connection) -> int:
            numbers = connection.execute(_WHO, {"subjects": codes}).scalars().all()
            for number in numbers:
                self._ground.note(connection, "superseded", addressee_no=number)
            if numbers:
                connection.execute(_UNBIND, {"b_subjects": codes})
            if position is not None:
                move_mark(connection, MARK, position)
            return len(numbers)

        return await self._ground.store.write(change)
