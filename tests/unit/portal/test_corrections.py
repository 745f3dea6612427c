"""Corrections at the portal: taken with their exchange, believed only with their proof, shown beside the record and never instead of it."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy import select
from unit.portal.browser import Browser, visible
from unit.portal.corrected import Corrected
from unit.portal.lab import SORA, Lab, Told

from warifu.exchange import event as events
from warifu.exchange import offline, record
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError
from warifu.log.v1 import log_pb2
from warifu.portal.audit import AuditServicer
from warifu.portal.history.schema import corrections, marks
from warifu.portal.holdings import holdings
from warifu.portal.places import Places
from warifu.portal.v1 import portal_pb2
from warifu.tlog.bundle import ProofBundle

SAID = "手続の記載が誤りで、正しくは資格の確認です。"


def kept(lab: Lab) -> list[bytes]:
    """Commitments of the corrections that are stored."""
    return list(lab.store.read(lambda c: c.execute(select(corrections.c.commitment)).scalars()))


async def listed(lab: Lab, after: int = 0, limit: int = 0) -> portal_pb2.ListRecordsResponse:
    """What the auditor is shown."""
    servicer = AuditServicer(lab.store, lab.seals)
    return await servicer.ListRecords(portal_pb2.ListRecordsRequest(after=after, limit=limit), None)


async def test_a_correction_stands_at_the_entry(lab: Lab) -> None:
    """The entry's page shows who corrects what, when and with a mark of its own; the record is shown as before."""
    one, browser = Corrected(lab, Told()), Browser(lab)
    assert await one.deliver() == [one.request_id]
    await browser.log_in()
    before = (await browser.get(f"/api/v1/history/{one.request_id}")).json()
    assert before.pop("corrections") == []
    assert "訂正あり" not in visible((await browser.get("/history")).text)
    one.correct(SAID)
    assert await one.deliver() == [one.request_id]
    page = (await browser.get(f"/history/{one.request_id}")).text
    assert SAID in visible(page)
    assert 'data-testid="history-correction"' in page
    assert "訂正あり" in visible((await browser.get("/history")).text)
    after = (await browser.get(f"/api/v1/history/{one.request_id}")).json()
    (told,) = after.pop("corrections")
    assert (told["institution"], told["statement"]) == (one.told.requester, SAID)
    assert after == before


async def test_the_same_delivery_again_changes_nothing(lab: Lab) -> None:
    """At least once: corrections that are stored already are acknowledged again, in the order in which they came first."""
    one = Corrected(lab, Told())
    made = [one.correct(SAID).commitment]
    await one.deliver()
    await one.deliver()
    made.append(one.correct("もう一つ", one.told.provider).commitment)
    await one.deliver()
    assert sorted(kept(lab)) == sorted(made)
    (placed,) = (await placed_of(lab, one)).values()
    assert [base64.b64decode(part["salt"]) for part in placed["corrections"]]


async def placed_of(lab: Lab, one: Corrected) -> dict[str, dict[str, list[dict[str, str]]]]:
    """The proofs of an entry, as the browser asks for them."""
    browser = Browser(lab)
    await browser.log_in()
    answer: dict[str, dict[str, list[dict[str, str]]]] = (
        await browser.get(f"/api/v1/proofs?request_id={one.request_id}")
    ).json()["entries"]
    return answer


@pytest.mark.parametrize(
    "how", ["another exchange", "a stranger", "another commitment", "no correction", "too many", "bytes"]
)
async def test_what_cannot_be_believed_is_refused(lab: Lab, how: str) -> None:
    """A correction of another exchange, by who took no part, without its commitment or that is none, keeps its delivery out; nothing is stored."""
    one = Corrected(lab, Told())
    if how == "another exchange":
        one.correct(SAID, request_id="0" * 36)
    elif how == "a stranger":
        one.correct(SAID, "tax-490016")
    elif how == "too many":
        for number in range(21):
            one.correct(f"{number}")
    else:
        made = one.correct(SAID)
        if how == "another commitment":
            made.commitment = bytes(32)
        elif how == "no correction":
            made.CopyFrom(log_pb2.CommittedEvent())
        one.plain.corrections[0].event = b"\xff" if how == "bytes" else made.SerializeToString()
    with pytest.raises(LinkageError):
        await one.deliver()
    assert not kept(lab)


async def test_a_correction_of_another_event_is_none(lab: Lab) -> None:
    """An event of the log that is no correction is not taken for one, though its commitment fits."""
    one = Corrected(lab, Told())
    made = events.commit(log_pb2.NetworkEvent(version=1, started=log_pb2.GatewayStarted(program="1")))
    one.plain.corrections.add(event=made.SerializeToString(), leaf=3)
    with pytest.raises(LinkageError):
        await one.deliver()


async def test_somebody_else_s_corrections_are_nobody_s_business(lab: Lab) -> None:
    """Another person finds neither page, document nor proof of a corrected entry."""
    one, browser = Corrected(lab, Told()), Browser(lab)
    one.correct(SAID)
    await one.deliver()
    await browser.log_in(SORA)
    for path in (f"/history/{one.request_id}", f"/api/v1/history/{one.request_id}"):
        response = await browser.get(path)
        assert response.status_code == 404
        assert SAID not in response.text
    assert (await browser.get(f"/api/v1/proofs?request_id={one.request_id}")).json()["entries"] == {}


async def test_a_correction_is_proved_by_itself(lab: Lab) -> None:
    """The proof's event and salt open the commitment at its own place in the log; the file to take away holds it as a third part."""
    one = Corrected(lab, Told())
    made = one.correct(SAID)
    await one.deliver()
    (entry,) = (await placed_of(lab, one)).values()
    (part,) = entry["corrections"]
    assert base64.b64decode(part["event"]) == made.event
    assert lab.log.leaves[part["index"]] == made.commitment  # type: ignore[index]
    browser = Browser(lab)
    await browser.log_in()
    proofs = offline.read((await browser.get(f"/history/{one.request_id}/proof")).content)
    assert len(proofs) == 3
    trusted = offline.trust(lab.log.keys)
    checked = offline.check_any(proofs[2], trusted)
    assert isinstance(checked, offline.ProvenCorrection)
    assert checked.event.correction.statement == SAID
    assert isinstance(offline.check_any(proofs[0], trusted), offline.Proven)


async def test_an_altered_correction_proves_nothing(lab: Lab) -> None:
    """Other words in the file do not fit the commitment."""
    one, browser = Corrected(lab, Told()), Browser(lab)
    made = one.correct(SAID)
    await one.deliver()
    await browser.log_in()
    *_, part = offline.read((await browser.get(f"/history/{one.request_id}/proof")).content)
    changed = log_pb2.NetworkEvent.FromString(made.event)
    changed.correction.statement = "正しい"
    made.event = changed.SerializeToString()
    lie = ProofBundle(part.index, part.path, part.checkpoint, made.SerializeToString())
    with pytest.raises(record.RecordError):
        offline.check_any(lie, offline.trust(lab.log.keys))


async def test_a_correction_that_is_not_witnessed_yet_waits(lab: Lab) -> None:
    """While the witnessed head ends before a correction, the entry is proved and the correction is not yet."""
    one = Corrected(lab, Told())
    await one.deliver()
    lab.log.seen = len(lab.log.leaves)
    one.correct(SAID)
    await one.deliver()
    (entry,) = (await placed_of(lab, one)).values()
    assert entry["corrections"] == [{"state": "not-yet-witnessed"}]
    assert entry["request"]


async def test_the_auditor_is_shown_it_in_the_order_of_arrival(lab: Lab) -> None:
    """Entries and corrections are paged through together, by one count, each once, also a page at a time."""
    first, second = Corrected(lab, Told()), Corrected(lab, Told())
    await first.deliver()
    first.correct(SAID)
    await first.deliver()
    await second.deliver()
    second.correct("x")
    await second.deliver()
    whole = await listed(lab)
    kinds = [one.HasField("correction") for one in whole.records]
    assert kinds == [False, True, False, True]
    assert [one.position for one in whole.records] == [1, 2, 3, 4]
    paged, after = [], 0
    while True:
        page = await listed(lab, after, 1)
        paged += page.records
        if not page.HasField("next"):
            break
        after = page.next
    assert paged == list(whole.records)


async def test_places_are_learnt_anew_for_corrections_too(lab: Lab) -> None:
    """After the log was replaced, where a correction stands is asked of the new one."""
    one = Corrected(lab, Told())
    made = one.correct(SAID)
    await one.deliver()
    lab.log.fill(5)
    moved = lab.log.leaves.index(made.commitment)
    lab.log.leaves.append(lab.log.leaves.pop(moved))
    assert await Places(lab.store, lab.seals, lab.log, "ffffffff").learn() == 2
    (told,) = [one for one in (await listed(lab)).records if one.HasField("correction")]
    assert told.correction_leaf == lab.log.leaves.index(made.commitment)


async def test_the_view_shows_what_is_held(lab: Lab) -> None:
    """The trainer's view names a correction as what it is: an event of the log with its salt."""
    one = Corrected(lab, Told(outcome=exchange_pb2.OUTCOME_DENIED))
    one.correct(SAID)
    await one.deliver()
    held = holdings(lab.store, lab.seals, one.request_id)
    assert [holding.where for holding in held] == ["portal-main/entries", "portal-main/corrections"]
    event = log_pb2.NetworkEvent.FromString(held[1].values[0].raw)
    assert event.correction.statement == SAID


async def test_corrections_are_erased_with_their_entry(lab: Lab) -> None:
    """When the term is over, neither the correction nor a mark of the entry is left."""
    one = Corrected(lab, Told())
    one.correct(SAID)
    await one.deliver()
    lab.clock.pass_time(timedelta(days=365 * 7 + 62))
    assert await lab.portal.jobs["retention"]() == 1
    assert not kept(lab)
    assert lab.store.read(lambda c: c.execute(select(marks.c.mark)).first()) is None
