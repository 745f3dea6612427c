"""Something to see on every page: plays, one with a case at the counter, letters with and without an answer, a correction, an answer that waits."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Final

from warifu.agency.v1 import cases_pb2, cases_pb2_grpc
from warifu.simulator.cards.client import Session
from warifu.simulator.scenarios import SCENARIOS, Stage

PLAYS: Final = ("moved-household", "refused")
QUESTION: Final = "この問い合わせは、どの手続のためのものですか。"
ANSWER: Final = "国民健康保険に入る手続のためです。前の保険をやめた日を確かめました。"
OBJECTION: Final = "この市に住んだことはありません。"
CORRECTION: Final = "照会の理由の記録に誤りがありました。正しくは資格の取得です。"
CONCERN: Final = "この問い合わせが正しかったか、見てください。"
_DOCUMENT: Final = "application/json"
_ROUNDS: Final = 20


async def play(stage: Stage) -> None:
    """The plays, the first of which makes the person whom the tour is about."""
    for name in PLAYS:
        following = Stage(stage.network, stage.state, stage.doors)
        await SCENARIOS[name].play(following)
        stage.person = stage.person or following.person
        stage.exchanges += following.exchanges


async def letters(stage: Stage) -> tuple[list[str], str]:
    """One letter answered with a correction, one without an answer, one to the supervisor; their ids, and to whom the second went."""
    session = await stage.session(stage.person)
    newest = (await stage.history(stage.person))[0]
    written = [
        await _write(session, newest, addressee, kind, text)
        for addressee, kind, text in (
            (newest["requester"], "question", QUESTION),
            (newest["provider"], "objection", OBJECTION),
            ("watchdog", "question", CONCERN),
        )
    ]
    await stage.doors.settle()
    desk = cases_pb2_grpc.CaseServiceStub(stage.doors.counter(newest["requester"]))
    await desk.AnswerLetter(
        cases_pb2.AnswerLetterRequest(
            institution=newest["requester"], letter_id=written[0], text=ANSWER, correction=CORRECTION,
            actor=cases_pb2.Actor(office="window-1", clerk="c-0003"),
        ),
        timeout=15,
    )  # fmt: skip
    await stage.doors.settle()
    return written, newest["provider"]


async def own_information(stage: Stage) -> None:
    """What the citizen asks for and is told."""
    session = await stage.session(stage.person)
    tax = next(one for one in await stage.history(stage.person) if one["provider"].startswith("tax-"))
    wish = {"provider": tax["provider"], "consent": "yes", "year": "2025"}
    await asyncio.to_thread(session.post, f"{session.portal_url}/api/v1/information/ask/S01", wish, _DOCUMENT)
    for _ in range(_ROUNDS):
        told = await asyncio.to_thread(session.document, "/api/v1/notices")
        if any(one["kind"] == "information" for one in told["notices"]):
            return
        await stage.doors.settle()
        await asyncio.sleep(0.3)


async def _write(session: Session, entry: dict[str, Any], addressee: str, kind: str, text: str) -> str:
    letter = {"letter_id": str(uuid.uuid4()), "addressee": addressee, "kind": kind, "text": text}
    address = f"{session.portal_url}/api/v1/history/{entry['request_id']}/letter"
    await asyncio.to_thread(session.post, address, letter, _DOCUMENT)
    return letter["letter_id"]
