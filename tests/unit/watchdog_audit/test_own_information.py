"""The portal as a requester: its records are compared like anyone's, but for an answer that it has let go."""

from __future__ import annotations

import os

from unit.watchdog_audit.model import BOOK, TAX, Exchange, Model

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.watchdog.audit.findings import Kind

PORTAL = "portal-main"


def own_request(model: Model) -> Exchange:
    """A citizen's own request, done by the rules, at all who are to hold it."""
    row = BOOK.rows["S01"]
    changes = {"affair": row.affair.code, "procedure": row.procedure.code, "item": row.item, "row": row.id}
    made = model.made(pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED, requester=PORTAL, **changes)
    model.held.setdefault(PORTAL, [])
    for entry in made.gateway:
        model.enter(entry)
    for party, held in ((PORTAL, made.requester), (TAX, made.provider)):
        for one in held:
            model.hold(party, one)
    model.deliver(made)
    return made


async def test_the_three_records_of_an_own_request_reconcile(model: Model) -> None:
    """An own request by the rules leaves nothing to find while its answer is kept, and afterwards."""
    own_request(model)
    let_go = own_request(model)
    let_go.requester[1].evidence.Clear()
    assert (await model.audit()).findings == ()


async def test_an_answer_that_the_portal_still_keeps_is_compared(model: Model) -> None:
    """While the portal stores an answer it must be the recorded one, as at any requester."""
    own_request(model).requester[1].evidence.answer_digest = os.urandom(32)
    own_request(model).requester[1].evidence.ClearField("answer_digest")
    assert [one.kind for one in (await model.audit()).findings] == [Kind.CONTENT_ALTERED, Kind.CONTENT_ALTERED]


async def test_the_portal_s_missing_record_is_found(model: Model) -> None:
    """A request that gateway and tax office have on record, and the portal has not, is laid at the portal."""
    made = own_request(model)
    model.held[PORTAL] = [one for one in model.held[PORTAL] if one is not made.requester[1]]
    (found,) = (await model.audit()).findings
    assert (found.kind, found.party) == (Kind.MISSING_AT_REQUESTER, PORTAL)
