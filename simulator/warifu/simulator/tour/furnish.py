"""Something to see on every page: plays, a case at the counter with its answers, and what a citizen sends and asks for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from warifu.agency.v1 import cases_pb2, cases_pb2_grpc
from warifu.simulator.clerk import STAFF, Exchange
from warifu.simulator.doors import Doors
from warifu.simulator.scenarios import SCENARIOS, Stage

PLAYS: Final = ("moved-household", "refused")
DEADLINE: Final = 30
_ACTOR: Final = cases_pb2.Actor(office="window-1", clerk=STAFF)


async def play(stage: Stage) -> None:
    """The plays, the first of which makes the person whom the tour is about."""
    for name in PLAYS:
        following = Stage(stage.network, stage.state, stage.doors)
        await SCENARIOS[name].play(following)
        stage.person = stage.person or following.person
        stage.exchanges += following.exchanges


async def case(doors: Doors, played: Sequence[Exchange]) -> str:
    """A case at the counter about whom a play was about, with what was asked there asked for the case; its reference."""
    institution, addressee_no = played[0].requester, played[0].state.request.addressee_no
    questions = {one.question.item: one.question for one in played if one.requester == institution}
    desk = cases_pb2_grpc.CaseServiceStub(doors.counter(institution))
    offered = await desk.ListProcedures(cases_pb2.ListProceduresRequest(institution=institution), timeout=DEADLINE)
    chosen = max(offered.procedures, key=lambda one: len(one.inquiries))
    opened = await desk.OpenCase(
        cases_pb2.OpenCaseRequest(
            institution=institution, addressee_no=addressee_no, procedure=chosen.procedure, actor=_ACTOR
        ),
        timeout=DEADLINE,
    )
    for inquiry in chosen.inquiries:
        if (question := questions.get(inquiry.item)) is not None:
            await desk.AskForCase(
                cases_pb2.AskForCaseRequest(
                    institution=institution, reference=opened.case.reference, row=inquiry.row,
                    provider=question.provider, span=question.span, actor=_ACTOR, idempotency_key=str(uuid.uuid4()),
                ),
                timeout=DEADLINE,
            )  # fmt: skip
    return opened.case.reference


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
