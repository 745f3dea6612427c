"""What the rules of detection point at in this institution's own inquiries: by clerk, case and person, which nobody else records.

The supervisor is told request ids, never a clerk, an addressee or a code. Whether two inquiries are about one person is told by a pseudonym:
HMAC of the addressee number under a random key of that simulated day, made for this one look and gone with it.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256
from typing import Final

from warifu.exchange import detection
from warifu.exchange.detection import Seen
from warifu.interim import kept_inquiries
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Request
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import day_at
from warifu.kernel.limits import CODE, SEARCHED, check_text, malformed
from warifu.supervision.v1.supervision_pb2 import ListInquirySuspicionsRequest, ListInquirySuspicionsResponse

STEP: Final = 200
"""Inquiries opened before other work has its turn."""
_NEWEST: Final = 2**62


class Suspicions:
    """Applies the rules when it is asked, and keeps nothing of it."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def pointed_at(self, request: ListInquirySuspicionsRequest) -> ListInquirySuspicionsResponse:
        """Suspicions from a simulated day on.

        Raises:
            LinkageError: CLIENT_NOT_YOURS; CLIENT_MALFORMED: not a day.
        """
        self._ground.require(request.institution)
        first = _day(request.from_day)
        found = detection.by_requester([one async for one in self._seen(first)])
        return ListInquirySuspicionsResponse(suspicions=detection.listed(found))

    async def _seen(self, first: date) -> AsyncIterator[Seen]:
        """Own inquiries that the gateway has taken, newest first; at most SEARCHED."""
        keys: defaultdict[date, bytes] = defaultdict(lambda: os.urandom(32))
        before = _NEWEST
        for _ in range(SEARCHED // STEP):
            page = self._page(before)
            for inquiry in page:
                if inquiry.requested_at is None:
                    continue
                day = day_at(inquiry.requested_at)
                if day < first:
                    return
                yield self._one(inquiry, inquiry.requested_at, keys[day])
            if len(page) < STEP:
                return
            before = page[-1].position
            await asyncio.sleep(0)

    def _page(self, before: int) -> list[Request]:
        store, contents = self._ground.store, self._ground.contents
        return store.read(lambda connection: kept_inquiries.newest_requests(connection, contents, before, STEP))

    def _one(self, inquiry: Request, at: int, key: bytes) -> Seen:
        asked = interim_pb2.InquireRequest.FromString(inquiry.request)
        return Seen(
            inquiry.request_id,
            at,
            self._ground.institution,
            inquiry.position,
            clerk=asked.clerk,
            case=asked.case_reference,
            person=hmac.digest(key, asked.addressee_no.encode(), sha256),
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(check_text(text, "from_day", CODE))
    except LinkageError:
        raise
    except ValueError as error:
        raise malformed("from_day", "not a day") from error
