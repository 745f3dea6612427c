"""What a test in a browser has done behind the pages, by the network's own doors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from running import Running

from warifu.interim.v1 import interim_pb2
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import doors
from warifu.simulator.scenarios.stage import Stage

T = TypeVar("T")


def on_stage(network: Running, act: Callable[[Stage], Awaitable[T]]) -> T:
    """Do something with the network's own people and doors."""

    async def run() -> T:
        async with doors(network.file) as opened:
            return await act(Stage(network.file, network.state, opened))

    with ThreadPoolExecutor(1) as beside:  # Playwright has an event loop of its own in this thread
        return beside.submit(lambda: asyncio.run(run())).result()


def provide_what_waits(network: Running, providers: Iterable[str]) -> None:
    """Have clerks there provide the answers that were drawn for them: one in forty is, whoever asks."""

    async def provide(stage: Stage) -> None:
        for provider in providers:
            clerk = Clerk(stage.doors, provider)
            asked = interim_pb2.ListReviewsRequest(institution=provider)
            for review in (await clerk.interim.ListReviews(asked, timeout=15)).reviews:
                await clerk.review(review.permit_id, interim_pb2.REVIEW_DECISION_PROVIDE)

    on_stage(network, provide)
