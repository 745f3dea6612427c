"""What applicants are told of their cases: owed to the portal whenever something changed, also when an answer came by itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from warifu.agencies.cases import kept, looking
from warifu.agencies.cases.kept import File
from warifu.agencies.cases.looking import Look
from warifu.agencies.cases.ports import Ground
from warifu.agencies.post import progress
from warifu.agency.v1 import cases_pb2 as pb
from warifu.kernel.instants import timestamp
from warifu.portal.v1 import post_pb2

_STATES: Final = {
    pb.CASE_STATE_OPEN: post_pb2.APPLICATION_STATE_IN_WORK,
    pb.CASE_STATE_AWAITS_PAPER: post_pb2.APPLICATION_STATE_AWAITS_PAPER,
    pb.CASE_STATE_GRANTED: post_pb2.APPLICATION_STATE_GRANTED,
    pb.CASE_STATE_REFUSED: post_pb2.APPLICATION_STATE_REFUSED,
}


class Telling:
    """The job of one institution: what is new in the cases of applications becomes progress that is owed."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def run(self) -> int:
        """Note outcomes that became final, then owe what is new; how much."""
        store = self._ground.business.store
        looks = [looking.known(self._ground, inquiry) for inquiry in store.read(kept.unsettled)]
        if settled := [look.kept for look in looks if look.is_final]:
            await store.write(lambda connection: kept.mark_settled(connection, settled))
        if files := store.read(kept.untold):
            await store.write(lambda connection: self._owe(connection, files))
        return len(settled) + len(files)

    def _owe(self, connection: Connection, files: list[File]) -> None:
        for file in files:
            looks = [looking.known(self._ground, inquiry) for inquiry in file.inquiries]
            progress.owe(connection, self._progress(file, looks))
            kept.mark_told(connection, file)

    def _progress(self, file: File, looks: list[Look]) -> post_pb2.TellProgressRequest:
        case = looking.shown(self._ground, file, looks, with_inquiries=False)
        return post_pb2.TellProgressRequest(
            application_id=case.application_id,
            state=_STATES[case.state],
            at=timestamp(self._ground.now()),
            papers_saved=case.papers_saved,
            papers_to_bring=case.papers_to_bring,
            request_ids=[look.kept.request_id for look in looks if look.kept.refused is None],
            note=case.note,
        )
