"""What the business system is shown of its inquiries."""

from __future__ import annotations

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import inquire, kept_inquiries
from warifu.interim.drive import Driver
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.instants import timestamp
from warifu.kernel.limits import COLLECT_WAIT, check_page, malformed
from warifu.linkage.v1 import linkage_pb2

_NEWEST = 2**62


class Collection:
    """Shows one institution's inquiries."""

    def __init__(self, ground: Ground, driver: Driver) -> None:
        self._ground, self._driver = ground, driver

    async def collect(self, request: pb.CollectRequest) -> pb.CollectResponse:
        """The inquiry's state: waits while it is under way, and asks once more for an answer that waits for a clerk.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_REQUEST_UNKNOWN.
        """
        self._ground.require(request.institution)
        row = self._row(request.request_id)
        if row.outcome == exchange_pb2.OUTCOME_UNSPECIFIED and request.wait_ms:
            self._driver.send(request.request_id)
            await self._driver.wait(request.request_id, min(request.wait_ms, COLLECT_WAIT) / 1000)
            row = self._row(request.request_id)
        elif row.outcome == exchange_pb2.OUTCOME_PENDING:
            await self._driver.collect(request.request_id)
            row = self._row(request.request_id)
        return pb.CollectResponse(inquiry=state_of(row))

    def known(self, request_id: str) -> pb.InquiryState | None:
        """The inquiry's state as it is known here, without asking anybody; None when there is none (any more)."""
        contents = self._ground.contents
        row = self._ground.store.read(lambda connection: kept_inquiries.find(connection, contents, request_id))
        return None if row is None else state_of(row)

    async def list_inquiries(self, request: pb.ListInquiriesRequest) -> pb.ListInquiriesResponse:
        """Inquiries without their records, newest first.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_MALFORMED.
        """
        self._ground.require(request.institution)
        before, limit = page_before(request.page_token), check_page(request.page_size)
        contents = self._ground.contents
        rows = self._ground.store.read(
            lambda connection: kept_inquiries.newest(connection, contents, before, limit + 1)
        )
        token = str(rows[limit - 1].position) if len(rows) > limit else ""
        inquiries = [state_of(row, with_records=False) for row in rows[:limit]]
        return pb.ListInquiriesResponse(inquiries=inquiries, next_page_token=token)

    def _row(self, request_id: str) -> Inquiry:
        contents = self._ground.contents
        return self._ground.store.read(lambda connection: inquire.find(connection, contents, request_id))


def page_before(token: str) -> int:
    """The position before which a page of a list, newest first, goes on.

    Raises:
        LinkageError: CLIENT_MALFORMED.
    """
    if token and not (token.isascii() and token.isdecimal()):
        raise malformed("page_token", "not one of ours")
    return min(int(token or _NEWEST), _NEWEST)


def state_of(row: Inquiry, *, with_records: bool = True) -> pb.InquiryState:
    """An inquiry as the business system sees it: no codes, no cryptography."""
    state = pb.InquiryState(
        request_id=row.request_id,
        outcome=row.outcome,
        fine_outcome=row.fine_outcome,
        request=pb.InquireRequest.FromString(row.request),
    )
    if row.answer is not None and with_records:
        state.records.extend(exchange_pb2.Answer.FromString(row.answer).records)
    if row.outcome == exchange_pb2.OUTCOME_DENIED and row.state is not None:
        state.denial.CopyFrom(linkage_pb2.ExchangeState.FromString(row.state).denial)
    if row.failure is not None:
        state.error.CopyFrom(common_pb2.Failure.FromString(row.failure))
    if row.requested_at is not None:
        state.requested_at.CopyFrom(timestamp(row.requested_at))
    if row.answered_at is not None:
        state.answered_at.CopyFrom(timestamp(row.answered_at))
    return state
