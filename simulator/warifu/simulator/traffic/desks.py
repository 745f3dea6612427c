"""The clerks of institutions that were asked: they look at what waits for them and provide it, when the day is over (PROTO §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from warifu.interim.v1 import interim_pb2
from warifu.simulator.called import calling
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors
from warifu.simulator.traffic.drive import Made, told_by
from warifu.simulator.traffic.each import each

PENDING: Final = "PENDING"
AT_ONCE: Final = 16
_ROUNDS: Final = 200
"""Of at most 500 waiting answers each."""


async def look(doors: Doors, made: Sequence[Made]) -> int:
    """Release what waits of these inquiries, and note what became of each; how many were released.

    Raises:
        CallError: a provider or a requester failed.
    """
    waiting = {one.request_id: one for one in made if one.outcome == PENDING}
    if not waiting:
        return 0
    released = sum([await _release(Clerk(doors, provider), waiting) for provider in sorted(_providers(waiting))])

    async def collect(one: Made) -> None:
        # Of itself the asker would look at two a second: to settle its party would be to wait for all that it has due besides.
        clerk = Clerk(doors, one.intended.requester)
        request = interim_pb2.CollectRequest(institution=clerk.institution, request_id=one.request_id)
        with calling("Collect", clerk.institution):
            one.finally_ = told_by((await clerk.interim.Collect(request, timeout=30)).inquiry)[0]

    await each(waiting.values(), collect, AT_ONCE)
    return released


def _providers(waiting: Mapping[str, Made]) -> set[str]:
    return {one.intended.provider for one in waiting.values()}


async def _release(clerk: Clerk, waiting: Mapping[str, Made]) -> int:
    released = 0

    async def provide(permit: str) -> None:
        with calling("ReleaseReview", clerk.institution):
            await clerk.review(permit, interim_pb2.REVIEW_DECISION_PROVIDE)

    for _ in range(_ROUNDS):
        request = interim_pb2.ListReviewsRequest(institution=clerk.institution)
        with calling("ListReviews", clerk.institution):
            listed = await clerk.interim.ListReviews(request, timeout=30)
        ours = [one.permit_id for one in listed.reviews if one.permit_id in waiting]
        await each(ours, provide, AT_ONCE)
        released += len(ours)
        if not ours:
            break
    return released
