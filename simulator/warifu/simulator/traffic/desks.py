"""The clerks of institutions that were asked: they look at what waits for them and provide it, after the traffic (PROTO §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from warifu.interim.v1 import interim_pb2
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.traffic.drive import Made, told_by

PENDING: Final = "PENDING"
_ROUNDS: Final = 200
"""Of at most 500 waiting answers each."""


async def look(doors: Doors, made: Sequence[Made]) -> int:
    """Release what waits of these inquiries, and note what became of each; how many were released."""
    waiting = {one.request_id: one for one in made if one.outcome == PENDING}
    if not waiting:
        return 0
    released = sum([await _release(Clerk(doors, provider), waiting) for provider in sorted(_providers(waiting))])
    kinds = doors.network.extra["kinds"]
    await doors.settle(sorted({kinds[one.intended.requester] for one in waiting.values()}))
    for one in waiting.values():
        request = interim_pb2.CollectRequest(institution=one.intended.requester, request_id=one.request_id)
        answer = await Clerk(doors, one.intended.requester).interim.Collect(request, timeout=30)
        one.finally_ = told_by(answer.inquiry)[0]
    return released


def _providers(waiting: Mapping[str, Made]) -> set[str]:
    return {one.intended.provider for one in waiting.values()}


async def _release(clerk: Clerk, waiting: Mapping[str, Made]) -> int:
    released = 0
    for _ in range(_ROUNDS):
        listed = await clerk.interim.ListReviews(
            interim_pb2.ListReviewsRequest(institution=clerk.institution), timeout=30
        )
        ours = [one.permit_id for one in listed.reviews if one.permit_id in waiting]
        for permit in ours:
            await clerk.review(permit, interim_pb2.REVIEW_DECISION_PROVIDE)
        released += len(ours)
        if not ours:
            break
    return released
