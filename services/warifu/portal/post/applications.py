"""Applications on their way: handed to the institution that asks, and what it tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped, timestamp
from warifu.kernel.limits import CODE, FREE_TEXT, ID, check_items, check_text, malformed
from warifu.kernel.store import Store
from warifu.portal.kept import Seals
from warifu.portal.notices.queries import Notices
from warifu.portal.post.schema import applications
from warifu.portal.v1 import post_pb2

PAPERS: Final = 20
"""Papers of each kind in one message."""
REQUESTS: Final = 100
"""Request ids in one message."""
NOTICE: Final = "application"
"""Kind of notice; its values are `state`, the name of an ApplicationState, and `procedure`, its code."""
TELLABLE: Final = frozenset(
    {
        post_pb2.APPLICATION_STATE_RECEIVED,
        post_pb2.APPLICATION_STATE_IN_WORK,
        post_pb2.APPLICATION_STATE_AWAITS_PAPER,
        post_pb2.APPLICATION_STATE_GRANTED,
        post_pb2.APPLICATION_STATE_REFUSED,
        post_pb2.APPLICATION_STATE_RETURNED,
    }
)
"""What institutions tell; that it was sent is the portal's own to know."""
_DEFAULT, _MOST = 50, 100

_FETCH: Final = (
    select(applications)
    .where(
        applications.c.institution == bindparam("institution"),
        applications.c.position > bindparam("after"),
        applications.c.sealed.is_not(None),
    )
    .order_by(applications.c.position)
    .limit(bindparam("most"))
)
_ONE: Final = select(applications).where(
    applications.c.application_id == bindparam("which"), applications.c.institution == bindparam("institution")
)
_TOLD: Final = (
    update(applications)
    .where(applications.c.application_id == bindparam("which"))
    .values(state=bindparam("new_state"), state_at=bindparam("new_at"), told=bindparam("new_told"), sealed=None)
)


class ApplicationPost:
    """The applications of one portal, as institutions see them."""

    def __init__(self, store: Store, seals: Seals, notices: Notices) -> None:
        self._store, self._seals, self._notices = store, seals, notices

    def fetch(self, institution: str, after: int, limit: int) -> Sequence[post_pb2.SealedApplication]:
        """What is sealed for `institution` after a position, oldest first."""
        values = {"institution": institution, "after": after, "most": min(limit or _DEFAULT, _MOST)}
        return [_sealed(row) for row in self._store.read(lambda c: c.execute(_FETCH, values).all())]

    async def tell(self, institution: str, request: post_pb2.TellProgressRequest) -> None:
        """Keep how an application goes; what is older than what is known has no effect. Erases what was sealed: the institution has it.

        A change of state is a notice to the applicant.

        Raises:
            LinkageError: CLIENT_APPLICATION_UNKNOWN, also for another institution's; CLIENT_MALFORMED, CLIENT_TOO_LARGE,
                CLIENT_TOO_MANY_ITEMS.
        """
        _check(request)
        await self._store.write(lambda connection: self._tell(connection, institution, request))

    def _tell(self, connection: Connection, institution: str, request: post_pb2.TellProgressRequest) -> None:
        row = connection.execute(_ONE, {"which": request.application_id, "institution": institution}).one_or_none()
        if row is None:
            raise LinkageError(Reason.CLIENT_APPLICATION_UNKNOWN)
        at = stamped(request.at)
        if at < row.state_at:
            return
        told = self._seals.vault.seal(row.month, request.SerializeToString(), told_context(row.application_id))
        new = {"new_state": request.state, "new_at": at, "new_told": told}
        connection.execute(_TOLD, {"which": row.application_id, **new})
        if request.state != row.state:
            values = {"state": post_pb2.ApplicationState.Name(request.state), "procedure": row.procedure}
            self._notices.add(connection, row.account, NOTICE, f"/applications/{row.application_id}", values)


def told_context(application_id: str) -> bytes:
    """What the seal of a progress is bound to."""
    return f"application-told/{application_id}".encode()


def _sealed(row: Any) -> post_pb2.SealedApplication:
    return post_pb2.SealedApplication(
        position=row.position,
        application_id=row.application_id,
        procedure=row.procedure,
        submitted_at=timestamp(row.submitted_at),
        sealed=row.sealed,
        key_id=row.key_id,
    )


def _check(request: post_pb2.TellProgressRequest) -> None:
    check_text(request.application_id, "application_id", ID)
    if request.state not in TELLABLE:
        raise malformed("state", "not a state that an institution tells")
    check_text(request.note, "note", FREE_TEXT, required=False)
    check_items(request.request_ids, "request_ids", REQUESTS, required=False)
    for request_id in request.request_ids:
        check_text(request_id, "request_ids", CODE)
    for name in ("papers_saved", "papers_to_bring"):
        papers = getattr(request, name)
        check_items(papers, name, PAPERS, required=False)
        for paper in papers:
            check_text(paper.ja, f"{name}.ja", FREE_TEXT)
            check_text(paper.en, f"{name}.en", FREE_TEXT)
