"""What clerks do with the answers that wait when a day is over."""

from __future__ import annotations

from typing import Any

import pytest
from unit.traffic import lab

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2 as pb
from warifu.simulator.traffic import desks


class Town:
    """Doors, and the clerks behind them: providers with answers that wait, requesters who are told once they are asked."""

    def __init__(self, waiting: list[str]) -> None:
        self.waiting, self.collected = waiting, list[tuple[str, str]]()

    async def settle(self, _parties: object) -> None:
        """Everything that a party has due: its jobs look at two waiting answers at a time, and do all else besides."""
        raise AssertionError("a party is made to do all that it has due")

    def clerk(self, _doors: object, institution: str) -> Clerk:
        """One of them."""
        return Clerk(self, institution)


class Clerk:
    """A clerk, and the interim server as the clerk sees it."""

    def __init__(self, town: Town, institution: str) -> None:
        self.town, self.institution, self.interim = town, institution, self

    async def ListReviews(self, _request: object, timeout: float) -> pb.ListReviewsResponse:  # noqa: N802, ASYNC109 - as a stub has it
        """What waits here, two at a time."""
        return pb.ListReviewsResponse(reviews=[pb.Review(permit_id=one) for one in self.town.waiting[:2]])

    async def review(self, permit_id: str, decision: int) -> None:
        """It may be told."""
        assert decision == pb.REVIEW_DECISION_PROVIDE
        self.town.waiting.remove(permit_id)

    async def Collect(self, request: pb.CollectRequest, timeout: float) -> pb.CollectResponse:  # noqa: N802, ASYNC109 - as a stub has it
        """Final once a clerk has looked."""
        self.town.collected.append((request.institution, request.request_id))
        assert request.request_id not in self.town.waiting
        told = exchange_pb2.FINE_OUTCOME_PROVIDED
        return pb.CollectResponse(inquiry=pb.InquiryState(outcome=exchange_pb2.OUTCOME_ANSWERED, fine_outcome=told))


async def test_what_waits_is_released_and_asked_for_and_nothing_else_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer that waits is released at its provider and collected once by who asked; no party has to do all that it has due for it."""
    made = [lab.made(number, outcome="PENDING" if number % 2 else "PROVIDED") for number in range(10)]
    town: Any = Town([one.request_id for one in made if one.outcome == "PENDING"])
    monkeypatch.setattr(desks, "Clerk", town.clerk)
    assert await desks.look(town, made) == 5
    assert town.waiting == []
    assert sorted(town.collected) == [("nhi-480029", f"id-{number}") for number in (1, 3, 5, 7, 9)]
    assert [one.finally_ for one in made] == ["", "PROVIDED"] * 5
