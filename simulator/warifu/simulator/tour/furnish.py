"""Something to see on every page: plays, one with a case at the counter, and what a citizen sends and asks for."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

from warifu.simulator.scenarios import SCENARIOS, Stage

PLAYS: Final = ("moved-household", "refused")


async def play(stage: Stage) -> None:
    """The plays, the first of which makes the person whom the tour is about."""
    for name in PLAYS:
        following = Stage(stage.network, stage.state, stage.doors)
        await SCENARIOS[name].play(following)
        stage.person = stage.person or following.person
        stage.exchanges += following.exchanges


async def letters(stage: Stage) -> None:
    """A question about the newest exchange, and a request for one's own information."""
    session = await stage.session(stage.person)
    newest = (await stage.history(stage.person))[0]
    question = {
        "letter_id": str(uuid.uuid4()), "addressee": newest["requester"], "kind": "question",
        "text": "この問い合わせは、どの手続のためのものですか。",
    }  # fmt: skip
    await asyncio.to_thread(
        session.post, f"{session.portal_url}/api/v1/history/{newest['request_id']}/letter", question, "application/json"
    )
    wish = {"provider": newest["provider"], "consent": "yes", "year": "2025"}
    await asyncio.to_thread(session.post, f"{session.portal_url}/api/v1/information/ask/S01", wish, "application/json")
    await stage.doors.settle()
